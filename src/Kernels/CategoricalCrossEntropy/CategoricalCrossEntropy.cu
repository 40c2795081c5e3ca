// A block owns a row of probabilities: its sum, then losses or gradients. Bound by memory.

// keras.config.epsilon(), as in CategoricalCrossEntropyKernels.cs.
#define LEAST 1e-7f
#define MOST (1.0f - 1e-7f)

__device__ float row_sum(const float* row, int classes)
{
    float sum = 0.0f;
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        sum += row[k];
    return block_join<Sum>(sum);
}

extern "C" __global__ void categorical_cross_entropy_forward(const float* p, const float* t, float* loss, int classes, int sparse, float smoothing)
{
    size_t n = blockIdx.x;
    const float* row = p + n * classes;
    float total = row_sum(row, classes), sum = 0.0f;
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
    {
        float label = class_label(t, n, k, classes, sparse, smoothing);
        if (label != 0.0f)
            sum -= label * logf(smaller(larger(row[k] / total, LEAST), MOST));
    }
    sum = block_join<Sum>(sum);
    if (threadIdx.x == 0)
        loss[n] = sum;
}

// With q = p / sum p: loss = -sum t log clip(q), dloss/dq = h = -t / q inside the clip, and dq[k]/dp[j] = ((k = j) - q[k]) / sum p.
__device__ inline float slope_in_share(float label, float q) { return q >= LEAST && q <= MOST ? -label / q : 0.0f; }

extern "C" __global__ void categorical_cross_entropy_backward(const float* p, const float* t, const float* dloss, float* dp, int classes, int sparse, float smoothing, float beta)
{
    size_t n = blockIdx.x;
    const float* row = p + n * classes;
    float total = row_sum(row, classes), mean = 0.0f;
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        mean += slope_in_share(class_label(t, n, k, classes, sparse, smoothing), row[k] / total) * (row[k] / total);
    mean = block_join<Sum>(mean);
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        store(dp + n * classes + k, dloss[n] * (slope_in_share(class_label(t, n, k, classes, sparse, smoothing), row[k] / total) - mean) / total, beta);
}
