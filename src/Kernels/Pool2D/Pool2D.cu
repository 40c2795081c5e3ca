// Pooling: forward one element of y a thread and stride, backward one of dx, which gathers from the windows that cover it: no thread writes what another
// does, and the order of a sum is fixed. Bound by memory; neighbouring threads have neighbouring channels.

struct Pooling // as Pool2DKernels.Cuda.cs lays it out
{
    int h, w, c, r, s, stride_h, stride_w, top, left, out_h, out_w, count_padding;
};

struct Range // first, and one past the last
{
    int from, to;
};

// Positions of the image that a window covers.
__device__ inline Range covered(int window, int stride, int before, int size, int extent)
{
    return {max(0, window * stride - before), min(extent, window * stride - before + size)};
}

// Windows that cover a position; `at` counts from the start of the padding.
__device__ inline Range covering(int at, int size, int stride, int windows)
{
    return {at < size ? 0 : (at - size) / stride + 1, min(windows, at / stride + 1)};
}

template <class T>
__device__ inline void max_pool(const T* x, T* y, int* winners, long long count, const Pooling& g)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, g.c);
        Pixel p = pixel_of(pixel, g.out_h, g.out_w);
        Range rows = covered(p.h, g.stride_h, g.top, g.r, g.h), columns = covered(p.w, g.stride_w, g.left, g.s, g.w);
        const T* from = x + p.n * g.h * g.w * g.c + (i - pixel * g.c);
        float best = -__int_as_float(INFINITY_BITS);
        int winner = -1;
        for (int h = rows.from; h < rows.to; h++)
        {
            for (int w = columns.from; w < columns.to; w++)
            {
                float value = widened(from[((long long)h * g.w + w) * g.c]);
                if (winner >= 0 && !(value > best) && value == value) // the first of equals wins, and NaN
                    continue;
                best = value;
                winner = (h - p.h * g.stride_h + g.top) * g.s + w - p.w * g.stride_w + g.left;
            }
        }
        put(y + i, best);
        if (winners)
            winners[i] = winner;
    }
}

#define MAX_POOL(suffix, T) \
    extern "C" __global__ void max_pool2d_forward##suffix(const T* x, T* y, int* winners, long long count, Pooling g) { max_pool(x, y, winners, count, g); }
FOR_STORED(MAX_POOL)

extern "C" __global__ void max_pool2d_backward(const float* dy, const int* winners, float* dx, long long count, Pooling g, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, g.c);
        Pixel at = pixel_of(pixel, g.h, g.w);
        Range rows = covering(at.h + g.top, g.r, g.stride_h, g.out_h), columns = covering(at.w + g.left, g.s, g.stride_w, g.out_w);
        long long image = at.n * g.out_h * g.out_w * g.c + (i - pixel * g.c);
        float sum = 0.0f;
        for (int p = rows.from; p < rows.to; p++)
        {
            for (int q = columns.from; q < columns.to; q++)
            {
                long long from = image + ((long long)p * g.out_w + q) * g.c;
                if (winners[from] == (at.h - p * g.stride_h + g.top) * g.s + at.w - q * g.stride_w + g.left)
                    sum += dy[from];
            }
        }
        store(dx + i, sum, beta);
    }
}

// What a window of an average is divided by.
__device__ inline int divisor_of(const Pooling& g, Range rows, Range columns)
{
    return g.count_padding ? g.r * g.s : (rows.to - rows.from) * (columns.to - columns.from);
}

template <class T>
__device__ inline void average_pool(const T* x, T* y, long long count, const Pooling& g)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, g.c);
        Pixel p = pixel_of(pixel, g.out_h, g.out_w);
        Range rows = covered(p.h, g.stride_h, g.top, g.r, g.h), columns = covered(p.w, g.stride_w, g.left, g.s, g.w);
        const T* from = x + p.n * g.h * g.w * g.c + (i - pixel * g.c);
        float sum = 0.0f;
        for (int h = rows.from; h < rows.to; h++)
        {
            for (int w = columns.from; w < columns.to; w++)
                sum += widened(from[((long long)h * g.w + w) * g.c]);
        }
        put(y + i, sum / divisor_of(g, rows, columns));
    }
}

#define AVERAGE_POOL(suffix, T) \
    extern "C" __global__ void average_pool2d_forward##suffix(const T* x, T* y, long long count, Pooling g) { average_pool(x, y, count, g); }
FOR_STORED(AVERAGE_POOL)

extern "C" __global__ void average_pool2d_backward(const float* dy, float* dx, long long count, Pooling g, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, g.c);
        Pixel at = pixel_of(pixel, g.h, g.w);
        Range rows = covering(at.h + g.top, g.r, g.stride_h, g.out_h), columns = covering(at.w + g.left, g.s, g.stride_w, g.out_w);
        const float* from = dy + at.n * g.out_h * g.out_w * g.c + (i - pixel * g.c);
        float sum = 0.0f;
        for (int p = rows.from; p < rows.to; p++)
        {
            Range window_rows = covered(p, g.stride_h, g.top, g.r, g.h);
            for (int q = columns.from; q < columns.to; q++)
                sum += from[((long long)p * g.out_w + q) * g.c] / divisor_of(g, window_rows, covered(q, g.stride_w, g.left, g.s, g.w));
        }
        store(dx + i, sum, beta);
    }
}
