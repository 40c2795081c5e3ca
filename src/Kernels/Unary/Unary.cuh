// The formulas of one number and their slopes, for kernels that apply them to what they have at hand.

enum UnaryFormula // in the order of UnaryFormula.cs
{
    ReLU, ReLUMax, LeakyReLU, ELU, SELU, Sigmoid, HardSigmoid, HardSigmoidKeras2, Tanh, Gelu, GeluTanh, SiLU, Mish, Softplus, Softsign,
    Exp, Log, Sqrt, Rsqrt, Square, Abs, Negate, Reciprocal, Scale, Clip, Threshold, NotEqual, Pow,
    SparseSigmoid, HardSiLU, LogSigmoid, TanhShrink, SoftShrink, HardShrink, SquarePlus, SparsePlus,
};

// Klambauer et al. 2017, the fixed point for mean 0 and variance 1.
#define SELU_ALPHA 1.6732632423543772f
#define SELU_SCALE 1.0507009873554805f
#define GELU_ROOT 0.7978845608028654f // sqrt(2 / pi)

// By the side whose exponential stays finite.
__device__ inline float sigmoid(float x)
{
    if (x >= 0.0f)
        return 1.0f / (1.0f + expf(-x));
    float e = expf(x);
    return e / (1.0f + e);
}

__device__ inline float softplus(float x) { return larger(x, 0.0f) + log1pf(expf(-fabsf(x))); } // the exponent is never positive

__device__ inline float gelu_tanh_slope(float x)
{
    float t = tanhf(GELU_ROOT * (x + 0.044715f * x * x * x));
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * GELU_ROOT * (1.0f + 3.0f * 0.044715f * x * x);
}

__device__ inline float mish_slope(float x)
{
    float gate = tanhf(softplus(x));
    return gate + x * (1.0f - gate * gate) * sigmoid(x);
}

__device__ float unary_value(int formula, float a, float b, float x)
{
    switch (formula)
    {
        case ReLU: return larger(x, 0.0f);
        case ReLUMax: return smaller(larger(x, 0.0f), a);
        case LeakyReLU: return x > 0.0f ? x : a * x;
        case ELU: return x > 0.0f ? x : a * expm1f(x);
        case SELU: return SELU_SCALE * (x > 0.0f ? x : SELU_ALPHA * expm1f(x));
        case Sigmoid: return sigmoid(x);
        case HardSigmoid: return smaller(larger(x + 3.0f, 0.0f), 6.0f) / 6.0f;
        case HardSigmoidKeras2: return smaller(larger(0.2f * x + 0.5f, 0.0f), 1.0f);
        case Tanh: return tanhf(x);
        case Gelu: return x * normcdff(x);
        case GeluTanh: return 0.5f * x * (1.0f + tanhf(GELU_ROOT * (x + 0.044715f * x * x * x)));
        case SiLU: return x * sigmoid(x);
        case Mish: return x * tanhf(softplus(x));
        case Softplus: return softplus(x);
        case Softsign: return x / (1.0f + fabsf(x));
        case Exp: return expf(x);
        case Log: return logf(x);
        case Sqrt: return sqrtf(x);
        case Rsqrt: return 1.0f / sqrtf(x);
        case Square: return x * x;
        case Abs: return fabsf(x);
        case Negate: return -x;
        case Reciprocal: return 1.0f / x;
        case Scale: return a * x + b;
        case Clip: return smaller(larger(x, a), b);
        case Threshold: return x > a ? smaller(x, b) : 0.0f;
        case NotEqual: return x != a ? 1.0f : 0.0f;
        case SparseSigmoid: return smaller(larger(0.5f * x + 0.5f, 0.0f), 1.0f);
        case HardSiLU: return x * smaller(larger(x + 3.0f, 0.0f), 6.0f) / 6.0f;
        case LogSigmoid: return -softplus(-x);
        case TanhShrink: return x - tanhf(x);
        case SoftShrink: return x > a ? x - a : x < -a ? x + a : 0.0f;
        case HardShrink: return fabsf(x) > a ? x : 0.0f;
        case SquarePlus: return 0.5f * (x + sqrtf(x * x + a));
        case SparsePlus: return x <= -1.0f ? 0.0f : x < 1.0f ? 0.25f * (x + 1.0f) * (x + 1.0f) : x;
        default: return powf(x, a);
    }
}

// f'(x), from x or from y = f(x), whichever UnaryGeometry says is there.
__device__ float unary_slope(int formula, float a, float b, float x, float y)
{
    switch (formula)
    {
        case ReLU: return y > 0.0f ? 1.0f : 0.0f;
        case ReLUMax: return y > 0.0f && y < a ? 1.0f : 0.0f;
        case LeakyReLU: return y > 0.0f ? 1.0f : a;
        case ELU: return y > 0.0f ? 1.0f : y + a; // a exp(x) = a (exp(x) - 1) + a
        case SELU: return y > 0.0f ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA;
        case Sigmoid: return y * (1.0f - y);
        case HardSigmoid: return y > 0.0f && y < 1.0f ? 1.0f / 6.0f : 0.0f;
        case HardSigmoidKeras2: return y > 0.0f && y < 1.0f ? 0.2f : 0.0f;
        case Tanh: return 1.0f - y * y;
        case Gelu: return normcdff(x) + x * 0.3989422804014327f * expf(-0.5f * x * x); // 1 / sqrt(2 pi)
        case GeluTanh: return gelu_tanh_slope(x);
        case SiLU: return sigmoid(x) * (1.0f + x * (1.0f - sigmoid(x)));
        case Mish: return mish_slope(x);
        case Softplus: return sigmoid(x);
        case Softsign: return (1.0f - fabsf(y)) * (1.0f - fabsf(y)); // 1 / (1 + |x|) = 1 - |y|
        case Exp: return y;
        case Log: return 1.0f / x;
        case Sqrt: return 0.5f / y;
        case Rsqrt: return -0.5f * y * y * y;
        case Square: return 2.0f * x;
        case Abs: return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : 0.0f;
        case Negate: return -1.0f;
        case Reciprocal: return -y * y;
        case Scale: return a;
        case Clip: return x >= a && x <= b ? 1.0f : 0.0f;
        case Threshold: return x > a && x < b ? 1.0f : 0.0f;
        case NotEqual: return 0.0f;
        case SparseSigmoid: return y > 0.0f && y < 1.0f ? 0.5f : 0.0f;
        case HardSiLU: return x <= -3.0f ? 0.0f : x < 3.0f ? (2.0f * x + 3.0f) / 6.0f : 1.0f;
        case LogSigmoid: return sigmoid(-x);
        case TanhShrink: return tanhf(x) * tanhf(x);
        case SoftShrink:
        case HardShrink: return y != 0.0f ? 1.0f : 0.0f;
        case SquarePlus: return 0.5f * (1.0f + x / sqrtf(x * x + a));
        case SparsePlus: return x <= -1.0f ? 0.0f : x < 1.0f ? 0.5f * (x + 1.0f) : 1.0f;
        default: return a == 0.0f ? 0.0f : a * powf(x, a - 1.0f);
    }
}
