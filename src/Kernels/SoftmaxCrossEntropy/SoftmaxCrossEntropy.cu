#include "Exponentials.cuh"
#include "RowLabels.cuh"

// A block owns a row: its largest logit and its sum in one pass, then the loss or the gradients. Bound by memory. Backward reads a row again from the cache; where
// rows are long, there is one block for each multiprocessor, so that all rows in work fit into it.

template <class T>
__device__ __forceinline__ void cross_entropy(const T* x, const float* t, float* loss, int classes, int sparse, float smoothing)
{
    size_t n = blockIdx.x;
    const T* row = x + n * classes;
    RowLabels labels = labels_of(t, n, classes, sparse, smoothing);
    Exponentials all = exponentials(row, classes);
    float log_sum = all.most + logf(all.sum), sum = 0.0f;
    if (labels.is_one())
    {
        if (threadIdx.x == 0)
            loss[n] = labels.hot >= 0 ? log_sum - widened(row[labels.hot]) : 0.0f * log_sum;
        return;
    }
#pragma unroll 4
    for (int k = threadIdx.x; k < classes; k += blockDim.x)
        sum += labels.of(k) * (log_sum - widened(row[k]));
    sum = block_join<Sum>(sum);
    if (threadIdx.x == 0)
        loss[n] = sum;
}

template <class T>
__device__ __forceinline__ void cross_entropy_gradient(const T* x, const float* t, const float* dloss, T* dx, long long rows, int classes, int sparse, float smoothing, float beta)
{
    const int EACH = 8;
    for (long long n = blockIdx.x; n < rows; n += gridDim.x)
    {
        const T* row = x + n * classes;
        T* to = dx + n * classes;
        RowLabels labels = labels_of(t, n, classes, sparse, smoothing);
        Exponentials all = exponentials(row, classes);
        float log_sum = all.most + logf(all.sum), total = 0.0f, factor = dloss[n];
        if (labels.dense)
        {
#pragma unroll 4
            for (int k = threadIdx.x; k < classes; k += blockDim.x)
                total += labels.of(k);
            total = block_join<Sum>(total);
        }
        else
            total = labels.hot >= 0 ? 1.0f : 0.0f;
        for (int first = threadIdx.x; first < classes; first += EACH * blockDim.x)
        {
            float v[EACH];
#pragma unroll
            for (int u = 0; u < EACH; u++)
            {
                int k = first + u * blockDim.x;
                v[u] = k < classes ? widened(row[k]) : 0.0f;
            }
#pragma unroll
            for (int u = 0; u < EACH; u++)
            {
                int k = first + u * blockDim.x;
                if (k < classes)
                    store(to + k, factor * (expf(v[u] - log_sum) * total - labels.of(k)), beta);
            }
        }
    }
}

#define CROSS_ENTROPY(suffix, T)                                                                                                                           \
    extern "C" __global__ void __launch_bounds__(512) softmax_cross_entropy_forward##suffix(                                                               \
        const T* __restrict__ x, const float* __restrict__ t, float* loss, int classes, int sparse, float smoothing)                                       \
    {                                                                                                                                                      \
        cross_entropy(x, t, loss, classes, sparse, smoothing);                                                                                             \
    }                                                                                                                                                      \
    extern "C" __global__ void __launch_bounds__(1024) softmax_cross_entropy_backward##suffix(const T* __restrict__ x, const float* __restrict__ t,        \
        const float* __restrict__ dloss, T* dx, long long rows, int classes, int sparse, float smoothing, float beta)                                      \
    {                                                                                                                                                      \
        cross_entropy_gradient(x, t, dloss, dx, rows, classes, sparse, smoothing, beta);                                                                   \
    }
FOR_STORED(CROSS_ENTROPY)
