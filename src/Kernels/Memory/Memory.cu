// Copies that scale, add, round or widen. Bound by memory; packs of 16 bytes where the addresses are multiples of that, else one number a thread and stride.

#include "Packs.cuh"

// destination = beta destination + factor source: 8 bytes a number, 12 where beta is not 0.
template <class T>
struct AddScaled
{
    const T* source;
    float factor;
    T* destination;
    float beta;

    template <int N>
    struct Held
    {
        Run<T, N> source, old;
    };

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const { return {take<N>(source + i), beta != 0.0f ? take<N>(destination + i) : repeated<N>(T{})}; }

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, Held<N>& held) const
    {
#pragma unroll
        for (int k = 0; k < N; k++)
            held.old.store_at(k, factor * held.source.get(k), beta);
        give(destination + i, held.old);
    }
};

#define ADD_SCALED(suffix, T)                                                                                                                                \
    extern "C" __global__ void add_scaled_packs##suffix(const T* source, float factor, T* destination, float beta, int count)                                \
    {                                                                                                                                                        \
        in_packs<PACKED(T), 2>(count, AddScaled<T>{source, factor, destination, beta});                                                                      \
    }                                                                                                                                                        \
    extern "C" __global__ void add_scaled##suffix(const T* source, float factor, T* destination, float beta, long long count)                                \
    {                                                                                                                                                        \
        OVER_ELEMENTS(i, count)                                                                                                                              \
            store(destination + i, factor * widened(source[i]), beta);                                                                                       \
    }
FOR_STORED(ADD_SCALED)

// Numbers of one type as another: y = beta old + x; old may be y. Float32 to 16 bits and back: 6 bytes a number, and those of old where beta is not 0.
template <class From, class To>
struct Convert
{
    const From* x;
    const To* old;
    To* y;
    float beta;

    template <int N>
    struct Held
    {
        Run<From, N> x;
        Run<To, N> old;
    };

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const { return {take<N>(x + i), beta != 0.0f ? take<N>(old + i) : repeated<N>(To{})}; }

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, Held<N>& held) const
    {
#pragma unroll
        for (int k = 0; k < N; k++)
            held.old.store_at(k, held.x.get(k), beta);
        give(y + i, held.old);
    }
};

#define ROUND(suffix, T)                                                                                                                                     \
    extern "C" __global__ void round_packs##suffix(const float* x, T* y, int count, float beta) { in_packs<8, 1>(count, Convert<float, T>{x, y, y, beta}); } \
    extern "C" __global__ void round##suffix(const float* x, T* y, long long count, float beta)                                                              \
    {                                                                                                                                                        \
        OVER_ELEMENTS(i, count)                                                                                                                              \
            store(y + i, x[i], beta);                                                                                                                        \
    }
FOR_NARROW(ROUND)

#define WIDEN(suffix, T)                                                                                                                                      \
    extern "C" __global__ void widen_packs##suffix(const T* x, const float* old, float* y, int count, float beta)                                             \
    {                                                                                                                                                         \
        in_packs<8, 1>(count, Convert<T, float>{x, old, y, beta});                                                                                            \
    }                                                                                                                                                         \
    extern "C" __global__ void widen##suffix(const T* x, const float* old, float* y, long long count, float beta)                                             \
    {                                                                                                                                                         \
        OVER_ELEMENTS(i, count)                                                                                                                               \
            y[i] = beta != 0.0f ? beta * old[i] + widened(x[i]) : widened(x[i]);                                                                              \
    }
FOR_NARROW(WIDEN)
