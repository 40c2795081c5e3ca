// Functions of two numbers under broadcasting, of any axes and addresses and of any formula: one element of y a thread and stride; a and b are read at the offsets
// that their strides give. BinaryPacks.cu has what is met most.

#include "Binary.cuh"

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
