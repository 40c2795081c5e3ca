// Pooling: forward a thread has some channels of a pixel of y, backward of dx, which gathers from the windows that cover it: no thread writes what another does, and
// the order of a sum is fixed. Bound by memory; neighbouring threads have neighbouring channels. The usual windows, 2 x 2 and 3 x 3 with stride 2, are kernels of
// their own, in which all numbers of a window are read at once.

#include "Packs.cuh"
#include "Walk.cuh"

struct Pooling // as Pool2DKernels.Cuda.cs lays it out
{
    int h, w, c, r, s, stride_h, stride_w, top, left, out_h, out_w, count_padding;
};

// Divides a number of channels' packs, then y's or dx's pixels.
struct Places
{
    Divisor packs;
    Pixels pixels;
};

// A window whose sizes are known where the kernel is compiled; SIZE 0 takes those of the geometry.
template <int SIZE>
struct Window
{
    const Pooling& g;

    __device__ __forceinline__ int height() const { return SIZE ? SIZE : g.r; }
    __device__ __forceinline__ int width() const { return SIZE ? SIZE : g.s; }
    __device__ __forceinline__ int down() const { return SIZE ? 2 : g.stride_h; }
    __device__ __forceinline__ int across() const { return SIZE ? 2 : g.stride_w; }

    // The first window that covers a position; `at` counts from the start of the padding. The last is at / stride.
    __device__ __forceinline__ static int first(int at, int size, int stride) { return at < size ? 0 : (at - size) / stride + 1; }
};

// The larger of the numbers of a window, the first of equals, and NaN.
template <int N, int SIZE, class T>
__device__ __forceinline__ void max_pool(const T* x, T* y, int* winners, int count, const Pooling& g, const Places& places)
{
    Window<SIZE> window{g};
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    if (thread >= (unsigned)count)
        return;
    unsigned pixel = places.packs.quotient(thread), channel = (thread - pixel * places.packs.by) * N;
    Place p = place_of(places.pixels, pixel);
    int top = p.h * window.down() - g.top, left = p.w * window.across() - g.left;
    const T* from = x + ((long long)p.n * g.h * g.w) * g.c + channel;
    float best[N];
    int winner[N];
#pragma unroll
    for (int k = 0; k < N; k++)
    {
        best[k] = -__int_as_float(INFINITY_BITS);
        winner[k] = (max(0, top) - top) * window.width() + max(0, left) - left; // of a window that has nothing larger
    }
    auto meet = [&](const Run<T, N>& values, int place)
    {
#pragma unroll
        for (int k = 0; k < N; k++)
        {
            float value = values.get(k);
            bool wins = value > best[k] || value != value;
            best[k] = wins ? value : best[k];
            winner[k] = wins ? place : winner[k];
        }
    };
    if (SIZE)
    {
        Run<T, N> values[SIZE * SIZE + 1];
#pragma unroll
        for (int i = 0; i < SIZE * SIZE; i++)
        {
            int h = top + i / (SIZE + !SIZE), w = left + i % (SIZE + !SIZE);
            if (h >= 0 && h < g.h && w >= 0 && w < g.w)
                values[i] = take<N>(from + (unsigned)(h * g.w + w) * (size_t)g.c);
        }
#pragma unroll
        for (int i = 0; i < SIZE * SIZE; i++)
        {
            int h = top + i / (SIZE + !SIZE), w = left + i % (SIZE + !SIZE);
            if (h >= 0 && h < g.h && w >= 0 && w < g.w)
                meet(values[i], i);
        }
    }
    else
    {
        for (int h = max(0, top); h < min(g.h, top + g.r); h++)
        {
            for (int w = max(0, left); w < min(g.w, left + g.s); w++)
                meet(take<N>(from + (unsigned)(h * g.w + w) * (size_t)g.c), (h - top) * g.s + w - left);
        }
    }
    Run<T, N> run;
    Run<int, N> won;
#pragma unroll
    for (int k = 0; k < N; k++)
    {
        run.set(k, best[k]);
        won.part[k / Run<int, N>::WIDTH].at[k % Run<int, N>::WIDTH] = winner[k];
    }
    give(y + (size_t)thread * N, run);
    if (winners)
        give(winners + (size_t)thread * N, won);
}

#define MAX_POOL(name, N, SIZE, suffix, T)                                                                                                                    \
    extern "C" __global__ void max_pool2d_forward##name##suffix(const T* x, T* y, int* winners, int count, Pooling g, Places places)                          \
    {                                                                                                                                                         \
        max_pool<N, SIZE>(x, y, winners, count, g, places);                                                                                                   \
    }
