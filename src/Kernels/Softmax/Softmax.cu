// A block owns a row. Three passes over it forward (largest, sum, result), two backward; rows of up to some thousand numbers stay in the cache, so that it is
// bound by reading and writing each number once.

template <class T>
__device__ inline void softmax(const T* x, T* y, int classes, int log)
{
    const T* from = x + (size_t)blockIdx.x * classes;
    T* to = y + (size_t)blockIdx.x * classes;
    float most = -__int_as_float(INFINITY_BITS);
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        most = larger(most, widened(from[c]));
    most = block_join<Largest>(most); // exp stays finite, the result is the same
    float sum = 0.0f;
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        sum += expf(widened(from[c]) - most);
    sum = block_join<Sum>(sum);
    float log_sum = logf(sum);
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        put(to + c, log ? widened(from[c]) - most - log_sum : expf(widened(from[c]) - most) / sum);
}

#define SOFTMAX(suffix, T) extern "C" __global__ void softmax_forward##suffix(const T* x, T* y, int classes, int log) { softmax(x, y, classes, log); }
FOR_STORED(SOFTMAX)

extern "C" __global__ void softmax_backward(const float* y, const float* dy, float* dx, int classes, int log, float beta)
{
    size_t row = (size_t)blockIdx.x * classes;
    float sum = 0.0f;
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        sum += log ? dy[row + c] : dy[row + c] * y[row + c];
    sum = block_join<Sum>(sum);
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        store(dx + row + c, log ? dy[row + c] - expf(y[row + c]) * sum : y[row + c] * (dy[row + c] - sum), beta);
}
