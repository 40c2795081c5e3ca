#include "Four.cuh"
#include "Columns.cuh"

// Batch normalisation of [rows, channels], bound by memory. Statistics and both sums of backward take one pass, as Columns.cuh has it; a small kernel joins their
// segments. All blocks of a sum run at once and walk side by side towards the last rows, with which the kernel behind it begins: what the cache still holds is not
// read from memory again.

// Rows of a block of a kernel that writes every number: `steps` times STEP_ROWS of each thread, the last rows first.
__device__ inline long long last_rows_first(const ColumnPlace& at, int column_blocks, int steps)
{
    return ((long long)(gridDim.x / column_blocks - 1 - at.chunk) * steps) * STEP_ROWS * at.row_lanes + at.row;
}

// Two sums a channel into parts [segments, 2, channels].
__device__ inline void write_sums(double (&all)[2][4], double* shared, double* parts, int channels, int log, int column_blocks)
{
    double sum = join_rows_of_block<Sum>(all, shared, log);
    unsigned int segment = blockIdx.x / (unsigned int)column_blocks;
    int channel = (int)((blockIdx.x - segment * column_blocks) << (log + 2)) + (threadIdx.x & ((4 << log) - 1)), which = threadIdx.x >> (log + 2);
    if (which < 2 && channel < channels)
        parts[(segment * 2LL + which) * channels + channel] = sum;
}

template <bool FOURS>
__device__ __forceinline__ void moments(double (&all)[2][4], const ColumnPlace& at, const float* x, long long rows, int channels, int segments)
{
    Four near = load_four<FOURS>(x, at.column, channels);
    for (long long first = (long long)at.chunk * STEP_ROWS * at.row_lanes + at.row; first < rows; first += (long long)segments * STEP_ROWS * at.row_lanes)
    {
        Four d[STEP_ROWS];
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
            d[u] = first + u * at.row_lanes < rows ? load_four<FOURS>(x + (first + u * at.row_lanes) * channels, at.column, channels) : near;
#pragma unroll
        for (int k = 0; k < 4; k++)
        {
            float sum = 0.0f, squares = 0.0f;
#pragma unroll
            for (int u = 0; u < STEP_ROWS; u++)
            {
                float from = d[u].v[k] - near.v[k];
                sum += from;
                squares += from * from;
            }
            all[0][k] += sum;
            all[1][k] += squares;
        }
    }
}

// Sums of d and d d, d = x - x[0]: near the mean, so that no digits are lost where it is far from zero.
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 4) batch_norm_moments(
    const float* __restrict__ x, double* parts, long long rows, int channels, int log, int column_blocks, int segments)
{
    __shared__ double shared[COLUMN_WARPS * 2 * 128];
    ColumnPlace at = column_place(log, column_blocks);
    double all[2][4] = {};
    if (at.column < channels)
    {
        if (channels % 4 == 0 && lies_by_fours(x))
            moments<true>(all, at, x, rows, channels, segments);
        else
            moments<false>(all, at, x, rows, channels, segments);
    }
    write_sums(all, shared, parts, channels, log, column_blocks);
}

// What is used, and the moving statistics' step.
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS) batch_norm_statistics(const float* __restrict__ x, const double* __restrict__ parts, float* moving_mean, float* moving_variance,
    float* mean, float* rstd, long long rows, int channels, int log, int segments, float epsilon, float momentum, double moving_factor)
{
    __shared__ double shared[COLUMN_WARPS * 2 * 8];
    double all[2];
    join_segments<Sum>(parts, all, 0.0, segments, channels, log, shared);
    int c = (blockIdx.x << log) + threadIdx.x;
    if (threadIdx.x >= 1u << log || c >= channels)
        return;
    double shift = all[0] / rows, m = x[c] + shift, variance = larger(0.0, all[1] / rows - shift * shift);
    moving_mean[c] = (float)(moving_mean[c] * (double)momentum + m * (1.0 - (double)momentum));
    moving_variance[c] = (float)(moving_variance[c] * (double)momentum + variance * moving_factor * (1.0 - (double)momentum));
    mean[c] = (float)m;
    rstd[c] = (float)(1.0 / sqrt(variance + epsilon));
}

