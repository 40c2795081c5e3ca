// Work on [rows, columns] by blocks of 256 threads: 1 << log neighbouring threads own four columns each, the others share the rows. One axis of blocks: blocks of
// columns beside each other, then chunks of rows. Sums of columns: float over the rows of a step, double from step to step (as many conversions and additions in double
// as a fourth of the numbers), parts [segments, sums, columns] of double, joined by a kernel of its own. The order follows from the sizes alone.
// A thread has 64 bytes of each array on their way, four blocks of a multiprocessor 64 KiB, where an H100's memory needs 15. Sums of 8192 x 3072 have a wave of 528 blocks
// that take 11 or 12 steps each, and then the join: by reckoning some 3 µs of their 40, which the ladder's 32768 x 3072 hardly has.

#define COLUMN_THREADS 256
#define COLUMN_WARPS 8
#define STEP_ROWS 4 // of a thread, all in flight before the first is used

struct ColumnPlace
{
    int column; // the first of this thread's four
    int row, row_lanes;
    unsigned int chunk;
};

__device__ __forceinline__ ColumnPlace column_place(int log, int column_blocks)
{
    unsigned int chunk = blockIdx.x / (unsigned int)column_blocks, block = blockIdx.x - chunk * column_blocks, lane = threadIdx.x & ((1u << log) - 1);
    return {(int)((block << log | lane) * 4), (int)(threadIdx.x >> log), COLUMN_THREADS >> log, chunk};
}

// Joins what the threads that share rows have of each column. In shared [COLUMN_WARPS * SUMS * 128]. Thread t < SUMS << (log + 2) gets sum t >> (log + 2) of the
// block's column t & ((4 << log) - 1).
template <class Rule, int SUMS>
__device__ __forceinline__ double join_rows_of_block(double (&all)[SUMS][4], double* shared, int log)
{
    int lanes = 1 << log, lane = threadIdx.x & (lanes - 1), warp = threadIdx.x >> 5;
    for (int step = 16; step >= lanes; step >>= 1)
    {
#pragma unroll
        for (int s = 0; s < SUMS; s++)
        {
#pragma unroll
            for (int k = 0; k < 4; k++)
                all[s][k] = Rule::join(all[s][k], __shfl_xor_sync(0xffffffffu, all[s][k], step));
        }
    }
    if ((int)(threadIdx.x & 31) < lanes)
    {
#pragma unroll
        for (int s = 0; s < SUMS; s++)
        {
#pragma unroll
            for (int k = 0; k < 4; k++)
                shared[((warp * SUMS + s) * 4 + k) * lanes + lane] = all[s][k];
        }
    }
    __syncthreads();
    int s = threadIdx.x >> (log + 2), column = threadIdx.x & (4 * lanes - 1), at = (s * 4 + (column & 3)) * lanes + (column >> 2);
    if (s >= SUMS)
        return 0.0;
    double value = shared[at];
#pragma unroll
    for (int w = 1; w < COLUMN_WARPS; w++)
        value = Rule::join(value, shared[w * SUMS * 4 * lanes + at]);
    return value;
}

// Joins the segments of 1 << log neighbouring columns, at most 8, by a block of 256 threads: they share the segments. In shared [COLUMN_WARPS * SUMS * 8].
// The result is in thread t < 1 << log, for column (blockIdx.x << log) + t.
template <class Rule, int SUMS>
__device__ __forceinline__ void join_segments(const double* __restrict__ parts, double (&all)[SUMS], double none, int segments, long long columns, int log, double* shared)
{
    const int EACH = 4;
    int lanes = 1 << log, lane = threadIdx.x & (lanes - 1), warp = threadIdx.x >> 5, shared_by = COLUMN_THREADS >> log;
    long long column = ((long long)blockIdx.x << log) + lane;
#pragma unroll
    for (int s = 0; s < SUMS; s++)
        all[s] = none;
    for (int first = threadIdx.x >> log; first < segments; first += EACH * shared_by)
    {
        double part[EACH][SUMS];
#pragma unroll
        for (int u = 0; u < EACH; u++)
        {
            int segment = first + u * shared_by;
#pragma unroll
            for (int s = 0; s < SUMS; s++)
                part[u][s] = segment < segments && column < columns ? parts[((long long)segment * SUMS + s) * columns + column] : none;
        }
#pragma unroll
        for (int u = 0; u < EACH; u++)
        {
#pragma unroll
            for (int s = 0; s < SUMS; s++)
                all[s] = Rule::join(all[s], part[u][s]);
        }
    }
    for (int step = 16; step >= lanes; step >>= 1)
    {
#pragma unroll
        for (int s = 0; s < SUMS; s++)
            all[s] = Rule::join(all[s], __shfl_xor_sync(0xffffffffu, all[s], step));
    }
    if ((int)(threadIdx.x & 31) < lanes)
    {
#pragma unroll
        for (int s = 0; s < SUMS; s++)
            shared[(warp * SUMS + s) * 8 + lane] = all[s];
    }
    __syncthreads();
    if ((int)threadIdx.x >= lanes)
        return;
    for (int w = 1; w < COLUMN_WARPS; w++)
    {
#pragma unroll
        for (int s = 0; s < SUMS; s++)
            all[s] = Rule::join(all[s], shared[(w * SUMS + s) * 8 + lane]);
    }
}
