// Functions of one number, of any formula and at any address: one element a thread and stride, bound by memory (8 bytes a number forward, 12 to 20 backward). The
// formula is the same for the whole grid, so that its branch costs little beside the memory. UnaryPacks.cu has the usual activations.

#include "Unary.cuh"

#define UNARY(suffix, T)                                                                                                                  \
    extern "C" __global__ void unary_forward##suffix(const T* x, T* y, long long count, int formula, float a, float b)                    \
    {                                                                                                                                     \
        OVER_ELEMENTS(i, count)                                                                                                           \
            put(y + i, unary_value(formula, a, b, widened(x[i])));                                                                        \
    }
FOR_STORED(UNARY)

// x or y is null where the slope does not need it; dx may be dy.
#define SLOPE(suffix, T)                                                                                                                                      \
    extern "C" __global__ void unary_backward##suffix(const T* x, const T* y, const T* dy, T* dx, long long count, int formula, float a, float b, float beta) \
    {                                                                                                                                                         \
        OVER_ELEMENTS(i, count)                                                                                                                               \
            store(dx + i, widened(dy[i]) * unary_slope(formula, a, b, x ? widened(x[i]) : 0.0f, y ? widened(y[i]) : 0.0f), beta);                             \
    }
FOR_STORED(SLOPE)