template <bool FOURS>
__device__ __forceinline__ void normalise(const ColumnPlace& at, const float* x, const float* scale, const float* shift, const float* moving_mean, const float* moving_variance, float* y, float* means,
    float* rstds, long long rows, int channels, int column_blocks, int steps, float epsilon)
{
    long long row = last_rows_first(at, column_blocks, steps);
    Four mean = {}, factor = {}, plus = {};
    for (int step = 0; step < steps && row < rows; step++, row += STEP_ROWS * at.row_lanes)
    {
        Four in[STEP_ROWS];
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            if (row + u * at.row_lanes < rows)
                in[u] = load_four<FOURS>(x + (row + u * at.row_lanes) * channels, at.column, channels);
        }
        if (step == 0)
        {
            mean = load_four<FOURS>(moving_mean ? moving_mean : means, at.column, channels);
            factor = load_four<FOURS>(moving_mean ? moving_variance : rstds, at.column, channels);
            plus = load_four<FOURS>(shift, at.column, channels);
            Four by = load_four<FOURS>(scale, at.column, channels);
            if (moving_mean)
            {
#pragma unroll
                for (int k = 0; k < 4; k++)
                    factor.v[k] = 1.0f / sqrtf(factor.v[k] + epsilon);
                if (row == 0)
                {
                    store_four<FOURS>(means, at.column, channels, mean);
                    store_four<FOURS>(rstds, at.column, channels, factor);
                }
            }
#pragma unroll
            for (int k = 0; k < 4; k++)
                factor.v[k] *= by.v[k];
        }
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            if (row + u * at.row_lanes >= rows)
                continue;
#pragma unroll
            for (int k = 0; k < 4; k++)
                in[u].v[k] = (in[u].v[k] - mean.v[k]) * factor.v[k] + plus.v[k];
            store_four<FOURS>(y + (row + u * at.row_lanes) * channels, at.column, channels, in[u]);
        }
    }
}

// By means and rstds, or, where moving_mean is not null, by moving statistics: then it writes means and rstds.
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS) batch_norm_forward(const float* __restrict__ x, const float* __restrict__ scale, const float* __restrict__ shift,
    const float* __restrict__ moving_mean, const float* __restrict__ moving_variance, float* y, float* means, float* rstds, long long rows, int channels, int log, int column_blocks, int steps,
    float epsilon)
{
    ColumnPlace at = column_place(log, column_blocks);
    if (at.column >= channels)
        return;
    bool fours = channels % 4 == 0 && lies_by_fours(x) && lies_by_fours(y) && lies_by_fours(scale) && lies_by_fours(shift) && lies_by_fours(means) && lies_by_fours(rstds)
        && lies_by_fours(moving_mean) && lies_by_fours(moving_variance);
    if (fours)
        normalise<true>(at, x, scale, shift, moving_mean, moving_variance, y, means, rstds, rows, channels, column_blocks, steps, epsilon);
    else
        normalise<false>(at, x, scale, shift, moving_mean, moving_variance, y, means, rstds, rows, channels, column_blocks, steps, epsilon);
}

template <bool FOURS>
__device__ __forceinline__ void gradient_sums(double (&all)[2][4], const ColumnPlace& at, const float* x, const float* dy, const float* means, long long rows, int channels, int segments)
{
    Four mean = load_four<FOURS>(means, at.column, channels);
    for (long long first = (long long)at.chunk * STEP_ROWS * at.row_lanes + at.row; first < rows; first += (long long)segments * STEP_ROWS * at.row_lanes)
    {
        Four d[STEP_ROWS], in[STEP_ROWS];
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            bool exists = first + u * at.row_lanes < rows;
            long long row = (first + u * at.row_lanes) * channels;
            in[u] = exists ? load_four<FOURS>(x + row, at.column, channels) : mean;
            d[u] = exists ? load_four<FOURS>(dy + row, at.column, channels) : Four{};
        }
#pragma unroll
        for (int k = 0; k < 4; k++)
        {
            float sum = 0.0f, product = 0.0f;
#pragma unroll
            for (int u = 0; u < STEP_ROWS; u++)
            {
                sum += d[u].v[k];
                product += d[u].v[k] * (in[u].v[k] - mean.v[k]);
            }
            all[0][k] += sum;
            all[1][k] += product;
        }
    }
}

// Sums of dy and dy (x - mean).
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 3) batch_norm_gradient_sums(const float* __restrict__ x, const float* __restrict__ dy, const float* __restrict__ means,
    double* parts, long long rows, int channels, int log, int column_blocks, int segments)
{
    __shared__ double shared[COLUMN_WARPS * 2 * 128];
    ColumnPlace at = column_place(log, column_blocks);
    double all[2][4] = {};
    if (at.column < channels)
    {
        if (channels % 4 == 0 && lies_by_fours(x) && lies_by_fours(dy) && lies_by_fours(means))
            gradient_sums<true>(all, at, x, dy, means, rows, channels, segments);
        else
            gradient_sums<false>(all, at, x, dy, means, rows, channels, segments);
    }
    write_sums(all, shared, parts, channels, log, column_blocks);
}

