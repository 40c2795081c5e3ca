// Functions of two numbers and their slopes.

enum BinaryFormula // in the order of BinaryFormula.cs
{
    Add, Subtract, Multiply, Divide, Maximum, Minimum, PReLU,
};

__device__ inline float binary_value(int formula, float a, float b)
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

__device__ inline float slope_a(int formula, float a, float b)
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

__device__ inline float slope_b(int formula, float a, float b)
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
