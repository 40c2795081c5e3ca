// Functions of two numbers under broadcasting: one element of y a thread and stride; a and b are read at the offsets that their strides give. Bound by memory.

enum BinaryFormula // in the order of BinaryFormula.cs
{
    Add, Subtract, Multiply, Divide, Maximum, Minimum, PReLU,
};

__device__ float binary_value(int formula, float a, float b)
{
    switch (formula)
    {
        case Add: return a + b;
        case Subtract: return a - b;
        case Multiply: return a * b;
        case Divide: return a / b;
        case Maximum: return larger(a, b);
        case Minimum: return smaller(a, b);
        default: return a > 0.0f ? a : a * b;
    }
}

__device__ float slope_a(int formula, float a, float b)
{
    switch (formula)
    {
        case Add: case Subtract: return 1.0f;
        case Multiply: return b;
        case Divide: return 1.0f / b;
        case Maximum: return a > b ? 1.0f : a == b ? 0.5f : 0.0f;
        case Minimum: return a < b ? 1.0f : a == b ? 0.5f : 0.0f;
        default: return a > 0.0f ? 1.0f : b;
    }
}

__device__ float slope_b(int formula, float a, float b)
{
    switch (formula)
    {
        case Add: return 1.0f;
        case Subtract: return -1.0f;
        case Multiply: return a;
        case Divide: return -a / (b * b);
        case Maximum: return b > a ? 1.0f : a == b ? 0.5f : 0.0f;
        case Minimum: return b < a ? 1.0f : a == b ? 0.5f : 0.0f;
        default: return a > 0.0f ? 0.0f : a;
    }
}

#define BINARY(suffix, T)                                                                                                                                               \
    extern "C" __global__ void binary_forward##suffix(const T* a, const T* b, T* y, long long count, int formula, Axes extents, Axes strides_a, Axes strides_b)         \
    {                                                                                                                                                                   \
        OVER_ELEMENTS(i, count)                                                                                                                                         \
            put(y + i, binary_value(formula, widened(a[offset_of(extents, i, strides_a)]), widened(b[offset_of(extents, i, strides_b)])));                              \
    }
FOR_STORED(BINARY)

// The gradient of one input for each element of y's shape; a and b are null for sums and differences.
extern "C" __global__ void binary_backward(
    const float* a, const float* b, const float* dy, float* gradient, long long count, int formula, int second, Axes extents, Axes strides_a, Axes strides_b, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        float av = a ? a[offset_of(extents, i, strides_a)] : 0.0f, bv = b ? b[offset_of(extents, i, strides_b)] : 0.0f;
        store(gradient + i, dy[i] * (second ? slope_b(formula, av, bv) : slope_a(formula, av, bv)), beta);
    }
}
