// A block owns a row: its largest logit, the logarithm of its sum, then losses or gradients. Bound by memory.

// log sum exp of the row, in all threads.
__device__ float log_sum_exp(const float* row, int classes)
{
    float most = -__int_as_float(INFINITY_BITS), sum = 0.0f;
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        most = larger(most, row[k]);
    most = block_join<Largest>(most);
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        sum += expf(row[k] - most);
    return most + logf(block_join<Sum>(sum));
}

extern "C" __global__ void softmax_cross_entropy_forward(const float* x, const float* t, float* loss, int classes, int sparse, float smoothing)
{
    size_t n = blockIdx.x;
    const float* row = x + n * classes;
    float log_sum = log_sum_exp(row, classes), sum = 0.0f;
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        sum += class_label(t, n, k, classes, sparse, smoothing) * (log_sum - row[k]);
    sum = block_join<Sum>(sum);
    if (threadIdx.x == 0)
        loss[n] = sum;
}

extern "C" __global__ void softmax_cross_entropy_backward(const float* x, const float* t, const float* dloss, float* dx, int classes, int sparse, float smoothing, float beta)
{
    size_t n = blockIdx.x;
    const float* row = x + n * classes;
    float log_sum = log_sum_exp(row, classes), total = 0.0f;
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        total += class_label(t, n, k, classes, sparse, smoothing);
    total = block_join<Sum>(total);
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        store(dx + n * classes + k, dloss[n] * (expf(row[k] - log_sum) * total - class_label(t, n, k, classes, sparse, smoothing)), beta);
}
