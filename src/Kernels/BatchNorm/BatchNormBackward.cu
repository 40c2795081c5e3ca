#include "Four.cuh"
#include "Columns.cuh"
#include "BatchNorm.cuh"

// The gradients of a batch normalisation: both sums of a channel in one pass, as Columns.cuh has it, then the input's gradient. The gradient comes through an
// activation where it is read: of the 13 passes over memory that separate kernels take for normalisation and ReLU, forward and backward, 8 are left, and 11 of 16 with a
// residual.

// The way back through the activation: BatchNormGate.cs. y is null where the output is computed from x again, passed where nobody needs the result.
template <class T>
struct Gate
{
    const float *scale, *shift;
    const T* y;
    T* passed;
    int activation;
};

// What normalised takes for four channels.
struct Factors
{
    Four mean, factor, shift;
};

template <bool FOURS, class T>
__device__ __forceinline__ Factors factors_again(const Gate<T>& gate, const float* means, const float* rstds, int column, int channels)
{
    Factors f = {load_four<FOURS>(means, column, channels), load_four<FOURS>(rstds, column, channels), load_four<FOURS>(gate.shift, column, channels)};
    Four by = load_four<FOURS>(gate.scale, column, channels);
#pragma unroll
    for (int k = 0; k < 4; k++)
        f.factor.v[k] *= by.v[k];
    return f;
}

// d becomes what comes through, by a product as in Unary.cu: NaN stays.
template <class T>
__device__ __forceinline__ void come_through(Four& d, const Four& x, const Four& y, const Factors& again, const Gate<T>& gate)
{
#pragma unroll
    for (int k = 0; k < 4; k++)
    {
        float out = gate.y ? y.v[k] : normalised(x.v[k], again.mean.v[k], again.factor.v[k], again.shift.v[k]);
        d.v[k] *= out > 0.0f && (gate.activation != FusedReLU6 || out < 6.0f) ? 1.0f : 0.0f;
    }
}

template <bool FOURS, bool GATED, class T>
__device__ __forceinline__ void gradient_sums(double (&all)[2][4], const ColumnPlace& at, const T* x, const T* dy, const float* means, const float* rstds, const Gate<T>& gate, long long rows,
    int channels, int segments)
{
    Four mean = load_four<FOURS>(means, at.column, channels);
    Factors again = {};
    if (GATED && !gate.y)
        again = factors_again<FOURS>(gate, means, rstds, at.column, channels);
    for (long long first = (long long)at.chunk * STEP_ROWS * at.row_lanes + at.row; first < rows; first += (long long)segments * STEP_ROWS * at.row_lanes)
    {
        Four d[STEP_ROWS], in[STEP_ROWS], out[STEP_ROWS];
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            bool exists = first + u * at.row_lanes < rows;
            long long row = (first + u * at.row_lanes) * channels;
            in[u] = exists ? load_four<FOURS>(x + row, at.column, channels) : mean;
            d[u] = exists ? load_four<FOURS>(dy + row, at.column, channels) : Four{};
            if (GATED)
                out[u] = exists && gate.y ? load_four<FOURS>(gate.y + row, at.column, channels) : Four{};
        }
        if (GATED)
        {
#pragma unroll
            for (int u = 0; u < STEP_ROWS; u++)
            {
                come_through(d[u], in[u], out[u], again, gate);
                if (gate.passed && first + u * at.row_lanes < rows)
                    store_four<FOURS>(gate.passed + (first + u * at.row_lanes) * channels, at.column, channels, d[u]);
            }
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

// Sums of dv and dv (x - mean); dv is dy, or what comes of it through the gate.
template <bool GATED, class T>
__device__ __forceinline__ void sum_gradients(const T* x, const T* dy, const float* means, const float* rstds, const Gate<T>& gate, double* parts, long long rows, int channels, int log,
    int column_blocks, int segments)
{
    ColumnPlace at = column_place(log, column_blocks);
    double all[2][4] = {};
    if (at.column < channels)
    {
        bool fours = channels % 4 == 0 && lies_by_fours(x) && lies_by_fours(dy) && lies_by_fours(means);
        if (GATED)
            fours = fours && lies_by_fours(rstds) && lies_by_fours(gate.scale) && lies_by_fours(gate.shift) && lies_by_fours(gate.y) && lies_by_fours(gate.passed);
        if (fours)
            gradient_sums<true, GATED>(all, at, x, dy, means, rstds, gate, rows, channels, segments);
        else
            gradient_sums<false, GATED>(all, at, x, dy, means, rstds, gate, rows, channels, segments);
    }
    write_sums(all, shared_sums(), parts, channels, log, column_blocks);
}

// passed may be dy: each number is read before it is written, by the same thread.
#define GRADIENT_SUMS(suffix, T)                                                                                                                                                             \
    extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 3) batch_norm_gradient_sums##suffix(const T* __restrict__ x, const T* __restrict__ dy, const float* __restrict__ means,     \
        double* parts, long long rows, int channels, int log, int column_blocks, int segments)                                                                                               \
    {                                                                                                                                                                                        \
        sum_gradients<false>(x, dy, means, nullptr, Gate<T>{}, parts, rows, channels, log, column_blocks, segments);                                                                         \
    }                                                                                                                                                                                        \
    extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 2) batch_norm_gated_gradient_sums##suffix(const T* __restrict__ x, const T* dy, const float* __restrict__ means,            \
        const float* __restrict__ rstds, const float* __restrict__ scale, const float* __restrict__ shift, const T* __restrict__ y, T* passed, int activation, double* parts, long long rows,\
        int channels, int log, int column_blocks, int segments)                                                                                                                              \
    {                                                                                                                                                                                        \
        sum_gradients<true>(x, dy, means, rstds, Gate<T>{scale, shift, y, passed, activation}, parts, rows, channels, log, column_blocks, segments);                                         \
    }
