#include "Four.cuh"
#include "Columns.cuh"

// Bound by reading and writing each number once: a row of up to 4096 numbers stays in registers, of a warp where there are many short rows (then without a
// barrier), else of a block. Longer ones are read three times by a block, from the cache but for the first.
// A warp asks for its row at once: of 768 numbers 3 KiB, and 8 warps fit on a multiprocessor with the most registers that a thread may have. So 24 KiB and more are on
// their way where an H100's memory needs 15 (3.35 TB/s for 600 ns over 132): the rest of the 81 % of 8192 x 768 lies in the start and end of 20 µs, or the ladder's 65536 x 768 says otherwise.

// x and y have one type; or x is float32, as a sum along a residual path, and y has 16 bits.
#define FOR_PAIRS(KERNEL) KERNEL(, , float, float) KERNEL(, _bf16, bf16, bf16) KERNEL(, _fp16, fp16, fp16) KERNEL(_float, _bf16, float, bf16) KERNEL(_float, _fp16, float, fp16)

// means and rstds may be null.
template <int EACH, bool WARP, bool FOURS, class X, class Y>
__device__ __forceinline__ void layer_norm_row(long long row, const X* from, const float* scale, const float* shift, Y* to, float* means, float* rstds, int columns, float epsilon)
{
    int lane = WARP ? threadIdx.x & 31 : threadIdx.x, lanes = WARP ? 32 : blockDim.x;
    Four x[EACH], scales[EACH], shifts[EACH];
    float sum = 0.0f, squares = 0.0f;
#pragma unroll
    for (int j = 0; j < EACH; j++)
        x[j] = load_four<FOURS>(from, (j * lanes + lane) * 4, columns);
    if (!WARP) // few rows: all that is read is on its way at once
    {
#pragma unroll
        for (int j = 0; j < EACH; j++)
        {
            scales[j] = load_four<FOURS>(scale, (j * lanes + lane) * 4, columns);
            shifts[j] = load_four<FOURS>(shift, (j * lanes + lane) * 4, columns);
        }
    }
#pragma unroll
    for (int j = 0; j < EACH; j++)
        sum += (x[j].v[0] + x[j].v[1]) + (x[j].v[2] + x[j].v[3]);
    float mean = row_join<Sum, WARP>(sum) / columns;
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
        {
            x[j].v[k] -= mean;
            squares += (j * lanes + lane) * 4 + k < columns ? x[j].v[k] * x[j].v[k] : 0.0f;
        }
    }
    float rstd = 1.0f / sqrtf(row_join<Sum, WARP>(squares) / columns + epsilon);
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
        int at = (j * lanes + lane) * 4;
        Four by = WARP ? load_four<FOURS>(scale, at, columns) : scales[j], plus = WARP ? load_four<FOURS>(shift, at, columns) : shifts[j];
#pragma unroll
        for (int k = 0; k < 4; k++)
            x[j].v[k] = x[j].v[k] * rstd * by.v[k] + plus.v[k];
        store_four<FOURS>(to, at, columns, x[j]);
    }
    if (means && lane == 0)
    {
        means[row] = mean;
        rstds[row] = rstd;
    }
}

template <int EACH, bool WARP, class X, class Y>
__device__ __forceinline__ void layer_norm(long long row, const X* x, const float* scale, const float* shift, Y* y, float* means, float* rstds, long long rows, int columns, float epsilon)
{
    if (row >= rows)
        return;
    const X* from = x + row * columns;
    Y* to = y + row * columns;
    if (columns % 4 == 0 && lies_by_fours(x) && lies_by_fours(y) && lies_by_fours(scale) && lies_by_fours(shift))
        layer_norm_row<EACH, WARP, true>(row, from, scale, shift, to, means, rstds, columns, epsilon);
    else
        layer_norm_row<EACH, WARP, false>(row, from, scale, shift, to, means, rstds, columns, epsilon);
}

template <class X, class Y>
__device__ inline void layer_norm_long_row(const X* x, const float* scale, const float* shift, Y* y, float* means, float* rstds, int columns, float epsilon)
{
    const X* from = x + (size_t)blockIdx.x * columns;
    Y* to = y + (size_t)blockIdx.x * columns;
    float sum = 0.0f, squares = 0.0f;
#pragma unroll 4
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        sum += widened(from[c]);
    float mean = block_join<Sum>(sum) / columns;
#pragma unroll 4
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        squares += (widened(from[c]) - mean) * (widened(from[c]) - mean);
    float rstd = 1.0f / sqrtf(block_join<Sum>(squares) / columns + epsilon);
#pragma unroll 4
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        put(to + c, (widened(from[c]) - mean) * rstd * scale[c] + shift[c]);
    if (means && threadIdx.x == 0)
    {
        means[blockIdx.x] = mean;
        rstds[blockIdx.x] = rstd;
    }
}

