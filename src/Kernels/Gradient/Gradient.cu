#include "Four.cuh"

// The sum of squares of each chunk of each tensor, in double; the host adds the chunks of a tensor in order. Bound by memory: all of a thread's numbers are in
// flight before the first is used.
template <bool FOURS>
__device__ inline double squares(const float* g, long long first, long long count)
{
    const int EACH = STEP_CHUNK / 4 / 256;
    Four all[EACH];
    double sum = 0.0;
#pragma unroll
    for (int j = 0; j < EACH; j++)
        all[j] = load_four<FOURS>(g, first + (j * 256 + (int)threadIdx.x) * 4, count);
#pragma unroll
    for (int j = 0; j < EACH; j++)
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
            sum += (double)all[j].v[k] * all[j].v[k];
    }
    return sum;
}

extern "C" __global__ void __launch_bounds__(256) sums_of_squares(const StepEntry* __restrict__ entries, int tensors, double* sums)
{
    const StepEntry& entry = step_entry(entries, tensors);
    long long first = (blockIdx.x - entry.first_block) * STEP_CHUNK, end = min(entry.count, first + STEP_CHUNK);
    bool fours = end % 4 == 0 && lies_by_fours(entry.g);
    double sum = block_join<Sum>(fours ? squares<true>(entry.g, first, end) : squares<false>(entry.g, first, end));
    if (threadIdx.x == 0)
        sums[blockIdx.x] = sum;
}
