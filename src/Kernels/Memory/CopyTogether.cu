// Small arrays into one. A block has one of them: they are a few thousand numbers at most, such as the statistics of a layer, and all blocks run at once.

struct CopyEntry
{
    const float* source;
    long long count, first;
};

extern "C" __global__ void copy_together(const CopyEntry* entries, float* destination)
{
    CopyEntry entry = entries[blockIdx.x];
    float* to = destination + entry.first;
    for (long long i = threadIdx.x; i < entry.count; i += blockDim.x)
        to[i] = entry.source[i];
}
