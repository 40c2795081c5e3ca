#include "Four.cuh"
#include "Columns.cuh"
#include "BatchNorm.cuh"

// Batch normalisation of [rows, channels]. Statistics take one pass, as Columns.cuh has it; a small kernel joins their segments. The pass behind it stores
// act(v + residual), v = (x - mean) rstd scale + shift, so that what a network does with v costs no pass of its own.

template <bool FOURS, class T>
__device__ __forceinline__ void moments(double (&all)[2][4], const ColumnPlace& at, const T* x, long long rows, int channels, int segments)
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
template <class T>
__device__ __forceinline__ void sum_moments(const T* x, double* parts, long long rows, int channels, int log, int column_blocks, int segments)
{
    ColumnPlace at = column_place(log, column_blocks);
    double all[2][4] = {};
    if (at.column < channels)
    {
        if (channels % 4 == 0 && lies_by_fours(x))
            moments<true>(all, at, x, rows, channels, segments);
        else
            moments<false>(all, at, x, rows, channels, segments);
    }
    write_sums(all, shared_sums(), parts, channels, log, column_blocks);
}

#define MOMENTS(suffix, T)                                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 4) batch_norm_moments##suffix(                                                               \
        const T* __restrict__ x, double* parts, long long rows, int channels, int log, int column_blocks, int segments)                                       \
    {                                                                                                                                                         \
        sum_moments(x, parts, rows, channels, log, column_blocks, segments);                                                                                  \
    }
FOR_STORED(MOMENTS)

// What is used, and the moving statistics' step.
template <class T>
__device__ __forceinline__ void statistics(const T* x, const double* parts, float* moving_mean, float* moving_variance, float* mean, float* rstd, long long rows, int channels, int log,
    int segments, float epsilon, float momentum, double moving_factor)
{
    double all[2];
    join_segments<Sum>(parts, all, 0.0, segments, channels, log, shared_sums());
    int c = (blockIdx.x << log) + threadIdx.x;
    if (threadIdx.x >= 1u << log || c >= channels)
        return;
    double shift = all[0] / rows, m = widened(x[c]) + shift, variance = larger(0.0, all[1] / rows - shift * shift);
    moving_mean[c] = (float)(moving_mean[c] * (double)momentum + m * (1.0 - (double)momentum));
    moving_variance[c] = (float)(moving_variance[c] * (double)momentum + variance * moving_factor * (1.0 - (double)momentum));
    mean[c] = (float)m;
    rstd[c] = (float)(1.0 / sqrt(variance + epsilon));
}

#define STATISTICS(suffix, T)                                                                                                                                 \
    extern "C" __global__ void __launch_bounds__(COLUMN_THREADS) batch_norm_statistics##suffix(const T* __restrict__ x, const double* __restrict__ parts,     \
        float* moving_mean, float* moving_variance, float* mean, float* rstd, long long rows, int channels, int log, int segments, float epsilon,             \
        float momentum, double moving_factor)                                                                                                                 \
    {                                                                                                                                                         \
        statistics(x, parts, moving_mean, moving_variance, mean, rstd, rows, channels, log, segments, epsilon, momentum, moving_factor);                      \
    }
FOR_STORED(STATISTICS)

template <bool FOURS, bool ADDS, class T>
__device__ __forceinline__ void normalise(const ColumnPlace& at, const T* x, const T* residual, const float* scale, const float* shift, const float* moving_mean,
    const float* moving_variance, T* y, float* means, float* rstds, long long rows, int channels, int column_blocks, int steps, float epsilon, int activation)
{
    long long row = last_rows_first(at, column_blocks, steps);
    Four mean = {}, factor = {}, plus = {};
    for (int step = 0; step < steps && row < rows; step++, row += STEP_ROWS * at.row_lanes)
    {
        Four in[STEP_ROWS], more[STEP_ROWS];
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            if (row + u * at.row_lanes >= rows)
                continue;
            in[u] = load_four<FOURS>(x + (row + u * at.row_lanes) * channels, at.column, channels);
            if (ADDS)
                more[u] = load_four<FOURS>(residual + (row + u * at.row_lanes) * channels, at.column, channels);
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
            {
                float v = normalised(in[u].v[k], mean.v[k], factor.v[k], plus.v[k]);
                in[u].v[k] = activated(ADDS ? v + more[u].v[k] : v, activation);
            }
            store_four<FOURS>(y + (row + u * at.row_lanes) * channels, at.column, channels, in[u]);
        }
    }
}

// By means and rstds, or, where moving_mean is not null, by moving statistics: then it writes means and rstds.
template <bool ADDS, class T>
__device__ __forceinline__ void normalise_rows(const T* x, const T* residual, const float* scale, const float* shift, const float* moving_mean, const float* moving_variance, T* y,
    float* means, float* rstds, long long rows, int channels, int log, int column_blocks, int steps, float epsilon, int activation)
{
    ColumnPlace at = column_place(log, column_blocks);
    if (at.column >= channels)
        return;
    bool fours = channels % 4 == 0 && lies_by_fours(x) && lies_by_fours(residual) && lies_by_fours(y) && lies_by_fours(scale) && lies_by_fours(shift) && lies_by_fours(means)
        && lies_by_fours(rstds) && lies_by_fours(moving_mean) && lies_by_fours(moving_variance);
    if (fours)
        normalise<true, ADDS>(at, x, residual, scale, shift, moving_mean, moving_variance, y, means, rstds, rows, channels, column_blocks, steps, epsilon, activation);
    else
        normalise<false, ADDS>(at, x, residual, scale, shift, moving_mean, moving_variance, y, means, rstds, rows, channels, column_blocks, steps, epsilon, activation);
}

#define FORWARD(suffix, T)                                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(COLUMN_THREADS) batch_norm_forward##suffix(const T* __restrict__ x, const float* __restrict__ scale,         \
        const float* __restrict__ shift, const float* __restrict__ moving_mean, const float* __restrict__ moving_variance, T* y, float* means, float* rstds,  \
        long long rows, int channels, int log, int column_blocks, int steps, float epsilon, int activation)                                                   \
    {                                                                                                                                                         \
        normalise_rows<false>(x, (const T*)nullptr, scale, shift, moving_mean, moving_variance, y, means, rstds, rows, channels, log, column_blocks, steps,   \
            epsilon, activation);                                                                                                                             \
    }                                                                                                                                                         \
    extern "C" __global__ void __launch_bounds__(COLUMN_THREADS) batch_norm_add_forward##suffix(const T* __restrict__ x, const T* __restrict__ residual,      \
        const float* __restrict__ scale, const float* __restrict__ shift, const float* __restrict__ moving_mean, const float* __restrict__ moving_variance,   \
        T* y, float* means, float* rstds, long long rows, int channels, int log, int column_blocks, int steps, float epsilon, int activation)                 \
    {                                                                                                                                                         \
        normalise_rows<true>(x, residual, scale, shift, moving_mean, moving_variance, y, means, rstds, rows, channels, log, column_blocks, steps, epsilon,    \
            activation);                                                                                                                                      \
    }
FOR_STORED(FORWARD)
