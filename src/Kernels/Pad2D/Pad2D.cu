// Zero padding. A row of an image is one run of numbers in memory, columns and channels, and lies within the row of the padded image: channels need no arithmetic of
// their own. Bound by memory; packs of 16 bytes where rows and the padding beside them are whole packs.

#include "Packs.cuh"
#include "Walk.cuh"

// Rows of x [n,h,row] and of y [n,out_h,out_row]: x begins at (top, left) of y, all counted in numbers.
struct Frame
{
    int h, row, out_h, out_row, top, left;
};

template <class T>
struct Pad
{
    const T* x;
    T* y;
    const Frame& frame;
    const Pixels& pixels; // of y: rows, and numbers of a row

    template <int N>
    using Held = Run<T, N>;

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const
    {
        Place p = place_of(pixels, i);
        int h = p.h - frame.top, at = p.w - frame.left;
        bool inside = h >= 0 && h < frame.h && at >= 0 && at < frame.row;
        return inside ? take<N>(x + ((size_t)p.n * frame.h + h) * frame.row + at) : repeated<N>(T{});
    }

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, const Held<N>& held) const { give(y + i, held); }
};

#define PAD(suffix, T)                                                                                                                  \
    extern "C" __global__ void pad2d_forward_packs##suffix(const T* x, T* y, int count, Frame frame, Pixels pixels)                     \
    {                                                                                                                                   \
        in_packs<PACKED(T), 2, false>(count, Pad<T>{x, y, frame, pixels});                                                              \
    }                                                                                                                                   \
    extern "C" __global__ void pad2d_forward##suffix(const T* x, T* y, int count, Frame frame, Pixels pixels)                           \
    {                                                                                                                                   \
        in_packs<1, 2>(count, Pad<T>{x, y, frame, pixels});                                                                             \
    }
FOR_STORED(PAD)

template <class T>
struct Cut
{
    const T* dy;
    T* dx;
    const Frame& frame;
    const Pixels& pixels; // of x
    float beta;

    template <int N>
    struct Held
    {
        Run<T, N> dy, old;
    };

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const
    {
        Place p = place_of(pixels, i);
        return {take<N>(dy + ((size_t)p.n * frame.out_h + p.h + frame.top) * frame.out_row + p.w + frame.left), beta != 0.0f ? take<N>(dx + i) : repeated<N>(T{})};
    }

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, Held<N>& held) const
    {
#pragma unroll
        for (int k = 0; k < N; k++)
            held.old.store_at(k, held.dy.get(k), beta);
        give(dx + i, held.old);
    }
};

#define CUT(suffix, T)                                                                                                                                       \
    extern "C" __global__ void pad2d_backward_packs##suffix(const T* dy, T* dx, int count, Frame frame, Pixels pixels, float beta)                           \
    {                                                                                                                                                        \
        in_packs<PACKED(T), 2, false>(count, Cut<T>{dy, dx, frame, pixels, beta});                                                                           \
    }                                                                                                                                                        \
    extern "C" __global__ void pad2d_backward##suffix(const T* dy, T* dx, int count, Frame frame, Pixels pixels, float beta)                                 \
    {                                                                                                                                                        \
        in_packs<1, 2>(count, Cut<T>{dy, dx, frame, pixels, beta});                                                                                          \
    }
FOR_STORED(CUT)