#define MAX_POOLS(suffix, T) MAX_POOL(, 1, 0, suffix, T) MAX_POOL(_packs, 4, 0, suffix, T) MAX_POOL(_packs_2, 4, 2, suffix, T) MAX_POOL(_packs_3, 4, 3, suffix, T)
FOR_STORED(MAX_POOLS)

template <int N, int SIZE, class T>
__device__ __forceinline__ void max_pool_gradient(const T* dy, const int* winners, T* dx, int count, const Pooling& g, const Places& places, float beta)
{
    Window<SIZE> window{g};
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    if (thread >= (unsigned)count)
        return;
    unsigned pixel = places.packs.quotient(thread), channel = (thread - pixel * places.packs.by) * N;
    Place at = place_of(places.pixels, pixel);
    int row = at.h + g.top, column = at.w + g.left;
    int first_row = Window<SIZE>::first(row, window.height(), window.down()), last_row = min(g.out_h - 1, row / window.down());
    int first_column = Window<SIZE>::first(column, window.width(), window.across()), last_column = min(g.out_w - 1, column / window.across());
    size_t image = (size_t)at.n * g.out_h * g.out_w * g.c + channel;
    Run<T, N> result = beta != 0.0f ? take<N>(dx + (size_t)thread * N) : repeated<N>(T{});
    float sum[N];
#pragma unroll
    for (int k = 0; k < N; k++)
        sum[k] = 0.0f;
    auto meet = [&](const Run<T, N>& upstream, const Run<int, N>& won, int p, int q)
    {
        int place = (row - p * window.down()) * window.width() + column - q * window.across();
#pragma unroll
        for (int k = 0; k < N; k++)
            sum[k] += won.part[k / Run<int, N>::WIDTH].at[k % Run<int, N>::WIDTH] == place ? upstream.get(k) : 0.0f;
    };
    if (SIZE) // at most two windows along each side cover a pixel
    {
        constexpr int SIDE = SIZE == 2 ? 1 : 2;
        Run<T, N> upstream[SIDE * SIDE];
        Run<int, N> won[SIDE * SIDE];
#pragma unroll
        for (int i = 0; i < SIDE * SIDE; i++)
        {
            int p = first_row + i / SIDE, q = first_column + i % SIDE;
            if (p <= last_row && q <= last_column)
            {
                size_t from = image + (unsigned)(p * g.out_w + q) * (size_t)g.c;
                won[i] = take<N>(winners + from);
                upstream[i] = take<N>(dy + from);
            }
        }
#pragma unroll
        for (int i = 0; i < SIDE * SIDE; i++)
        {
            int p = first_row + i / SIDE, q = first_column + i % SIDE;
            if (p <= last_row && q <= last_column)
                meet(upstream[i], won[i], p, q);
        }
    }
    else
    {
        for (int p = first_row; p <= last_row; p++)
        {
            for (int q = first_column; q <= last_column; q++)
            {
                size_t from = image + (unsigned)(p * g.out_w + q) * (size_t)g.c;
                meet(take<N>(dy + from), take<N>(winners + from), p, q);
            }
        }
    }
#pragma unroll
    for (int k = 0; k < N; k++)
        result.store_at(k, sum[k], beta);
    give(dx + (size_t)thread * N, result);
}

#define MAX_POOL_GRADIENT(name, N, SIZE, suffix, T)                                                                                                           \
    extern "C" __global__ void max_pool2d_backward##name##suffix(const T* dy, const int* winners, T* dx, int count, Pooling g, Places places, float beta)     \
    {                                                                                                                                                         \
        max_pool_gradient<N, SIZE>(dy, winners, dx, count, g, places, beta);                                                                                  \
    }
#define MAX_POOL_GRADIENTS(suffix, T)                                                                                                                         \
    MAX_POOL_GRADIENT(, 1, 0, suffix, T)                                                                                                                      \
    MAX_POOL_GRADIENT(_packs, 4, 0, suffix, T) MAX_POOL_GRADIENT(_packs_2, 4, 2, suffix, T) MAX_POOL_GRADIENT(_packs_3, 4, 3, suffix, T)
FOR_STORED(MAX_POOL_GRADIENTS)

// Positions of the image that a window covers: how many of them.
__device__ __forceinline__ int covered(int window, int stride, int before, int size, int extent)
{
    return min(extent, window * stride - before + size) - max(0, window * stride - before);
}

