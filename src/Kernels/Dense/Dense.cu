// y [rows, columns] += b [columns]: one element a thread and stride, bound by memory.
extern "C" __global__ void add_bias(float* y, const float* b, long long count, int columns)
{
    OVER_ELEMENTS(i, count)
        y[i] += b[i % columns];
}
