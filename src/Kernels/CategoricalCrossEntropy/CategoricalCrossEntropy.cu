#include "RowLabels.cuh"

// A block owns a row of probabilities: its sum, then losses or gradients. Bound by memory.

// keras.config.epsilon(), as in CategoricalCrossEntropyKernels.cs.
#define LEAST 1e-7f
#define MOST (1.0f - 1e-7f)

__device__ float row_sum(const float* row, int classes)
{
    float sum = 0.0f;
#pragma unroll 8
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        sum += row[k];
    return block_join<Sum>(sum);
}

__device__ inline float loss_of(float label, float q) { return label != 0.0f ? -label * logf(smaller(larger(q, LEAST), MOST)) : 0.0f; }

extern "C" __global__ void categorical_cross_entropy_forward(
    const float* __restrict__ p, const float* __restrict__ t, float* loss, int classes, int sparse, float smoothing)
{
    size_t n = blockIdx.x;
    const float* row = p + n * classes;
    RowLabels labels = labels_of(t, n, classes, sparse, smoothing);
    float total = row_sum(row, classes), sum = 0.0f;
    if (labels.is_one())
    {
        if (threadIdx.x == 0)
            loss[n] = labels.hot >= 0 ? loss_of(labels.on, row[labels.hot] / total) : 0.0f;
        return;
    }
#pragma unroll 4
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        sum += loss_of(labels.of(k), row[k] / total);
    sum = block_join<Sum>(sum);
    if (threadIdx.x == 0)
        loss[n] = sum;
}

// With q = p / sum p: loss = -sum t log clip(q), dloss/dq = h = -t / q inside the clip, and dq[k]/dp[j] = ((k = j) - q[k]) / sum p.
__device__ inline float slope_in_share(float label, float q) { return q >= LEAST && q <= MOST ? -label / q : 0.0f; }

extern "C" __global__ void categorical_cross_entropy_backward(const float* __restrict__ p, const float* __restrict__ t, const float* __restrict__ dloss, float* dp, int classes, int sparse,
    float smoothing, float beta)
{
    size_t n = blockIdx.x;
    const float* row = p + n * classes;
    RowLabels labels = labels_of(t, n, classes, sparse, smoothing);
    float total = row_sum(row, classes), factor = dloss[n] / total, mean = 0.0f;
    if (!labels.is_one())
    {
#pragma unroll 4
        for (int k = threadIdx.x; k < classes; k += blockDim.x)
            mean += slope_in_share(labels.of(k), row[k] / total) * (row[k] / total);
        mean = block_join<Sum>(mean);
    }
    else if (labels.hot >= 0)
        mean = slope_in_share(labels.on, row[labels.hot] / total) * (row[labels.hot] / total);
#pragma unroll 4
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        store(dp + n * classes + k, factor * (slope_in_share(labels.of(k), row[k] / total) - mean), beta);
}
