// Functions of two numbers under broadcasting, in packs of 16 bytes that lie along the last axis; an input that is repeated along that axis is one number for the whole
// pack. Bound by memory: 12 bytes a number forward, less where an input is repeated. The file is compiled for each FORMULA that is used.

#include "Binary.cuh"
#include "Packs.cuh"
#include "Walk.cuh"

#ifndef FORMULA
#define FORMULA Divide
#endif

template <class T>
struct Pair
{
    template <int N>
    struct Held
    {
        Run<T, N> a, b;
    };

    T* y;

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, const Held<N>& held) const
    {
        Run<T, N> run;
#pragma unroll
        for (int k = 0; k < N; k++)
            run.set(k, binary_value(FORMULA, held.a.get(k), held.b.get(k)));
        give(y + i, run);
    }
};

// One axis. `repeats` has 1 where a is one number for all, and 2 where b is.
template <class T>
struct Flat : Pair<T>
{
    const T *a, *b;
    int repeats;

    __device__ Flat(const T* a, const T* b, T* y, int repeats) : Pair<T>{y}, a(a), b(b), repeats(repeats) {}

    template <int N>
    __device__ __forceinline__ typename Pair<T>::template Held<N> load(unsigned i) const
    {
        return {repeats & 1 ? repeated<N>(*a) : take<N>(a + i), repeats & 2 ? repeated<N>(*b) : take<N>(b + i)};
    }
};

// Several axes. `repeats` has 1 where a is repeated along the last one, and 2 where b is.
template <class T>
struct Walked : Pair<T>
{
    const T *a, *b;
    const Walk& walk;
    const Strides &strides_a, &strides_b;
    int repeats;

    __device__ Walked(const T* a, const T* b, T* y, const Walk& walk, const Strides& strides_a, const Strides& strides_b, int repeats)
        : Pair<T>{y}, a(a), b(b), walk(walk), strides_a(strides_a), strides_b(strides_b), repeats(repeats) {}

    template <int N>
    __device__ __forceinline__ typename Pair<T>::template Held<N> load(unsigned i) const
    {
        unsigned at_a, at_b;
        walk_both(walk, i, strides_a, strides_b, at_a, at_b);
        return {repeats & 1 ? repeated<N>(a[at_a]) : take<N>(a + at_a), repeats & 2 ? repeated<N>(b[at_b]) : take<N>(b + at_b)};
    }
};

#define FORWARD(suffix, T)                                                                                                                                              \
    extern "C" __global__ void binary_flat##suffix(const T* a, const T* b, T* y, int count, int repeats) { in_packs<PACKED(T), 2>(count, Flat<T>(a, b, y, repeats)); }  \
    extern "C" __global__ void binary_walked##suffix(const T* a, const T* b, T* y, int count, Walk walk, Strides strides_a, Strides strides_b, int repeats)             \
    {                                                                                                                                                                   \
        in_packs<PACKED(T), 2, false>(count, Walked<T>(a, b, y, walk, strides_a, strides_b, repeats));                                                                  \
    }
FOR_STORED(FORWARD)

// The gradient of a (SECOND = 0) or b, in y's shape; of a and b, what the slope depends on is read.
template <int SECOND>
struct Backward
{
    static constexpr bool READS_A = FORMULA == Multiply || FORMULA == Divide ? SECOND : true, READS_B = FORMULA == Multiply || FORMULA == PReLU ? !SECOND : true;

    const float *a, *b, *dy;
    float* gradient;
    const Walk& walk;
    const Strides &strides_a, &strides_b;
    int repeats;
    float beta;

    template <int N>
    struct Held
    {
        Run<float, N> a, b, dy, old;
    };

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const
    {
        Held<N> held;
        unsigned at_a, at_b;
        walk_both(walk, i, strides_a, strides_b, at_a, at_b);
        held.dy = take<N>(dy + i);
        held.a = !READS_A ? repeated<N>(0.0f) : repeats & 1 ? repeated<N>(a[at_a]) : take<N>(a + at_a);
        held.b = !READS_B ? repeated<N>(0.0f) : repeats & 2 ? repeated<N>(b[at_b]) : take<N>(b + at_b);
        held.old = beta != 0.0f ? take<N>(gradient + i) : repeated<N>(0.0f);
        return held;
    }

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, Held<N>& held) const
    {
#pragma unroll
        for (int k = 0; k < N; k++)
        {
            float a = held.a.get(k), b = held.b.get(k);
            held.old.store_at(k, held.dy.get(k) * (SECOND ? slope_b(FORMULA, a, b) : slope_a(FORMULA, a, b)), beta);
        }
        give(gradient + i, held.old);
    }
};

#define BACKWARD(side, SECOND)                                                                                                                                          \
    extern "C" __global__ void binary_backward_##side(                                                                                                                  \
        const float* a, const float* b, const float* dy, float* gradient, int count, Walk walk, Strides strides_a, Strides strides_b, int repeats, float beta)          \
    {                                                                                                                                                                   \
        in_packs<4, 1, false>(count, Backward<SECOND>{a, b, dy, gradient, walk, strides_a, strides_b, repeats, beta});                                                  \
    }
BACKWARD(a, 0)
BACKWARD(b, 1)