extern "C" __global__ void __launch_bounds__(COLUMN_THREADS) batch_norm_gradients(const double* __restrict__ parts, const float* __restrict__ rstd, float* dscale, float* dshift, int channels,
    int log, int segments)
{
    __shared__ double shared[COLUMN_WARPS * 2 * 8];
    double all[2];
    join_segments<Sum>(parts, all, 0.0, segments, channels, log, shared);
    int c = (blockIdx.x << log) + threadIdx.x;
    if (threadIdx.x >= 1u << log || c >= channels)
        return;
    dshift[c] = (float)all[0];
    dscale[c] = (float)(all[1] * rstd[c]);
}

// dx = factor (dy - (base + (x - mean) slope)); without x, dx = factor dy.
template <bool FOURS, bool BY_BATCH>
__device__ __forceinline__ void input_gradient(const ColumnPlace& at, const float* x, const float* dy, const float* scale, const float* means, const float* rstds, const float* dscale, const float* dshift,
    float* dx, long long rows, int channels, int column_blocks, int steps, float beta)
{
    long long row = last_rows_first(at, column_blocks, steps);
    Four mean = {}, factor = {}, base = {}, slope = {};
    for (int step = 0; step < steps && row < rows; step++, row += STEP_ROWS * at.row_lanes)
    {
        Four d[STEP_ROWS], in[STEP_ROWS];
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            if (row + u * at.row_lanes >= rows)
                continue;
            d[u] = load_four<FOURS>(dy + (row + u * at.row_lanes) * channels, at.column, channels);
            if (BY_BATCH)
                in[u] = load_four<FOURS>(x + (row + u * at.row_lanes) * channels, at.column, channels);
        }
        if (step == 0)
        {
            Four rstd = load_four<FOURS>(rstds, at.column, channels);
            factor = load_four<FOURS>(scale, at.column, channels);
            if (BY_BATCH)
            {
                mean = load_four<FOURS>(means, at.column, channels);
                base = load_four<FOURS>(dshift, at.column, channels);
                slope = load_four<FOURS>(dscale, at.column, channels);
            }
            float share = 1.0f / rows;
#pragma unroll
            for (int k = 0; k < 4; k++)
            {
                factor.v[k] *= rstd.v[k];
                base.v[k] *= share;
                slope.v[k] *= rstd.v[k] * share;
            }
        }
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            if (row + u * at.row_lanes >= rows)
                continue;
#pragma unroll
            for (int k = 0; k < 4; k++)
                d[u].v[k] = factor.v[k] * (BY_BATCH ? d[u].v[k] - (base.v[k] + (in[u].v[k] - mean.v[k]) * slope.v[k]) : d[u].v[k]);
            store_four<FOURS>(dx + (row + u * at.row_lanes) * channels, at.column, channels, d[u], beta);
        }
    }
}

// x, dscale and dshift are null where moving statistics were used.
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS) batch_norm_backward(const float* __restrict__ x, const float* __restrict__ dy, const float* __restrict__ scale,
    const float* __restrict__ means, const float* __restrict__ rstds, const float* __restrict__ dscale, const float* __restrict__ dshift, float* dx, long long rows, int channels, int log,
    int column_blocks, int steps, float beta)
{
    ColumnPlace at = column_place(log, column_blocks);
    if (at.column >= channels)
        return;
    bool fours = channels % 4 == 0 && lies_by_fours(x) && lies_by_fours(dy) && lies_by_fours(dx) && lies_by_fours(scale) && lies_by_fours(means) && lies_by_fours(rstds)
        && lies_by_fours(dscale) && lies_by_fours(dshift);
    if (x && fours)
        input_gradient<true, true>(at, x, dy, scale, means, rstds, dscale, dshift, dx, rows, channels, column_blocks, steps, beta);
    else if (x)
        input_gradient<false, true>(at, x, dy, scale, means, rstds, dscale, dshift, dx, rows, channels, column_blocks, steps, beta);
    else if (fours)
        input_gradient<true, false>(at, x, dy, scale, means, rstds, dscale, dshift, dx, rows, channels, column_blocks, steps, beta);
    else
        input_gradient<false, false>(at, x, dy, scale, means, rstds, dscale, dshift, dx, rows, channels, column_blocks, steps, beta);
}
