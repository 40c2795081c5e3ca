// CUDA C for clang's PTX back end without a CUDA toolkit: the same names and overloads as emulator.h, by clang's own intrinsics.
// Nothing compiled with it is ever run; it finds what g++ lets pass and a real CUDA compiler would not.
#pragma once

#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __host__ __attribute__((host))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __CUDACC_RTC__ 1

#define DEVICE __device__
#define DEVICE_INLINE __device__ inline
#define NOTHROW
#include "types.h"
#include "math.h"

#define DEVICE_FUNCTION static __device__ __forceinline__

// threadIdx and the like are registers: reading a member reads the register.
#define REGISTER_VECTOR(name, reg)                                                     \
    struct name##_register {                                                           \
        __declspec(property(get = readX)) unsigned x;                                  \
        __declspec(property(get = readY)) unsigned y;                                  \
        __declspec(property(get = readZ)) unsigned z;                                  \
        DEVICE_FUNCTION unsigned readX() { return __nvvm_read_ptx_sreg_##reg##_x(); }  \
        DEVICE_FUNCTION unsigned readY() { return __nvvm_read_ptx_sreg_##reg##_y(); }  \
        DEVICE_FUNCTION unsigned readZ() { return __nvvm_read_ptx_sreg_##reg##_z(); }  \
    };                                                                                 \
    extern const __device__ __attribute__((weak)) name##_register name;
REGISTER_VECTOR(threadIdx, tid)
REGISTER_VECTOR(blockIdx, ctaid)
REGISTER_VECTOR(blockDim, ntid)
REGISTER_VECTOR(gridDim, nctaid)
#undef REGISTER_VECTOR
#define warpSize 32

extern "C" __device__ int printf(const char*, ...);
DEVICE_FUNCTION void __trap() { __builtin_trap(); }
#define assert(c) ((c) ? (void)0 : __trap())
DEVICE_FUNCTION void __threadfence() { __nvvm_membar_gl(); }
DEVICE_FUNCTION void __threadfence_block() { __nvvm_membar_cta(); }
DEVICE_FUNCTION void __threadfence_system() { __nvvm_membar_sys(); }
DEVICE_FUNCTION int __syncthreads_count(int p) { return __nvvm_bar0_popc(p); }
DEVICE_FUNCTION int __syncthreads_and(int p) { return __nvvm_bar0_and(p); }
DEVICE_FUNCTION int __syncthreads_or(int p) { return __nvvm_bar0_or(p); }

// ---- warps ----
// The last operand holds the segment's mask and the largest lane (PTX ISA, shfl.sync).
#define SHUFFLE32(name, kind, T, A, clamp)                                                                     \
    DEVICE_FUNCTION T name(unsigned mask, T value, A argument, int width = 32) {                               \
        return sameBits<T>(__nvvm_shfl_sync_##kind##_i32(mask, sameBits<int>(value), argument, ((32 - width) << 8) | clamp)); \
    }
#define SHUFFLE64(name, T, A)                                                                                  \
    DEVICE_FUNCTION T name(unsigned mask, T value, A argument, int width = 32) {                               \
        unsigned long long bits = sameBits<unsigned long long>(value);                                         \
        unsigned low = name(mask, (unsigned)bits, argument, width), high = name(mask, (unsigned)(bits >> 32), argument, width); \
        return sameBits<T>((unsigned long long)high << 32 | low);                                              \
    }
#define SHUFFLE(name, kind, A, clamp)                                                                          \
    SHUFFLE32(name, kind, int, A, clamp) SHUFFLE32(name, kind, unsigned, A, clamp) SHUFFLE32(name, kind, float, A, clamp) \
    SHUFFLE64(name, long, A) SHUFFLE64(name, unsigned long, A) SHUFFLE64(name, long long, A)                   \
    SHUFFLE64(name, unsigned long long, A) SHUFFLE64(name, double, A)
SHUFFLE(__shfl_sync, idx, int, 31)
SHUFFLE(__shfl_up_sync, up, unsigned, 0)
SHUFFLE(__shfl_down_sync, down, unsigned, 31)
SHUFFLE(__shfl_xor_sync, bfly, int, 31)
#undef SHUFFLE
#undef SHUFFLE64
#undef SHUFFLE32
DEVICE_FUNCTION void __syncwarp(unsigned mask = 0xffffffffu) { __nvvm_bar_warp_sync(mask); }
DEVICE_FUNCTION unsigned __ballot_sync(unsigned mask, int p) { return __nvvm_vote_ballot_sync(mask, p); }
DEVICE_FUNCTION int __any_sync(unsigned mask, int p) { return __nvvm_vote_any_sync(mask, p); }
DEVICE_FUNCTION int __all_sync(unsigned mask, int p) { return __nvvm_vote_all_sync(mask, p); }
DEVICE_FUNCTION unsigned __match_any_sync(unsigned mask, unsigned value) { return __nvvm_match_any_sync_i32(mask, value); }
DEVICE_FUNCTION unsigned __match_any_sync(unsigned mask, int value) { return __nvvm_match_any_sync_i32(mask, value); }
DEVICE_FUNCTION unsigned __activemask() {
    unsigned mask;
    asm volatile("activemask.b32 %0;" : "=r"(mask));
    return mask;
}

// ---- memory ----
#define LDG(T) DEVICE_FUNCTION T __ldg(const T* p) { return *p; } \
               DEVICE_FUNCTION T __ldcs(const T* p) { return *p; } \
               DEVICE_FUNCTION T __ldcg(const T* p) { return *p; }
LDG(char) LDG(signed char) LDG(short) LDG(int) LDG(long) LDG(long long) LDG(unsigned char) LDG(unsigned short) LDG(unsigned int)
LDG(unsigned long) LDG(unsigned long long) LDG(float) LDG(double) LDG(char2) LDG(char4) LDG(short2) LDG(short4) LDG(int2) LDG(int4)
LDG(longlong2) LDG(uchar2) LDG(uchar4) LDG(ushort2) LDG(ushort4) LDG(uint2) LDG(uint4) LDG(ulonglong2) LDG(float2) LDG(float4) LDG(double2)
#undef LDG

// T as the program has it, B as the intrinsic does.
#define ATOMIC(name, T, intrinsic, B) \
    DEVICE_FUNCTION T name(T* address, T value) { return (T)__nvvm_atom_##intrinsic((B*)address, (B)value); }
#define ATOMIC3(name, op) \
    ATOMIC(name, int, op##_gen_i, int) ATOMIC(name, unsigned int, op##_gen_i, int) ATOMIC(name, unsigned long long, op##_gen_ll, long long)
ATOMIC3(atomicAdd, add)
ATOMIC3(atomicExch, xchg)
ATOMIC3(atomicAnd, and)
ATOMIC3(atomicOr, or)
ATOMIC3(atomicXor, xor)
ATOMIC(atomicAdd, float, add_gen_f, float)
ATOMIC(atomicAdd, double, add_gen_d, double)
#define ATOMIC_ORDER(name, op)                                                          \
    ATOMIC(name, int, op##_gen_i, int) ATOMIC(name, unsigned int, op##_gen_ui, unsigned int) \
    ATOMIC(name, long long, op##_gen_ll, long long) ATOMIC(name, unsigned long long, op##_gen_ull, unsigned long long)
ATOMIC_ORDER(atomicMin, min)
ATOMIC_ORDER(atomicMax, max)
ATOMIC(atomicInc, unsigned int, inc_gen_ui, unsigned int)
ATOMIC(atomicDec, unsigned int, dec_gen_ui, unsigned int)
DEVICE_FUNCTION int atomicSub(int* address, int value) { return atomicAdd(address, -value); }
DEVICE_FUNCTION unsigned int atomicSub(unsigned int* address, unsigned int value) { return atomicAdd(address, 0u - value); }
DEVICE_FUNCTION float atomicExch(float* address, float value) { return sameBits<float>(atomicExch((int*)address, sameBits<int>(value))); }
#define ATOMIC_CAS(T, intrinsic, B) \
    DEVICE_FUNCTION T atomicCAS(T* address, T expected, T value) { return (T)__nvvm_atom_cas_gen_##intrinsic((B*)address, (B)expected, (B)value); }
ATOMIC_CAS(int, i, int)
ATOMIC_CAS(unsigned int, i, int)
ATOMIC_CAS(unsigned long long, ll, long long)
#undef ATOMIC_CAS
#undef ATOMIC_ORDER
#undef ATOMIC3
#undef ATOMIC
