// A block owns a sequence: it looks for the last id that is no padding, and copies that token's row. Bound by memory.

__device__ int last_token(const int* ids, int tokens, int padding)
{
    int last = 0;
    for (int t = threadIdx.x; t < tokens; t += blockDim.x)
        last = ids[(size_t)blockIdx.x * tokens + t] != padding ? t : last;
    return block_join<Largest>(last);
}

extern "C" __global__ void last_token_forward(const int* ids, const float* x, float* y, int tokens, int columns, int padding)
{
    const float* from = x + ((size_t)blockIdx.x * tokens + last_token(ids, tokens, padding)) * columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        y[(size_t)blockIdx.x * columns + c] = from[c];
}

// The rows that were taken; those that were not stay as they are.
extern "C" __global__ void last_token_backward(const int* ids, const float* dy, float* dx, int tokens, int columns, int padding, float beta)
{
    float* to = dx + ((size_t)blockIdx.x * tokens + last_token(ids, tokens, padding)) * columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        store(to + c, dy[(size_t)blockIdx.x * columns + c], beta);
}
