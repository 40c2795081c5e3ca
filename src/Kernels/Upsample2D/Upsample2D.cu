// Larger images by whole factors: forward a thread has some channels of a pixel of y, backward of dx, which gathers from the output pixels that read it.
// Bound by memory.

#include "Packs.cuh"
#include "Walk.cuh"

// Divides a number of channels' packs, then y's or dx's pixels.
struct Places
{
    Divisor packs;
    Pixels pixels;
};

struct Source // one axis of an output pixel, as UpsampleSource.cs has it
{
    int low, high;
    float share; // of high

    __device__ float share_of(int position) const { return (position == low ? 1.0f - share : 0.0f) + (position == high ? share : 0.0f); }
};

// In whole numbers: (p + 0.5) / factor - 0.5 = (2 p + 1 - factor) / (2 factor).
__device__ inline Source source_of(int bilinear, int p, int factor, int extent)
{
    if (!bilinear)
        return {p / factor, p / factor, 0.0f};
    int above = 2 * p + 1 + factor, low = above / (2 * factor) - 1; // one input pixel further, so that nothing is negative
    return {max(low, 0), min(low + 1, extent - 1), (float)(above - (low + 1) * 2 * factor) / (2 * factor)};
}

struct Readers // the output positions, first to before end, that an input position can have a share in
{
    int first, end;
};

__device__ inline Readers readers_of(int bilinear, int position, int factor, int extent)
{
    if (!bilinear)
        return {position * factor, (position + 1) * factor};
    return {max(0, (position - 1) * factor), min(extent, position + 2) * factor};
}

template <int N, class T>
__device__ __forceinline__ void enlarge(const T* x, T* y, int count, int bilinear, int h, int w, int c, int factor_h, int factor_w, const Places& places)
{
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    if (thread >= (unsigned)count)
        return;
    unsigned pixel = places.packs.quotient(thread);
    Place p = place_of(places.pixels, pixel);
    Source row = source_of(bilinear, p.h, factor_h, h), column = source_of(bilinear, p.w, factor_w, w);
    const T* at = x + (size_t)p.n * h * w * c + (thread - pixel * places.packs.by) * N;
    const T *upper = at + (size_t)row.low * w * c, *lower = at + (size_t)row.high * w * c;
    size_t left = (size_t)column.low * c, right = (size_t)column.high * c;
    Run<T, N> result = take<N>(upper + left);
    if (bilinear)
    {
        Run<T, N> upper_right = take<N>(upper + right), lower_left = take<N>(lower + left), lower_right = take<N>(lower + right);
#pragma unroll
        for (int k = 0; k < N; k++)
        {
            float above = (1.0f - column.share) * result.get(k) + column.share * upper_right.get(k);
            float below = (1.0f - column.share) * lower_left.get(k) + column.share * lower_right.get(k);
            result.set(k, (1.0f - row.share) * above + row.share * below);
        }
    }
    give(y + (size_t)thread * N, result);
}

template <int N, class T>
__device__ __forceinline__ void gather_shares(const T* dy, T* dx, int count, int bilinear, int h, int w, int c, int factor_h, int factor_w, const Places& places, float beta)
{
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    if (thread >= (unsigned)count)
        return;
    unsigned pixel = places.packs.quotient(thread);
    Place p = place_of(places.pixels, pixel);
    Readers rows = readers_of(bilinear, p.h, factor_h, h), columns = readers_of(bilinear, p.w, factor_w, w);
    const T* from = dy + (size_t)p.n * h * factor_h * w * factor_w * c + (thread - pixel * places.packs.by) * N;
    float sum[N];
#pragma unroll
    for (int k = 0; k < N; k++)
        sum[k] = 0.0f;
    for (int v = rows.first; v < rows.end; v++)
    {
        float share = source_of(bilinear, v, factor_h, h).share_of(p.h);
        for (int u = columns.first; u < columns.end; u++)
        {
            float both = share * source_of(bilinear, u, factor_w, w).share_of(p.w);
            Run<T, N> upstream = take<N>(from + ((size_t)v * w * factor_w + u) * c);
#pragma unroll
            for (int k = 0; k < N; k++)
                sum[k] += both * upstream.get(k);
        }
    }
    Run<T, N> result = beta != 0.0f ? take<N>(dx + (size_t)thread * N) : repeated<N>(T{});
#pragma unroll
    for (int k = 0; k < N; k++)
        result.store_at(k, sum[k], beta);
    give(dx + (size_t)thread * N, result);
}

#define UPSAMPLE_FORM(name, T, N)                                                                                                                             \
    extern "C" __global__ void upsample2d_forward##name(                                                                                                      \
        const T* x, T* y, int count, int bilinear, int h, int w, int c, int factor_h, int factor_w, Places places)                                            \
    {                                                                                                                                                         \
        enlarge<N>(x, y, count, bilinear, h, w, c, factor_h, factor_w, places);                                                                               \
    }                                                                                                                                                         \
    extern "C" __global__ void upsample2d_backward##name(                                                                                                     \
        const T* dy, T* dx, int count, int bilinear, int h, int w, int c, int factor_h, int factor_w, Places places, float beta)                              \
    {                                                                                                                                                         \
        gather_shares<N>(dy, dx, count, bilinear, h, w, c, factor_h, factor_w, places, beta);                                                                 \
    }
#define UPSAMPLE(suffix, T) UPSAMPLE_FORM(suffix, T, 1) UPSAMPLE_FORM(_packs##suffix, T, PACKED(T))
FOR_STORED(UPSAMPLE)
