#include "Four.cuh"
#include "Exponentials.cuh"

// Bound by reading and writing each number once: a row of up to 4096 numbers stays in registers, of a warp where there are many short rows (then without a
// barrier), else of a block. Longer ones are read twice by a block, the second time from the cache.

template <int EACH, bool WARP, bool FOURS, class T>
__device__ __forceinline__ void softmax_row(const T* from, T* to, int classes, int log)
{
    int lane = WARP ? threadIdx.x & 31 : threadIdx.x, lanes = WARP ? 32 : blockDim.x;
    float most = -__int_as_float(INFINITY_BITS), sum = 0.0f;
    Four row[EACH];
#pragma unroll
    for (int j = 0; j < EACH; j++)
        row[j] = load_four<FOURS>(from, (j * lanes + lane) * 4, classes, -__int_as_float(INFINITY_BITS));
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
            most = fmaxf(most, row[j].v[k]); // passes NaN by, which shows in the sum
    }
    most = row_join<Largest, WARP>(most); // exp stays finite, the result is the same
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
        {
            float d = row[j].v[k] - most, e = expf(d);
            sum += e;
            row[j].v[k] = log ? d : e;
        }
    }
    sum = row_join<Sum, WARP>(sum);
    float factor = log ? 1.0f : 1.0f / sum, term = log ? logf(sum) : 0.0f;
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
            row[j].v[k] = row[j].v[k] * factor - term;
        store_four<FOURS>(to, (j * lanes + lane) * 4, classes, row[j]);
    }
}

template <int EACH, bool WARP, class T>
__device__ __forceinline__ void softmax(long long row, const T* x, T* y, long long rows, int classes, int log)
{
    if (row >= rows)
        return;
    const T* from = x + row * classes;
    T* to = y + row * classes;
    if (classes % 4 == 0 && lies_by_fours(x) && lies_by_fours(y))
        softmax_row<EACH, WARP, true>(from, to, classes, log);
    else
        softmax_row<EACH, WARP, false>(from, to, classes, log);
}

template <class T>
__device__ inline void softmax_long(const T* x, T* y, int classes, int log)
{
    const T* from = x + (size_t)blockIdx.x * classes;
    T* to = y + (size_t)blockIdx.x * classes;
    Exponentials all = exponentials(from, classes);
    float factor = 1.0f / all.sum, term = logf(all.sum);
#pragma unroll 4
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
    {
        float d = widened(from[c]) - all.most;
        put(to + c, log ? d - term : expf(d) * factor);
    }
}

#define SOFTMAX(suffix, T)                                                                                                                                           \
    extern "C" __global__ void __launch_bounds__(128) softmax_forward_warp2##suffix(const T* __restrict__ x, T* y, long long rows, int classes, int log)            \
    {                                                                                                                                                                \
        softmax<2, true>(WARP_ROW, x, y, rows, classes, log);                                                                                                        \
    }                                                                                                                                                                \
    extern "C" __global__ void __launch_bounds__(128) softmax_forward_warp8##suffix(const T* __restrict__ x, T* y, long long rows, int classes, int log)            \
    {                                                                                                                                                                \
        softmax<8, true>(WARP_ROW, x, y, rows, classes, log);                                                                                                        \
    }                                                                                                                                                                \
    extern "C" __global__ void __launch_bounds__(256) softmax_forward_block##suffix(const T* __restrict__ x, T* y, long long rows, int classes, int log)            \
    {                                                                                                                                                                \
        softmax<4, false>(blockIdx.x, x, y, rows, classes, log);                                                                                                     \
    }                                                                                                                                                                \
    extern "C" __global__ void __launch_bounds__(512) softmax_forward_long##suffix(const T* __restrict__ x, T* y, long long rows, int classes, int log)             \
    {                                                                                                                                                                \
        softmax_long(x, y, classes, log);                                                                                                                            \
    }
FOR_STORED(SOFTMAX)

// dx = y (dy - sum of dy y), or for the logarithm dy - exp(y) sum of dy.
template <int EACH, bool WARP, bool FOURS>
__device__ __forceinline__ void softmax_gradient_row(const float* y, const float* dy, float* dx, int classes, int log, float beta)
{
    int lane = WARP ? threadIdx.x & 31 : threadIdx.x, lanes = WARP ? 32 : blockDim.x;
    float sum = 0.0f;
    Four out[EACH], gradient[EACH];
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
        out[j] = load_four<FOURS>(y, (j * lanes + lane) * 4, classes);
        gradient[j] = load_four<FOURS>(dy, (j * lanes + lane) * 4, classes);
    }
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
            sum += log ? gradient[j].v[k] : gradient[j].v[k] * out[j].v[k];
    }
    sum = row_join<Sum, WARP>(sum);
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
            out[j].v[k] = log ? gradient[j].v[k] - expf(out[j].v[k]) * sum : out[j].v[k] * (gradient[j].v[k] - sum);
        store_four<FOURS>(dx, (j * lanes + lane) * 4, classes, out[j], beta);
    }
}

template <int EACH, bool WARP>
__device__ __forceinline__ void softmax_gradient(long long row, const float* y, const float* dy, float* dx, long long rows, int classes, int log, float beta)
{
    if (row >= rows)
        return;
    long long first = row * classes;
    if (classes % 4 == 0 && lies_by_fours(y) && lies_by_fours(dy) && lies_by_fours(dx))
        softmax_gradient_row<EACH, WARP, true>(y + first, dy + first, dx + first, classes, log, beta);
    else
        softmax_gradient_row<EACH, WARP, false>(y + first, dy + first, dx + first, classes, log, beta);
}

extern "C" __global__ void __launch_bounds__(128) softmax_backward_warp2(const float* __restrict__ y, const float* __restrict__ dy, float* dx, long long rows, int classes, int log, float beta)
{
    softmax_gradient<2, true>(WARP_ROW, y, dy, dx, rows, classes, log, beta);
}

extern "C" __global__ void __launch_bounds__(128) softmax_backward_warp8(const float* __restrict__ y, const float* __restrict__ dy, float* dx, long long rows, int classes, int log, float beta)
{
    softmax_gradient<8, true>(WARP_ROW, y, dy, dx, rows, classes, log, beta);
}

extern "C" __global__ void __launch_bounds__(256) softmax_backward_block(const float* __restrict__ y, const float* __restrict__ dy, float* dx, long long rows, int classes, int log, float beta)
{
    softmax_gradient<4, false>(blockIdx.x, y, dy, dx, rows, classes, log, beta);
}

extern "C" __global__ void __launch_bounds__(512) softmax_backward_long(const float* __restrict__ y, const float* __restrict__ dy, float* dx, long long rows, int classes, int log, float beta)
{
    size_t row = (size_t)blockIdx.x * classes;
    float sum = 0.0f;
#pragma unroll 4
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        sum += log ? dy[row + c] : dy[row + c] * y[row + c];
    sum = block_join<Sum>(sum);
#pragma unroll 4
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        store(dx + row + c, log ? dy[row + c] - expf(y[row + c]) * sum : y[row + c] * (dy[row + c] - sum), beta);
}
