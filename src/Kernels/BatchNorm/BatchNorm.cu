// Batch normalisation of [rows, channels]. Statistics and both sums of backward take one pass over memory: a block owns 32 neighbouring channels and a
// segment of the rows (blockIdx.y), 8 threads share the rows of a channel; a kernel over channels joins the segments in order. Sums in double. Bound by memory.

#define CHANNELS 32
#define CHANNEL_ROWS 8

// Two sums a channel, as a block of CHANNELS x CHANNEL_ROWS threads has them, into parts [segments, 2, channels].
__device__ inline void write_sums(double first, double second, double* parts, long long channel, int channels)
{
    __shared__ double firsts[CHANNEL_ROWS][CHANNELS], seconds[CHANNEL_ROWS][CHANNELS];
    firsts[threadIdx.y][threadIdx.x] = first;
    seconds[threadIdx.y][threadIdx.x] = second;
    __syncthreads();
    if (threadIdx.y != 0 || channel >= channels)
        return;
    for (int row = 1; row < CHANNEL_ROWS; row++)
    {
        first += firsts[row][threadIdx.x];
        second += seconds[row][threadIdx.x];
    }
    parts[blockIdx.y * 2LL * channels + channel] = first;
    parts[(blockIdx.y * 2LL + 1) * channels + channel] = second;
}

// The sum of one of both over all segments.
__device__ inline double join_parts(const double* parts, int which, int segments, int channel, int channels)
{
    double sum = 0.0;
    for (int s = 0; s < segments; s++)
        sum += parts[(s * 2LL + which) * channels + channel];
    return sum;
}

// Sums of d and d d, d = x - x[0]: near the mean, so that no digits are lost where it is far from zero.
extern "C" __global__ void batch_norm_moments(const float* x, double* parts, long long rows, int channels, long long segment)
{
    long long channel = blockIdx.x * (long long)CHANNELS + threadIdx.x, end = min(rows, (blockIdx.y + 1) * segment);
    double sum = 0.0, squares = 0.0;
    if (channel < channels)
    {
        double near = x[channel];
        for (long long r = blockIdx.y * segment + threadIdx.y; r < end; r += CHANNEL_ROWS)
        {
            double d = x[r * channels + channel] - near;
            sum += d;
            squares += d * d;
        }
    }
    write_sums(sum, squares, parts, channel, channels);
}

// What is used, and, where parts is not null, the moving statistics' step.
extern "C" __global__ void batch_norm_statistics(const float* x, const double* parts, float* moving_mean, float* moving_variance, float* mean, float* rstd, long long rows, int channels,
    int segments, float epsilon, float momentum, double moving_factor)
{
    OVER_ELEMENTS(c, channels)
    {
        double m = moving_mean[c], variance = moving_variance[c];
        if (parts)
        {
            double shift = join_parts(parts, 0, segments, (int)c, channels) / rows;
            m = x[c] + shift;
            variance = larger(0.0, join_parts(parts, 1, segments, (int)c, channels) / rows - shift * shift);
            moving_mean[c] = (float)(moving_mean[c] * (double)momentum + m * (1.0 - (double)momentum));
            moving_variance[c] = (float)(moving_variance[c] * (double)momentum + variance * moving_factor * (1.0 - (double)momentum));
        }
        mean[c] = (float)m;
        rstd[c] = (float)(1.0 / sqrt(variance + epsilon));
    }
}

extern "C" __global__ void batch_norm_forward(const float* x, const float* scale, const float* shift, const float* mean, const float* rstd, float* y, long long count, int channels)
{
    OVER_ELEMENTS(i, count)
    {
        long long c = i - quotient(i, channels) * channels;
        y[i] = (x[i] - mean[c]) * (rstd[c] * scale[c]) + shift[c];
    }
}

// Sums of dy and dy (x - mean).
extern "C" __global__ void batch_norm_gradient_sums(const float* x, const float* dy, const float* mean, double* parts, long long rows, int channels, long long segment)
{
    long long channel = blockIdx.x * (long long)CHANNELS + threadIdx.x, end = min(rows, (blockIdx.y + 1) * segment);
    double sum = 0.0, product = 0.0;
    if (channel < channels)
    {
        double m = mean[channel];
        for (long long r = blockIdx.y * segment + threadIdx.y; r < end; r += CHANNEL_ROWS)
        {
            double d = dy[r * channels + channel];
            sum += d;
            product += d * (x[r * channels + channel] - m);
        }
    }
    write_sums(sum, product, parts, channel, channels);
}

extern "C" __global__ void batch_norm_gradients(const double* parts, const float* rstd, float* dscale, float* dshift, int channels, int segments)
{
    OVER_ELEMENTS(c, channels)
    {
        dshift[c] = (float)join_parts(parts, 0, segments, (int)c, channels);
        dscale[c] = (float)(join_parts(parts, 1, segments, (int)c, channels) * rstd[c]);
    }
}

// x, dscale and dshift are null where moving statistics were used.
extern "C" __global__ void batch_norm_backward(const float* x, const float* dy, const float* scale, const float* mean, const float* rstd, const float* dscale, const float* dshift, float* dx,
    long long count, long long rows, int channels, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        long long c = i - quotient(i, channels) * channels;
        float d = dy[i];
        if (x)
            d -= (dshift[c] + (x[i] - mean[c]) * rstd[c] * dscale[c]) / rows;
        store(dx + i, scale[c] * rstd[c] * d, beta);
    }
}
