// Losses of one number against one label: one element a thread and stride, bound by memory.

enum LossFormula // in the order of LossFormula.cs
{
    SigmoidCrossEntropy, BinaryCrossEntropy, SquaredError, AbsoluteError, Huber,
};

// keras.config.epsilon(), as in CategoricalCrossEntropyKernels.cs.
#define LEAST 1e-7f
#define MOST (1.0f - 1e-7f)

__device__ inline float smooth(float t, float smoothing) { return t * (1.0f - smoothing) + 0.5f * smoothing; }

__device__ float loss_value(int formula, float parameter, float smoothing, float x, float t)
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

__device__ float loss_slope(int formula, float parameter, float smoothing, float x, float t)
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

extern "C" __global__ void pointwise_loss_forward(const float* x, const float* t, float* loss, long long count, int formula, float parameter, float smoothing)
{
    OVER_ELEMENTS(i, count)
        loss[i] = loss_value(formula, parameter, smoothing, x[i], t[i]);
}

extern "C" __global__ void pointwise_loss_backward(const float* x, const float* t, const float* dloss, float* dx, long long count, int formula, float parameter, float smoothing, float beta)
{
    OVER_ELEMENTS(i, count)
        store(dx + i, dloss[i] * loss_slope(formula, parameter, smoothing, x[i], t[i]), beta);
}