#define LAYER_NORM_FORM(given, form, threads, suffix, X, Y, body)                                                                                              \
    extern "C" __global__ void __launch_bounds__(threads) layer_norm_forward##given##_##form##suffix(const X* __restrict__ x, const float* __restrict__ scale, \
        const float* __restrict__ shift, Y* y, float* means, float* rstds, long long rows, int columns, float epsilon)                                         \
    {                                                                                                                                                          \
        body;                                                                                                                                                  \
    }
#define LAYER_NORM(given, suffix, X, Y)                                                                                                            \
    LAYER_NORM_FORM(given, warp2, 128, suffix, X, Y, (layer_norm<2, true>(WARP_ROW, x, scale, shift, y, means, rstds, rows, columns, epsilon)))    \
    LAYER_NORM_FORM(given, warp8, 128, suffix, X, Y, (layer_norm<8, true>(WARP_ROW, x, scale, shift, y, means, rstds, rows, columns, epsilon)))    \
    LAYER_NORM_FORM(given, block, 256, suffix, X, Y, (layer_norm<4, false>(blockIdx.x, x, scale, shift, y, means, rstds, rows, columns, epsilon))) \
    LAYER_NORM_FORM(given, long, 512, suffix, X, Y, layer_norm_long_row(x, scale, shift, y, means, rstds, columns, epsilon))
FOR_PAIRS(LAYER_NORM)

template <int EACH, bool WARP, bool FOURS, class X, class Y>
__device__ __forceinline__ void layer_norm_gradient_row(const X* x, const Y* dy, const float* scale, float mean, float rstd, X* dx, int columns, float beta)
{
    int lane = WARP ? threadIdx.x & 31 : threadIdx.x, lanes = WARP ? 32 : blockDim.x;
    Four d[EACH], n[EACH]; // dy scale, and x normalised
    float sum = 0.0f, product = 0.0f;
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
        d[j] = load_four<FOURS>(dy, (j * lanes + lane) * 4, columns);
        n[j] = load_four<FOURS>(x, (j * lanes + lane) * 4, columns);
    }
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
        Four by = load_four<FOURS>(scale, (j * lanes + lane) * 4, columns); // 0 behind the end, as d
#pragma unroll
        for (int k = 0; k < 4; k++)
        {
            d[j].v[k] *= by.v[k];
            n[j].v[k] = (n[j].v[k] - mean) * rstd;
            sum += d[j].v[k];
            product += d[j].v[k] * n[j].v[k];
        }
    }
    sum = row_join<Sum, WARP>(sum) / columns;
    product = row_join<Sum, WARP>(product) / columns;
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
            d[j].v[k] = rstd * (d[j].v[k] - sum - n[j].v[k] * product);
        store_four<FOURS>(dx, (j * lanes + lane) * 4, columns, d[j], beta);
    }
}

template <int EACH, bool WARP, class X, class Y>
__device__ __forceinline__ void layer_norm_gradient(
    long long row, const X* x, const Y* dy, const float* scale, const float* means, const float* rstds, X* dx, long long rows, int columns, float beta)
{
    if (row >= rows)
        return;
    long long first = row * columns;
    if (columns % 4 == 0 && lies_by_fours(x) && lies_by_fours(dy) && lies_by_fours(scale) && lies_by_fours(dx))
        layer_norm_gradient_row<EACH, WARP, true>(x + first, dy + first, scale, means[row], rstds[row], dx + first, columns, beta);
    else
        layer_norm_gradient_row<EACH, WARP, false>(x + first, dy + first, scale, means[row], rstds[row], dx + first, columns, beta);
}

template <class X, class Y>
__device__ inline void layer_norm_gradient_long(const X* x, const Y* dy, const float* scale, const float* means, const float* rstds, X* dx, int columns, float beta)
{
    size_t row = (size_t)blockIdx.x * columns;
    float mean = means[blockIdx.x], rstd = rstds[blockIdx.x], sum = 0.0f, product = 0.0f;
#pragma unroll 4
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
    {
        float d = widened(dy[row + c]) * scale[c];
        sum += d;
        product += d * (widened(x[row + c]) - mean) * rstd;
    }
    sum = block_join<Sum>(sum) / columns;
    product = block_join<Sum>(product) / columns;
#pragma unroll 4
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        store(dx + row + c, rstd * (widened(dy[row + c]) * scale[c] - sum - (widened(x[row + c]) - mean) * rstd * product), beta);
}

