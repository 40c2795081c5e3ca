#include "Packs.cuh"

// The sum of squares of each chunk of each tensor, in double; the host adds the chunks of a tensor in order. Bound by memory. A thread owns four neighbours at a time,
// whether or not they are read at once, so that the address does not change the order of a sum.
extern "C" __global__ void sums_of_squares(const StepEntry* entries, int tensors, double* sums)
{
    StepEntry entry = step_entry(entries, tensors);
    long long first = (blockIdx.x - entry.first_block) * STEP_CHUNK;
    int count = (int)min(entry.count - first, (long long)STEP_CHUNK);
    const float* g = entry.g + first;
    int packed = ((size_t)g & 15) == 0 ? count & ~3 : 0;
    double sum = 0.0;
    for (int i = threadIdx.x * 4; i < count; i += blockDim.x * 4)
    {
        Run<float, 4> four = repeated<4>(0.0f);
        if (i < packed)
            four = take<4>(g + i);
        else
        {
#pragma unroll
            for (int k = 0; k < 4; k++)
            {
                if (i + k < count)
                    four.part[0].at[k] = g[i + k];
            }
        }
#pragma unroll
        for (int k = 0; k < 4; k++)
            sum += (double)four.get(k) * four.get(k);
    }
    sum = block_join<Sum>(sum);
    if (threadIdx.x == 0)
        sums[blockIdx.x] = sum;
}
