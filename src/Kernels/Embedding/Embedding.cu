// Rows of a table by number. Bound by memory: each row is read or written once.

#include "Packs.cuh"
#include "Walk.cuh"

// Whole numbers of floats, -1 where there is none.
extern "C" __global__ void to_ids(const float* x, int* ids, long long count)
{
    OVER_ELEMENTS(i, count)
        ids[i] = x[i] >= 0.0f && x[i] < 2147483648.0f && x[i] == floorf(x[i]) ? (int)x[i] : -1;
}

// Position of the first id that is no row and what was given there; -1 and 0 where all are rows. One block.
extern "C" __global__ void first_invalid(const int* ids, const int* given, int* answer, int count, int rows)
{
    int found = count;
    for (int i = threadIdx.x; i < count; i += blockDim.x)
        found = ids[i] < 0 || ids[i] >= rows ? min(found, i) : found;
    found = block_join<Smallest>(found);
    if (threadIdx.x == 0)
    {
        answer[0] = found < count ? found : -1;
        answer[1] = found < count ? given[found] : 0;
    }
}

// y [count,columns]: what is no row is NaN: the host hears of it later, and must not take the result for one. Packs of rows, two a thread, so that the read of an id
// delays few of them; or single numbers.
struct Rows
{
    const int* ids;
    const float* table;
    float* y;
    Divisor columns;
    int rows;

    template <int N>
    using Held = Run<float, N>;

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const
    {
        unsigned position = columns.quotient(i);
        int id = __ldg(ids + position);
        return id >= 0 && id < rows ? take<N>(table + (size_t)id * columns.by + (i - position * columns.by)) : repeated<N>(__int_as_float(NAN_BITS));
    }

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, const Held<N>& held) const { give(y + i, held); }
};

extern "C" __global__ void embedding_forward_packs(const int* ids, const float* table, float* y, int count, Divisor columns, int rows)
{
    in_packs<4, 2, false>(count, Rows{ids, table, y, columns, rows});
}

extern "C" __global__ void embedding_forward(const int* ids, const float* table, float* y, int count, Divisor columns, int rows)
{
    in_packs<1, 2>(count, Rows{ids, table, y, columns, rows});
}

#define SUM_LOADS 4 // of each table, in flight before the first is needed

// The same, with the row of a second table added: tokens and their places. It waits for all work before, so that chained kernels behind it know that to be complete.
extern "C" __global__ void embedding_sum(const int* ids, const float* table, const int* places, const float* positions, float* y, int columns, int rows, int position_rows)
{
    release_next();
    int id = ids[blockIdx.x], place = places[blockIdx.x];
    bool has = id >= 0 && id < rows && place >= 0 && place < position_rows;
    const float *token = table + (size_t)id * columns, *position = positions + (size_t)place * columns;
    for (int c = threadIdx.x; c < columns; c += SUM_LOADS * blockDim.x)
    {
        float sum[SUM_LOADS];
#pragma unroll
        for (int j = 0; j < SUM_LOADS; j++)
            sum[j] = has && c + j * blockDim.x < columns ? token[c + j * blockDim.x] + position[c + j * blockDim.x] : __int_as_float(NAN_BITS);
#pragma unroll
        for (int j = 0; j < SUM_LOADS; j++)
        {
            if (c + j * blockDim.x < columns)
                y[(size_t)blockIdx.x * columns + c + j * blockDim.x] = sum[j];
        }
    }
}

#define THREADS 256
#define ROUND 4 // positions of a thread that are looked at together

// A block for each position of ids and as many columns as its threads have, N each; the block of an id's first position sums all rows of that id, in order. Positions
// are looked through by all threads, 1024 at a time: ids are few beside the rows, and lie in the cache.
template <int N>
__device__ __forceinline__ void sum_rows(const int* ids, const float* dy, float* table, int count, int columns, int rows, float beta)
{
    __shared__ int places[THREADS], found[THREADS / 32];
    int position = blockIdx.x, id = ids[position], column = (blockIdx.y * THREADS + threadIdx.x) * N, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    int earlier = id < 0 || id >= rows;
#pragma unroll 4
    for (int i = threadIdx.x; i < position; i += THREADS)
        earlier |= ids[i] == id;
    if (__syncthreads_or(earlier))
        return; // all threads do
    float sum[N];
#pragma unroll
    for (int j = 0; j < N; j++)
        sum[j] = 0.0f;
    for (int first = position; first < count; first += THREADS * ROUND)
    {
        bool same[ROUND], any = false;
#pragma unroll
        for (int k = 0; k < ROUND; k++)
        {
            int own = first + k * THREADS + threadIdx.x;
            same[k] = own < count && ids[own] == id;
            any |= same[k];
        }
        if (!__syncthreads_or(any))
            continue;
#pragma unroll
        for (int k = 0; k < ROUND; k++)
        {
            unsigned int votes = __ballot_sync(0xffffffffu, same[k]);
            if (lane == 0)
                found[warp] = __popc(votes);
            __syncthreads();
            int at = 0, total = 0;
            for (int w = 0; w < THREADS / 32; w++)
            {
                at += w < warp ? found[w] : 0;
                total += found[w];
            }
            if (same[k])
                places[at + __popc(votes & ((1u << lane) - 1))] = first + k * THREADS + threadIdx.x;
            __syncthreads();
            for (int row = 0; column < columns && row < total; row++)
            {
                Run<float, N> values = take<N>(dy + (size_t)places[row] * columns + column);
#pragma unroll
                for (int j = 0; j < N; j++)
                    sum[j] += values.get(j);
            }
            __syncthreads(); // places are written anew
        }
    }
    if (column >= columns)
        return;
    float* to = table + (size_t)id * columns + column;
    Run<float, N> result = beta != 0.0f ? take<N>(to) : repeated<N>(0.0f);
#pragma unroll
    for (int j = 0; j < N; j++)
        result.store_at(j, sum[j], beta);
    give(to, result);
}

#define SUM_ROWS(name, N)                                                                                                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS) embedding_backward##name(                                                                           \
        const int* ids, const float* dy, float* table, int count, int columns, int rows, float beta)                                                          \
    {                                                                                                                                                         \
        sum_rows<N>(ids, dy, table, count, columns, rows, beta);                                                                                              \
    }
SUM_ROWS(, 1)
SUM_ROWS(_packs, 4)
