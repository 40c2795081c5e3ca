// Larger images by whole factors: forward one element of y a thread and stride, backward one of dx, which gathers from the output pixels that read it.
// Bound by memory.

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

extern "C" __global__ void upsample2d_forward(const float* x, float* y, long long count, int bilinear, int h, int w, int c, int factor_h, int factor_w)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, c);
        Pixel p = pixel_of(pixel, h * factor_h, w * factor_w);
        Source row = source_of(bilinear, p.h, factor_h, h), column = source_of(bilinear, p.w, factor_w, w);
        const float* at = x + p.n * h * w * c + (i - pixel * c);
        if (!bilinear)
        {
            y[i] = at[((long long)row.low * w + column.low) * c];
            continue;
        }
        const float *upper = at + (long long)row.low * w * c, *lower = at + (long long)row.high * w * c;
        long long left = (long long)column.low * c, right = (long long)column.high * c;
        float above = (1.0f - column.share) * upper[left] + column.share * upper[right];
        float below = (1.0f - column.share) * lower[left] + column.share * lower[right];
        y[i] = (1.0f - row.share) * above + row.share * below;
    }
}

extern "C" __global__ void upsample2d_backward(const float* dy, float* dx, long long count, int bilinear, int h, int w, int c, int factor_h, int factor_w, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, c);
        Pixel p = pixel_of(pixel, h, w);
        Readers rows = readers_of(bilinear, p.h, factor_h, h), columns = readers_of(bilinear, p.w, factor_w, w);
        const float* from = dy + p.n * h * factor_h * w * factor_w * c + (i - pixel * c);
        float sum = 0.0f;
        for (int v = rows.first; v < rows.end; v++)
        {
            float share = source_of(bilinear, v, factor_h, h).share_of(p.h);
            for (int u = columns.first; u < columns.end; u++)
                sum += share * source_of(bilinear, u, factor_w, w).share_of(p.w) * from[((long long)v * w * factor_w + u) * c];
        }
        store(dx + i, sum, beta);
    }
}
