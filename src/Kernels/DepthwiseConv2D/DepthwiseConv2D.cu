// Depthwise convolution: forward one element of y a thread and stride, backward one of dx, neighbouring threads having neighbouring channels; bound by memory.
// The weight's gradient: a block owns 32 neighbouring output channels of one tap and one segment of the output pixels (both in blockIdx.y), 8 threads share the
// pixels of a channel; Reduce.cu joins the segments in order.

#define CHANNELS 32
#define CHANNEL_ROWS 8

struct Depthwise // as DepthwiseConv2DKernels.Cuda.cs lays it out
{
    int h, w, c, r, s, m, stride_h, stride_w, dilation_h, dilation_w, top, left, out_h, out_w;
};

template <class T>
__device__ __forceinline__ void convolve(const T* x, const float* w, const float* b, T* y, long long count, const Depthwise& g)
{
    int outputs = g.c * g.m;
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, outputs);
        int o = (int)(i - pixel * outputs);
        Pixel p = pixel_of(pixel, g.out_h, g.out_w);
        const T* image = x + p.n * g.h * g.w * g.c + o / g.m;
        float sum = 0.0f;
        for (int r = 0; r < g.r; r++)
        {
            int h = p.h * g.stride_h + r * g.dilation_h - g.top;
            if (h < 0 || h >= g.h)
                continue;
            for (int s = 0; s < g.s; s++)
            {
                int v = p.w * g.stride_w + s * g.dilation_w - g.left;
                if (v >= 0 && v < g.w)
                    sum += widened(image[((long long)h * g.w + v) * g.c]) * w[((long long)r * g.s + s) * outputs + o];
            }
        }
        put(y + i, b ? sum + b[o] : sum);
    }
}

template <class T>
__device__ __forceinline__ void gradient_of_input(const T* dy, const float* w, T* dx, long long count, const Depthwise& g, float beta)
{
    int outputs = g.c * g.m;
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, g.c);
        int c = (int)(i - pixel * g.c);
        Pixel at = pixel_of(pixel, g.h, g.w);
        float sum = 0.0f;
        for (int r = 0; r < g.r; r++)
        {
            int down = at.h + g.top - r * g.dilation_h, p = down / g.stride_h;
            if (down < 0 || p * g.stride_h != down || p >= g.out_h)
                continue;
            for (int s = 0; s < g.s; s++)
            {
                int across = at.w + g.left - s * g.dilation_w, q = across / g.stride_w;
                if (across < 0 || q * g.stride_w != across || q >= g.out_w)
                    continue;
                const T* from = dy + ((at.n * g.out_h + p) * g.out_w + q) * outputs;
                const float* tap = w + ((long long)r * g.s + s) * outputs;
                for (int o = c * g.m; o < (c + 1) * g.m; o++)
                    sum += widened(from[o]) * tap[o];
            }
        }
        store(dx + i, sum, beta);
    }
}

// parts [segments, taps, outputs]; blockIdx.y counts the taps of the first segment, then those of the next.
template <class T>
__device__ __forceinline__ void gradient_of_weight(const T* x, const T* dy, double* parts, long long pixels, long long segment, const Depthwise& g)
{
    __shared__ double shares[CHANNEL_ROWS][CHANNELS];
    int outputs = g.c * g.m, taps = g.r * g.s, tap = blockIdx.y % taps, r = tap / g.s, s = tap % g.s;
    long long o = blockIdx.x * (long long)CHANNELS + threadIdx.x, first = blockIdx.y / taps * segment, end = min(pixels, first + segment);
    double sum = 0.0;
    for (long long i = first + threadIdx.y; o < outputs && i < end; i += CHANNEL_ROWS)
    {
        Pixel p = pixel_of(i, g.out_h, g.out_w);
        int h = p.h * g.stride_h + r * g.dilation_h - g.top, v = p.w * g.stride_w + s * g.dilation_w - g.left;
        if (h >= 0 && h < g.h && v >= 0 && v < g.w)
            sum += (double)widened(dy[i * outputs + o]) * widened(x[((p.n * g.h + h) * g.w + v) * g.c + o / g.m]);
    }
    shares[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || o >= outputs)
        return;
    for (int row = 1; row < CHANNEL_ROWS; row++)
        sum += shares[row][threadIdx.x];
    parts[(long long)blockIdx.y * outputs + o] = sum;
}

#define DEPTHWISE(suffix, T)                                                                                                                                             \
    extern "C" __global__ void depthwise_conv2d_forward##suffix(const T* x, const float* w, const float* b, T* y, long long count, Depthwise g)                          \
    {                                                                                                                                                                    \
        convolve(x, w, b, y, count, g);                                                                                                                                  \
    }                                                                                                                                                                    \
    extern "C" __global__ void depthwise_conv2d_backward_input##suffix(const T* dy, const float* w, T* dx, long long count, Depthwise g, float beta)                     \
    {                                                                                                                                                                    \
        gradient_of_input(dy, w, dx, count, g, beta);                                                                                                                    \
    }                                                                                                                                                                    \
    extern "C" __global__ void depthwise_conv2d_backward_weight##suffix(const T* x, const T* dy, double* parts, long long pixels, long long segment, Depthwise g)        \
    {                                                                                                                                                                    \
        gradient_of_weight(x, dy, parts, pixels, segment, g);                                                                                                            \
    }
FOR_STORED(DEPTHWISE)
