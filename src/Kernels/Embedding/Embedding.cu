// Rows of a table by number. Bound by memory: each row is read or written once.

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

// A block owns a row of y. What is no row is NaN: the host hears of it later, and must not take the result for one.
extern "C" __global__ void embedding_forward(const int* ids, const float* table, float* y, int columns, int rows)
{
    int id = ids[blockIdx.x];
    const float* from = table + (size_t)id * columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        y[(size_t)blockIdx.x * columns + c] = id >= 0 && id < rows ? from[c] : __int_as_float(NAN_BITS);
}

// The same, with the row of a second table added: tokens and their places. It waits for all work before, so that chained kernels behind it know that to be complete.
extern "C" __global__ void embedding_sum(const int* ids, const float* table, const int* places, const float* positions, float* y, int columns, int rows, int position_rows)
{
    release_next();
    int id = ids[blockIdx.x], place = places[blockIdx.x];
    bool has = id >= 0 && id < rows && place >= 0 && place < position_rows;
    const float *token = table + (size_t)id * columns, *position = positions + (size_t)place * columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        y[(size_t)blockIdx.x * columns + c] = has ? token[c] + position[c] : __int_as_float(NAN_BITS);
}

#define THREADS 256

// A block for each position of ids and 256 columns, one a thread; the block of an id's first position sums all rows of that id, in order. Positions are looked
// through by all threads, 256 at a time: ids are few beside the rows, and lie in the cache.
extern "C" __global__ void embedding_backward(const int* ids, const float* dy, float* table, int count, int columns, int rows, float beta)
{
    __shared__ int places[THREADS], found[THREADS / 32];
    int position = blockIdx.x, id = ids[position], column = blockIdx.y * THREADS + threadIdx.x, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    int earlier = 0;
    for (int i = threadIdx.x; i < position; i += THREADS)
        earlier |= ids[i] == id;
    if (__syncthreads_or(earlier || id < 0 || id >= rows))
        return; // all threads do
    float sum = 0.0f;
    for (int first = position; first < count; first += THREADS)
    {
        int own = first + threadIdx.x;
        bool same = own < count && ids[own] == id;
        unsigned int votes = __ballot_sync(0xffffffffu, same);
        if (lane == 0)
            found[warp] = __popc(votes);
        __syncthreads();
        int at = 0, total = 0;
        for (int w = 0; w < THREADS / 32; w++)
        {
            at += w < warp ? found[w] : 0;
            total += found[w];
        }
        if (same)
            places[at + __popc(votes & ((1u << lane) - 1))] = own;
        __syncthreads();
        for (int k = 0; column < columns && k < total; k++)
            sum += dy[(size_t)places[k] * columns + column];
        __syncthreads(); // places are written anew
    }
    if (column < columns)
        store(table + (size_t)id * columns + column, sum, beta);
}
