// Cached loads and atomics for g++. A thread is never interrupted, so plain code is atomic; the checker is told that it was.
#pragma once

#define LDG(T) static inline T __ldg(const T* p) { return *p; } \
               static inline T __ldcs(const T* p) { return *p; } \
               static inline T __ldcg(const T* p) { return *p; }
LDG(char) LDG(signed char) LDG(short) LDG(int) LDG(long) LDG(long long) LDG(unsigned char) LDG(unsigned short) LDG(unsigned int)
LDG(unsigned long) LDG(unsigned long long) LDG(float) LDG(double) LDG(char2) LDG(char4) LDG(short2) LDG(short4) LDG(int2) LDG(int4)
LDG(longlong2) LDG(uchar2) LDG(uchar4) LDG(ushort2) LDG(ushort4) LDG(uint2) LDG(uint4) LDG(ulonglong2) LDG(float2) LDG(float4) LDG(double2)
#undef LDG

template <class T>
EMU_UNCHECKED static inline void emuAtomic(T* address) {
#ifdef EMU_CHECKED
    if (!emuIsOwnStack(address)) emuState.calls->access(address, sizeof(T), EmuAtomic);
#endif
}

#define ATOMIC(name, T, ...)                                        \
    EMU_UNCHECKED static inline T name(T* address, T value) {       \
        emuAtomic(address);                                         \
        T old = *address;                                           \
        *address = __VA_ARGS__;                                     \
        return old;                                                 \
    }
#define ATOMIC3(M, name, ...) M(name, int, __VA_ARGS__) M(name, unsigned int, __VA_ARGS__) M(name, unsigned long long, __VA_ARGS__)

ATOMIC3(ATOMIC, atomicAdd, old + value) ATOMIC(atomicAdd, float, old + value) ATOMIC(atomicAdd, double, old + value)
ATOMIC(atomicSub, int, old - value) ATOMIC(atomicSub, unsigned int, old - value)
ATOMIC3(ATOMIC, atomicExch, value) ATOMIC(atomicExch, float, value)
ATOMIC3(ATOMIC, atomicMin, value < old ? value : old) ATOMIC(atomicMin, long long, value < old ? value : old)
ATOMIC3(ATOMIC, atomicMax, value > old ? value : old) ATOMIC(atomicMax, long long, value > old ? value : old)
ATOMIC3(ATOMIC, atomicAnd, old & value) ATOMIC3(ATOMIC, atomicOr, old | value) ATOMIC3(ATOMIC, atomicXor, old ^ value)
ATOMIC(atomicInc, unsigned int, old >= value ? 0u : old + 1u) ATOMIC(atomicDec, unsigned int, old == 0u || old > value ? value : old - 1u)
#undef ATOMIC3
#undef ATOMIC

#define ATOMIC_CAS(T)                                                           \
    EMU_UNCHECKED static inline T atomicCAS(T* address, T expected, T value) {  \
        emuAtomic(address);                                                     \
        T old = *address;                                                       \
        if (old == expected) *address = value;                                  \
        return old;                                                             \
    }
ATOMIC_CAS(int) ATOMIC_CAS(unsigned int) ATOMIC_CAS(unsigned long long) ATOMIC_CAS(unsigned short)
#undef ATOMIC_CAS
