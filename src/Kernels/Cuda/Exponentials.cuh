// The largest number of a row and the sum of exp(x - largest), in one pass by a block: a thread keeps both of what it has read, and scales its sum when a larger
// number comes. Eight loads are in flight before the first is used.

struct Exponentials
{
    float most, sum;
};

// What is subtracted before exp: not an infinity of which there may be nothing but, so that what was masked counts 0.
__device__ inline float exp_origin(float most) { return most == -__int_as_float(INFINITY_BITS) ? 0.0f : most; }

// In all threads. NaN shows in the sum: fmaxf passes it by.
template <class T>
__device__ inline Exponentials exponentials(const T* row, int count)
{
    const int EACH = 8;
    const float NONE = -__int_as_float(INFINITY_BITS);
    float most = NONE, sum = 0.0f;
    for (int first = threadIdx.x; first < count; first += EACH * blockDim.x)
    {
        float x[EACH], top = most;
#pragma unroll
        for (int u = 0; u < EACH; u++)
        {
            int k = first + u * blockDim.x;
            x[u] = k < count ? widened(row[k]) : NONE;
        }
#pragma unroll
        for (int u = 0; u < EACH; u++)
            top = fmaxf(top, x[u]);
        float origin = exp_origin(top), added = 0.0f;
#pragma unroll
        for (int u = 0; u < EACH; u++)
            added += expf(x[u] - origin);
        sum = sum * expf(most - origin) + added;
        most = top;
    }
    float all = block_join<Largest>(most);
    return {all, block_join<Sum>(sum * expf(most - exp_origin(all)))};
}
