// destination = beta destination + factor source. One element a thread and stride; bound by memory: 8 bytes a number, 12 where beta is not 0.
extern "C" __global__ void add_scaled(const float* source, float factor, float* destination, float beta, long long count)
{
    OVER_ELEMENTS(i, count)
        store(destination + i, factor * source[i], beta);
}

// Float32 to 16 bits and back: 6 bytes a number, and 4 more where beta is not 0.
#define ROUND(suffix, T)                                                                                     \
    extern "C" __global__ void round##suffix(const float* x, T* y, long long count)                          \
    {                                                                                                        \
        OVER_ELEMENTS(i, count)                                                                              \
            put(y + i, x[i]);                                                                                \
    }
FOR_NARROW(ROUND)

#define WIDEN(suffix, T)                                                                                     \
    extern "C" __global__ void widen##suffix(const T* x, float* y, long long count, float beta)              \
    {                                                                                                        \
        OVER_ELEMENTS(i, count)                                                                              \
            store(y + i, widened(x[i]), beta);                                                               \
    }
FOR_NARROW(WIDEN)
