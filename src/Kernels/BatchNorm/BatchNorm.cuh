// What both ways of a batch normalisation of [rows, channels] share. They are bound by memory. All blocks of a sum run at once and walk side by side towards the last
// rows, with which the kernel behind it begins: what the cache still holds is not read from memory again.

// Always by one rounding behind the difference: backward tells the side of the activation's corner by the same number as forward.
__device__ __forceinline__ float normalised(float x, float mean, float factor, float shift) { return fmaf(x - mean, factor, shift); }

// Rows of a block of a kernel that writes every number: `steps` times STEP_ROWS of each thread, the last rows first.
__device__ inline long long last_rows_first(const ColumnPlace& at, int column_blocks, int steps)
{
    return ((long long)(gridDim.x / column_blocks - 1 - at.chunk) * steps) * STEP_ROWS * at.row_lanes + at.row;
}

// What the threads of a block join two sums in: the same memory for numbers of any type.
__device__ inline double* shared_sums()
{
    __shared__ double shared[COLUMN_WARPS * 2 * 128];
    return shared;
}

// Two sums a channel into parts [segments, 2, channels].
__device__ inline void write_sums(double (&all)[2][4], double* shared, double* parts, int channels, int log, int column_blocks)
{
    double sum = join_rows_of_block<Sum>(all, shared, log);
    unsigned int segment = blockIdx.x / (unsigned int)column_blocks;
    int channel = (int)((blockIdx.x - segment * column_blocks) << (log + 2)) + (threadIdx.x & ((4 << log) - 1)), which = threadIdx.x >> (log + 2);
    if (which < 2 && channel < channels)
        parts[(segment * 2LL + which) * channels + channel] = sum;
}