#define LAYER_NORM_GRADIENT_FORM(given, form, threads, suffix, X, Y, body)                                                                                 \
    extern "C" __global__ void __launch_bounds__(threads) layer_norm_backward##given##_##form##suffix(const X* __restrict__ x, const Y* __restrict__ dy,   \
        const float* __restrict__ scale, const float* __restrict__ means, const float* __restrict__ rstds, X* dx, long long rows, int columns, float beta) \
    {                                                                                                                                                      \
        body;                                                                                                                                              \
    }
#define LAYER_NORM_GRADIENT(given, suffix, X, Y)                                                                                                                \
    LAYER_NORM_GRADIENT_FORM(given, warp2, 128, suffix, X, Y, (layer_norm_gradient<2, true>(WARP_ROW, x, dy, scale, means, rstds, dx, rows, columns, beta)))    \
    LAYER_NORM_GRADIENT_FORM(given, warp8, 128, suffix, X, Y, (layer_norm_gradient<8, true>(WARP_ROW, x, dy, scale, means, rstds, dx, rows, columns, beta)))    \
    LAYER_NORM_GRADIENT_FORM(given, block, 256, suffix, X, Y, (layer_norm_gradient<4, false>(blockIdx.x, x, dy, scale, means, rstds, dx, rows, columns, beta))) \
    LAYER_NORM_GRADIENT_FORM(given, long, 512, suffix, X, Y, layer_norm_gradient_long(x, dy, scale, means, rstds, dx, columns, beta))
FOR_PAIRS(LAYER_NORM_GRADIENT)

// Sums over rows of dy xhat.
template <bool FOURS, class X, class Y>
__device__ __forceinline__ void scale_sums(double (&all)[1][4], ColumnPlace at, const X* x, const Y* dy, const float* means, const float* rstds, long long rows, int columns, int segments)
{
    for (long long first = (long long)at.chunk * STEP_ROWS * at.row_lanes + at.row; first < rows; first += (long long)segments * STEP_ROWS * at.row_lanes)
    {
        Four d[STEP_ROWS], of[STEP_ROWS];
        float mean[STEP_ROWS], rstd[STEP_ROWS];
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            long long row = min(first + u * at.row_lanes, rows - 1);
            d[u] = load_four<FOURS>(dy + row * columns, at.column, columns);
            of[u] = load_four<FOURS>(x + row * columns, at.column, columns);
            mean[u] = means[row];
            rstd[u] = rstds[row];
        }
#pragma unroll
        for (int k = 0; k < 4; k++)
        {
            float sum = 0.0f;
#pragma unroll
            for (int u = 0; u < STEP_ROWS; u++)
                sum += first + u * at.row_lanes < rows ? d[u].v[k] * ((of[u].v[k] - mean[u]) * rstd[u]) : 0.0f;
            all[0][k] += sum;
        }
    }
}

// Into parts [segments, columns].
template <class X, class Y>
__device__ __forceinline__ void scale_parts(const X* x, const Y* dy, const float* means, const float* rstds, double* parts, long long rows, int columns, int log, int column_blocks, int segments)
{
    __shared__ double shared[COLUMN_WARPS * 128];
    ColumnPlace at = column_place(log, column_blocks);
    double all[1][4] = {};
    if (at.column < columns)
    {
        if (columns % 4 == 0 && lies_by_fours(x) && lies_by_fours(dy))
            scale_sums<true>(all, at, x, dy, means, rstds, rows, columns, segments);
        else
            scale_sums<false>(all, at, x, dy, means, rstds, rows, columns, segments);
    }
    double sum = join_rows_of_block<Sum>(all, shared, log);
    int column = ((int)(blockIdx.x % (unsigned int)column_blocks) << (log + 2)) + (threadIdx.x & ((4 << log) - 1));
    if (threadIdx.x < 4u << log && column < columns)
        parts[at.chunk * (long long)columns + column] = sum;
}

#define LAYER_NORM_SCALE(given, suffix, X, Y)                                                                                                                   \
    extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 3) layer_norm_scale##given##suffix(const X* __restrict__ x, const Y* __restrict__ dy,          \
        const float* __restrict__ means, const float* __restrict__ rstds, double* parts, long long rows, int columns, int log, int column_blocks, int segments) \
    {                                                                                                                                                           \
        scale_parts(x, dy, means, rstds, parts, rows, columns, log, column_blocks, segments);                                                                   \
    }
FOR_PAIRS(LAYER_NORM_SCALE)
