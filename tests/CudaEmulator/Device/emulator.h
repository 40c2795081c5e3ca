// CUDA C as g++ sees it. There are no standard headers here on purpose: NVRTC offers none either, so a kernel that includes one
// fails in the same place. Overloads are exactly NVRTC's: what compiles here should compile there.
#pragma once
#include "interface.h"

#define __global__ __attribute__((noinline, used))
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__
#define __CUDACC__ 1
#define __CUDACC_RTC__ 1
#define CUEMU 1

// A shared variable is a static one, and the module's whole .bss is its shared memory: blocks run one after another, so one copy
// serves. The header's own state must therefore lie elsewhere.
#define __shared__ static
#define EMU_UNCHECKED __attribute__((no_sanitize("thread")))
#define EMU_NOT_SHARED __attribute__((section(".data.emu")))

#define DEVICE
#define DEVICE_INLINE inline
#define NOTHROW noexcept
#include "types.h"
#include "math.h"

extern "C" {
EMU_NOT_SHARED EmuState emuState = {(EmuThread*)8, nullptr, nullptr, {1, 1, 1}, {1, 1, 1}, nullptr};
}
EMU_UNCHECKED static inline bool emuIsOwnStack(const void* address) { return (unsigned long)address - (unsigned long)emuState.stack < EmuStackBytes; }
#define threadIdx (emuState.self->thread)
#define blockIdx (emuState.self->block)
#define blockDim (emuState.blockSize)
#define gridDim (emuState.gridSize)
#define warpSize 32

#define __syncthreads() emuState.calls->barrier(__LINE__)
#define __syncthreads_count(p) emuState.calls->barrierVote(0, (p) != 0, __LINE__)
#define __syncthreads_and(p) emuState.calls->barrierVote(1, (p) != 0, __LINE__)
#define __syncthreads_or(p) emuState.calls->barrierVote(2, (p) != 0, __LINE__)
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}
#define __trap() emuState.calls->trap(__LINE__)
#define printf(...) emuState.calls->print(__VA_ARGS__)
#define assert(c) ((c) ? (void)0 : emuState.calls->assertion(#c, __LINE__))

// ---- warps ----
template <class T>
static inline unsigned long emuPack(T value) {
    unsigned long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    return bits;
}
template <class T>
static inline T emuUnpack(unsigned long bits) {
    T value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

#define SHUFFLE(name, op, T, A)                                                                             \
    static inline T name(unsigned mask, T value, A argument, int width = 32, int line = __builtin_LINE()) { \
        return emuUnpack<T>(emuState.calls->warp(op, mask, emuPack(value), (int)argument, width, line));    \
    }
#define SHUFFLES(T)                                   \
    SHUFFLE(__shfl_sync, EmuShuffle, T, int)          \
    SHUFFLE(__shfl_up_sync, EmuShuffleUp, T, unsigned)     \
    SHUFFLE(__shfl_down_sync, EmuShuffleDown, T, unsigned) \
    SHUFFLE(__shfl_xor_sync, EmuShuffleXor, T, int)
SHUFFLES(int) SHUFFLES(unsigned int) SHUFFLES(long) SHUFFLES(unsigned long)
SHUFFLES(long long) SHUFFLES(unsigned long long) SHUFFLES(float) SHUFFLES(double)
#undef SHUFFLES
#undef SHUFFLE

static inline void __syncwarp(unsigned mask = 0xffffffffu, int line = __builtin_LINE()) { emuState.calls->warp(EmuSyncWarp, mask, 0, 0, 32, line); }
static inline unsigned __ballot_sync(unsigned mask, int predicate, int line = __builtin_LINE()) {
    return (unsigned)emuState.calls->warp(EmuBallot, mask, predicate != 0, 0, 32, line);
}
static inline int __any_sync(unsigned mask, int predicate, int line = __builtin_LINE()) { return __ballot_sync(mask, predicate, line) != 0; }
static inline int __all_sync(unsigned mask, int predicate, int line = __builtin_LINE()) { return __ballot_sync(mask, predicate, line) == __ballot_sync(mask, 1, line); }
static inline unsigned __match_any_sync(unsigned mask, int value, int line = __builtin_LINE()) {
    return (unsigned)emuState.calls->warp(EmuMatchAny, mask, emuPack(value), 0, 32, line);
}
static inline unsigned __match_any_sync(unsigned mask, unsigned value, int line = __builtin_LINE()) { return __match_any_sync(mask, (int)value, line); }
// Threads take turns, so the calling thread is all that is surely active.
static inline unsigned __activemask() {
    unsigned lane = (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) & 31u;
    return 1u << lane;
}

#include "memory.h"
#include "half.h"
#include "registration.h"
#ifdef EMU_CHECKED
#include "checked.h"
#endif
