// Copies between a dense array and one that lies in strides: slices, parts of a concatenation, and permutations that keep neighbours or have short sides. Bound by
// memory: 8 bytes a number.

#include "Packs.cuh"
#include "Walk.cuh"

// Where runs of numbers lie side by side in both arrays: packs of N along the last axis, or single numbers, by a walk without divisions.
template <class T, bool GATHERS>
struct Copy
{
    const T* from;
    T* to;
    const Walk& walk;
    const Strides& strides;
    float beta;

    template <int N>
    struct Held
    {
        Run<T, N> from, old;
        unsigned to;
    };

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const
    {
        unsigned strided = walked(walk, i, strides), target = GATHERS ? i : strided;
        return {take<N>(from + (GATHERS ? strided : i)), beta != 0.0f ? take<N>(to + target) : repeated<N>(T{}), target};
    }

    template <int N>
    __device__ __forceinline__ void finish(unsigned, Held<N>& held) const
    {
#pragma unroll
        for (int k = 0; k < N; k++)
            held.old.store_at(k, held.from.get(k), beta);
        give(to + held.to, held.old);
    }
};

#define COPY(suffix, T)                                                                                                                                         \
    extern "C" __global__ void gather_packs##suffix(const T* from, T* to, int count, Walk walk, Strides strides, float beta)                                    \
    {                                                                                                                                                           \
        in_packs<PACKED(T), 2, false>(count, Copy<T, true>{from, to, walk, strides, beta});                                                                            \
    }                                                                                                                                                           \
    extern "C" __global__ void scatter_packs##suffix(const T* from, T* to, int count, Walk walk, Strides strides, float beta)                                   \
    {                                                                                                                                                           \
        in_packs<PACKED(T), 2, false>(count, Copy<T, false>{from, to, walk, strides, beta});                                                                           \
    }                                                                                                                                                           \
    extern "C" __global__ void gather##suffix(const T* from, T* to, int count, Walk walk, Strides strides, float beta)                                          \
    {                                                                                                                                                           \
        in_packs<1, 2>(count, Copy<T, true>{from, to, walk, strides, beta});                                                                                    \
    }                                                                                                                                                           \
    extern "C" __global__ void scatter##suffix(const T* from, T* to, int count, Walk walk, Strides strides, float beta)                                         \
    {                                                                                                                                                           \
        in_packs<1, 2>(count, Copy<T, false>{from, to, walk, strides, beta});                                                                                   \
    }                                                                                                                                                           \
    extern "C" __global__ void gather_long##suffix(const T* from, T* to, long long count, Axes extents, Axes strides, float beta)                               \
    {                                                                                                                                                           \
        OVER_ELEMENTS(i, count) /* more than 2^31 numbers */                                                                                                    \
            store(to + i, widened(from[offset_of(extents, i, strides)]), beta);                                                                                 \
    }                                                                                                                                                           \
    extern "C" __global__ void scatter_long##suffix(const T* from, T* to, long long count, Axes extents, Axes strides, float beta)                              \
    {                                                                                                                                                           \
        OVER_ELEMENTS(i, count)                                                                                                                                 \
            store(to + offset_of(extents, i, strides), widened(from[i]), beta);                                                                                 \
    }
FOR_STORED(COPY)
