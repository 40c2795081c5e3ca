// A block owns a sequence: it looks for the last id that is no padding, and copies that token's row. Bound by memory.

__device__ int last_token(const int* ids, int tokens, int padding)
{
    int last = 0;
    for (int t = threadIdx.x; t < tokens; t += blockDim.x)
        last = ids[(size_t)blockIdx.x * tokens + t] != padding ? t : last;
    return block_join<Largest>(last);
}

// Backward leaves the rows that were not taken as they are.
#define LAST_TOKEN(suffix, T)                                                                                                                          \
    extern "C" __global__ void last_token_forward##suffix(const int* ids, const T* x, T* y, int tokens, int columns, int padding)                     \
    {                                                                                                                                                  \
        const T* from = x + ((size_t)blockIdx.x * tokens + last_token(ids, tokens, padding)) * columns;                                               \
        for (int c = threadIdx.x; c < columns; c += blockDim.x)                                                                                        \
            y[(size_t)blockIdx.x * columns + c] = from[c];                                                                                             \
    }                                                                                                                                                  \
    extern "C" __global__ void last_token_backward##suffix(const int* ids, const T* dy, T* dx, int tokens, int columns, int padding, float beta)      \
    {                                                                                                                                                  \
        T* to = dx + ((size_t)blockIdx.x * tokens + last_token(ids, tokens, padding)) * columns;                                                      \
        for (int c = threadIdx.x; c < columns; c += blockDim.x)                                                                                        \
            store(to + c, widened(dy[(size_t)blockIdx.x * columns + c]), beta);                                                                        \
    }
FOR_STORED(LAST_TOKEN)
