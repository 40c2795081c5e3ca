// The sum of squares of each chunk of each tensor, in double; the host adds the chunks of a tensor in order. Bound by memory.
extern "C" __global__ void sums_of_squares(const StepEntry* entries, int tensors, double* sums)
{
    const StepEntry& entry = step_entry(entries, tensors);
    double sum = 0.0;
    OVER_STEP(i, entry)
        sum += (double)entry.g[i] * entry.g[i];
    sum = block_join<Sum>(sum);
    if (threadIdx.x == 0)
        sums[blockIdx.x] = sum;
}
