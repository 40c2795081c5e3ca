// A function of one number in packs of 16 bytes. Bound by memory: 8 bytes a number forward, 12 to 20 backward. The file is compiled for each FORMULA that is used.

#include "Packs.cuh"
#include "Unary.cuh"

#ifndef FORMULA
#define FORMULA GeluTanh
#endif

template <class T>
struct Forward
{
    const T* x;
    T* y;
    float a, b;

    template <int N>
    using Held = Run<T, N>;

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const { return take<N>(x + i); }

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, Held<N>& held) const
    {
#pragma unroll
        for (int k = 0; k < N; k++)
            held.set(k, unary_value(FORMULA, a, b, held.get(k)));
        give(y + i, held);
    }
};

// x or y is null where the slope does not need it; dx may be dy.
template <class T>
struct Backward
{
    const T *x, *y, *dy;
    T* dx;
    float a, b, beta;

    template <int N>
    struct Held
    {
        Run<T, N> x, y, dy, old;
    };

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const
    {
        Run<T, N> none = repeated<N>(T{});
        return {x ? take<N>(x + i) : none, y ? take<N>(y + i) : none, take<N>(dy + i), beta != 0.0f ? take<N>(dx + i) : none};
    }

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, Held<N>& held) const
    {
#pragma unroll
        for (int k = 0; k < N; k++)
            held.old.store_at(k, held.dy.get(k) * unary_slope(FORMULA, a, b, held.x.get(k), held.y.get(k)), beta);
        give(dx + i, held.old);
    }
};

// Eight numbers a thread forward, 16 bytes of them backward: the code of the formula stands there as often.
#define FORWARD(suffix, T)                                                                                                                                    \
    extern "C" __global__ void unary_forward_packs##suffix(const T* x, T* y, int count, float a, float b)                                                     \
    {                                                                                                                                                         \
        in_packs<PACKED(T), 8 / PACKED(T)>(count, Forward<T>{x, y, a, b});                                                                                    \
    }
FOR_STORED(FORWARD)

#define BACKWARD(suffix, T)                                                                                                                                  \
    extern "C" __global__ void unary_backward_packs##suffix(const T* x, const T* y, const T* dy, T* dx, int count, float a, float b, float beta)             \
    {                                                                                                                                                        \
        in_packs<PACKED(T), 1>(count, Backward<T>{x, y, dy, dx, a, b, beta});                                                                                \
    }
FOR_STORED(BACKWARD)
