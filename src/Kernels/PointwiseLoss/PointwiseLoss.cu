// Losses of one number against one label, bound by memory.

enum LossFormula // in the order of LossFormula.cs
{
    SigmoidCrossEntropy, BinaryCrossEntropy, SquaredError, AbsoluteError, Huber,
};

// keras.config.epsilon(), as in CategoricalCrossEntropyKernels.cs.
#define LEAST 1e-7f
#define MOST (1.0f - 1e-7f)

__device__ inline float smooth(float t, float smoothing) { return t * (1.0f - smoothing) + 0.5f * smoothing; }

__device__ inline float loss_value(int formula, float parameter, float smoothing, float x, float t)
{
    float e = x - t, label = smooth(t, smoothing), p = smaller(larger(x, LEAST), MOST);
    switch (formula)
    {
        case SigmoidCrossEntropy: return larger(x, 0.0f) - x * label + log1pf(expf(-fabsf(x))); // finite for every logit
        case BinaryCrossEntropy: return -label * logf(p) - (1.0f - label) * logf(1.0f - p);
        case SquaredError: return e * e;
        case AbsoluteError: return fabsf(e);
        default: return fabsf(e) <= parameter ? 0.5f * e * e : parameter * fabsf(e) - 0.5f * parameter * parameter;
    }
}

__device__ inline float loss_slope(int formula, float parameter, float smoothing, float x, float t)
{
    float e = x - t, label = smooth(t, smoothing), small = expf(-fabsf(x));
    switch (formula)
    {
        case SigmoidCrossEntropy: return (x >= 0.0f ? 1.0f : small) / (1.0f + small) - label;
        case BinaryCrossEntropy: return x >= LEAST && x <= MOST ? (x - label) / (x * (1.0f - x)) : 0.0f;
        case SquaredError: return 2.0f * e;
        case AbsoluteError: return e > 0.0f ? 1.0f : e < 0.0f ? -1.0f : 0.0f;
        default: return smaller(larger(e, -parameter), parameter);
    }
}

// The formula is known where it is compiled: no element chooses. Four elements of a thread are in flight.
template <int FORMULA>
__device__ inline void losses(const float* x, const float* t, float* loss, long long count, float parameter, float smoothing)
{
    const int EACH = 4;
    long long stride = (long long)gridDim.x * blockDim.x;
    for (long long first = blockIdx.x * (long long)blockDim.x + threadIdx.x; first < count; first += EACH * stride)
    {
        float in[EACH], label[EACH];
#pragma unroll
        for (int u = 0; u < EACH; u++)
        {
            bool exists = first + u * stride < count;
            in[u] = exists ? x[first + u * stride] : 0.0f;
            label[u] = exists ? t[first + u * stride] : 0.0f;
        }
#pragma unroll
        for (int u = 0; u < EACH; u++)
        {
            if (first + u * stride < count)
                loss[first + u * stride] = loss_value(FORMULA, parameter, smoothing, in[u], label[u]);
        }
    }
}

template <int FORMULA>
__device__ inline void slopes(const float* x, const float* t, const float* dloss, float* dx, long long count, float parameter, float smoothing, float beta)
{
    const int EACH = 4;
    long long stride = (long long)gridDim.x * blockDim.x;
    for (long long first = blockIdx.x * (long long)blockDim.x + threadIdx.x; first < count; first += EACH * stride)
    {
        float in[EACH], label[EACH], factor[EACH];
#pragma unroll
        for (int u = 0; u < EACH; u++)
        {
            bool exists = first + u * stride < count;
            in[u] = exists ? x[first + u * stride] : 0.0f;
            label[u] = exists ? t[first + u * stride] : 0.0f;
            factor[u] = exists ? dloss[first + u * stride] : 0.0f;
        }
#pragma unroll
        for (int u = 0; u < EACH; u++)
        {
            if (first + u * stride < count)
                store(dx + first + u * stride, factor[u] * loss_slope(FORMULA, parameter, smoothing, in[u], label[u]), beta);
        }
    }
}

#define BY_FORMULA(call, ...)                                                   \
    switch (formula)                                                            \
    {                                                                           \
        case SigmoidCrossEntropy: call<SigmoidCrossEntropy>(__VA_ARGS__); break; \
        case BinaryCrossEntropy: call<BinaryCrossEntropy>(__VA_ARGS__); break;  \
        case SquaredError: call<SquaredError>(__VA_ARGS__); break;              \
        case AbsoluteError: call<AbsoluteError>(__VA_ARGS__); break;            \
        default: call<Huber>(__VA_ARGS__); break;                               \
    }

extern "C" __global__ void __launch_bounds__(256) pointwise_loss_forward(
    const float* __restrict__ x, const float* __restrict__ t, float* loss, long long count, int formula, float parameter, float smoothing)
{
    BY_FORMULA(losses, x, t, loss, count, parameter, smoothing)
}

extern "C" __global__ void __launch_bounds__(256) pointwise_loss_backward(const float* __restrict__ x, const float* __restrict__ t, const float* __restrict__ dloss, float* dx,
    long long count, int formula, float parameter, float smoothing, float beta)
{
    BY_FORMULA(slopes, x, t, dloss, dx, count, parameter, smoothing, beta)
}
