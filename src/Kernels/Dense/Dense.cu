// y [rows, columns] += b [columns]: one element a thread and stride, bound by memory.
#define ADD_BIAS(suffix, T)                                                                                  \
    extern "C" __global__ void add_bias##suffix(T* y, const T* b, long long count, int columns)              \
    {                                                                                                        \
        OVER_ELEMENTS(i, count)                                                                              \
            put(y + i, widened(y[i]) + widened(b[i % columns]));                                             \
    }
FOR_STORED(ADD_BIAS)