FOR_STORED(GRADIENT_SUMS)

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

// dx = factor (dv - (base + (x - mean) slope)); by moving statistics dx = factor dv. dv is dy, or what comes of it through the gate.
template <bool FOURS, bool BY_BATCH, bool GATED, class T>
__device__ __forceinline__ void input_gradient(const ColumnPlace& at, const T* x, const T* dy, const float* scale, const float* means, const float* rstds, const Gate<T>& gate,
    const float* dscale, const float* dshift, T* dx, long long rows, int channels, int column_blocks, int steps, float beta)
{
    long long row = last_rows_first(at, column_blocks, steps);
    Four mean = {}, factor = {}, base = {}, slope = {};
    Factors again = {};
    for (int step = 0; step < steps && row < rows; step++, row += STEP_ROWS * at.row_lanes)
    {
        Four d[STEP_ROWS], in[STEP_ROWS], out[STEP_ROWS];
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            if (row + u * at.row_lanes >= rows)
                continue;
            d[u] = load_four<FOURS>(dy + (row + u * at.row_lanes) * channels, at.column, channels);
            if (BY_BATCH || (GATED && !gate.y))
                in[u] = load_four<FOURS>(x + (row + u * at.row_lanes) * channels, at.column, channels);
            if (GATED && gate.y)
                out[u] = load_four<FOURS>(gate.y + (row + u * at.row_lanes) * channels, at.column, channels);
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
            if (GATED && !gate.y)
                again = factors_again<FOURS>(gate, means, rstds, at.column, channels);
        }
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            if (row + u * at.row_lanes >= rows)
                continue;
            if (GATED)
                come_through(d[u], in[u], out[u], again, gate);
#pragma unroll
            for (int k = 0; k < 4; k++)
                d[u].v[k] = factor.v[k] * (BY_BATCH ? d[u].v[k] - (base.v[k] + (in[u].v[k] - mean.v[k]) * slope.v[k]) : d[u].v[k]);
            store_four<FOURS>(dx + (row + u * at.row_lanes) * channels, at.column, channels, d[u], beta);
        }
    }
}

// dscale and dshift are null where moving statistics were used, and x too where the gate does not read it.
template <bool GATED, class T>
__device__ __forceinline__ void input_gradients(const T* x, const T* dy, const float* scale, const float* means, const float* rstds, const Gate<T>& gate, const float* dscale,
    const float* dshift, T* dx, long long rows, int channels, int log, int column_blocks, int steps, float beta)
{
    ColumnPlace at = column_place(log, column_blocks);
    if (at.column >= channels)
        return;
    bool fours = channels % 4 == 0 && lies_by_fours(x) && lies_by_fours(dy) && lies_by_fours(dx) && lies_by_fours(scale) && lies_by_fours(means) && lies_by_fours(rstds)
        && lies_by_fours(dscale) && lies_by_fours(dshift);
    if (GATED)
        fours = fours && lies_by_fours(gate.shift) && lies_by_fours(gate.y);
    if (dscale && fours)
        input_gradient<true, true, GATED>(at, x, dy, scale, means, rstds, gate, dscale, dshift, dx, rows, channels, column_blocks, steps, beta);
    else if (dscale)
        input_gradient<false, true, GATED>(at, x, dy, scale, means, rstds, gate, dscale, dshift, dx, rows, channels, column_blocks, steps, beta);
    else if (fours)
        input_gradient<true, false, GATED>(at, x, dy, scale, means, rstds, gate, dscale, dshift, dx, rows, channels, column_blocks, steps, beta);
    else
        input_gradient<false, false, GATED>(at, x, dy, scale, means, rstds, gate, dscale, dshift, dx, rows, channels, column_blocks, steps, beta);
}

#define BACKWARD(suffix, T)                                                                                                                                                                \
    extern "C" __global__ void __launch_bounds__(COLUMN_THREADS) batch_norm_backward##suffix(const T* __restrict__ x, const T* __restrict__ dy, const float* __restrict__ scale,           \
        const float* __restrict__ means, const float* __restrict__ rstds, const float* __restrict__ dscale, const float* __restrict__ dshift, T* dx, long long rows, int channels, int log,\
        int column_blocks, int steps, float beta)                                                                                                                                          \
    {                                                                                                                                                                                      \
        input_gradients<false>(x, dy, scale, means, rstds, Gate<T>{}, dscale, dshift, dx, rows, channels, log, column_blocks, steps, beta);                                                \
    }                                                                                                                                                                                      \
    extern "C" __global__ void __launch_bounds__(COLUMN_THREADS) batch_norm_gated_backward##suffix(const T* __restrict__ x, const T* __restrict__ dy, const float* __restrict__ scale,     \
        const float* __restrict__ means, const float* __restrict__ rstds, const float* __restrict__ shift, const T* __restrict__ y, int activation, const float* __restrict__ dscale,      \
        const float* __restrict__ dshift, T* dx, long long rows, int channels, int log, int column_blocks, int steps, float beta)                                                          \
    {                                                                                                                                                                                      \
        input_gradients<true>(x, dy, scale, means, rstds, Gate<T>{scale, shift, y, nullptr, activation}, dscale, dshift, dx, rows, channels, log, column_blocks, steps, beta);             \
    }
FOR_STORED(BACKWARD)