template <int N, class T>
__device__ __forceinline__ void average_pool(const T* x, T* y, int count, const Pooling& g, const Places& places)
{
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    if (thread >= (unsigned)count)
        return;
    unsigned pixel = places.packs.quotient(thread), channel = (thread - pixel * places.packs.by) * N;
    Place p = place_of(places.pixels, pixel);
    int top = p.h * g.stride_h - g.top, left = p.w * g.stride_w - g.left;
    int divisor = g.count_padding ? g.r * g.s : covered(p.h, g.stride_h, g.top, g.r, g.h) * covered(p.w, g.stride_w, g.left, g.s, g.w);
    const T* from = x + (long long)p.n * g.h * g.w * g.c + channel;
    float sum[N];
#pragma unroll
    for (int k = 0; k < N; k++)
        sum[k] = 0.0f;
    for (int h = max(0, top); h < min(g.h, top + g.r); h++)
    {
        for (int w = max(0, left); w < min(g.w, left + g.s); w++)
        {
            Run<T, N> values = take<N>(from + (unsigned)(h * g.w + w) * (size_t)g.c);
#pragma unroll
            for (int k = 0; k < N; k++)
                sum[k] += values.get(k);
        }
    }
    Run<T, N> run;
#pragma unroll
    for (int k = 0; k < N; k++)
        run.set(k, sum[k] / divisor);
    give(y + (size_t)thread * N, run);
}

#define AVERAGE_POOL(name, N, suffix, T)                                                                                                                      \
    extern "C" __global__ void average_pool2d_forward##name##suffix(const T* x, T* y, int count, Pooling g, Places places)                                    \
    {                                                                                                                                                         \
        average_pool<N>(x, y, count, g, places);                                                                                                              \
    }
#define AVERAGE_POOLS(suffix, T) AVERAGE_POOL(, 1, suffix, T) AVERAGE_POOL(_packs, 4, suffix, T)
FOR_STORED(AVERAGE_POOLS)

template <int N, class T>
__device__ __forceinline__ void average_pool_gradient(const T* dy, T* dx, int count, const Pooling& g, const Places& places, float beta)
{
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    if (thread >= (unsigned)count)
        return;
    unsigned pixel = places.packs.quotient(thread), channel = (thread - pixel * places.packs.by) * N;
    Place at = place_of(places.pixels, pixel);
    int row = at.h + g.top, column = at.w + g.left;
    int first_row = Window<0>::first(row, g.r, g.stride_h), last_row = min(g.out_h - 1, row / g.stride_h);
    int first_column = Window<0>::first(column, g.s, g.stride_w), last_column = min(g.out_w - 1, column / g.stride_w);
    const T* from = dy + (size_t)at.n * g.out_h * g.out_w * g.c + channel;
    Run<T, N> result = beta != 0.0f ? take<N>(dx + (size_t)thread * N) : repeated<N>(T{});
    float sum[N];
#pragma unroll
    for (int k = 0; k < N; k++)
        sum[k] = 0.0f;
    for (int p = first_row; p <= last_row; p++)
    {
        int rows = covered(p, g.stride_h, g.top, g.r, g.h);
        for (int q = first_column; q <= last_column; q++)
        {
            Run<T, N> upstream = take<N>(from + (unsigned)(p * g.out_w + q) * (size_t)g.c);
            int divisor = g.count_padding ? g.r * g.s : rows * covered(q, g.stride_w, g.left, g.s, g.w);
#pragma unroll
            for (int k = 0; k < N; k++)
                sum[k] += upstream.get(k) / divisor;
        }
    }
#pragma unroll
    for (int k = 0; k < N; k++)
        result.store_at(k, sum[k], beta);
    give(dx + (size_t)thread * N, result);
}

#define AVERAGE_POOL_GRADIENT(name, N, suffix, T)                                                                                                             \
    extern "C" __global__ void average_pool2d_backward##name##suffix(const T* dy, T* dx, int count, Pooling g, Places places, float beta)                     \
    {                                                                                                                                                         \
        average_pool_gradient<N>(dy, dx, count, g, places, beta);                                                                                             \
    }
#define AVERAGE_POOL_GRADIENTS(suffix, T) AVERAGE_POOL_GRADIENT(, 1, suffix, T) AVERAGE_POOL_GRADIENT(_packs, 4, suffix, T)
FOR_STORED(AVERAGE_POOL_GRADIENTS)
