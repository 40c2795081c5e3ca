// Self-attention backward. With p the weights, made anew from lse, m dropout's mask, and dp = m dy v': ds = scale p (dp - sum of dy y), dq = ds k, dk = ds' q,
// dv = (m p)' dy (Dao et al. 2022, arXiv:2205.14135, appendix B.4). One kernel owns keys and goes through queries, one owns queries and goes through keys: scores
// are made twice, but nothing is added by two blocks, so that sums have one order.

#define TILE 32
#define LANES 8
#define MOST_D 64
#define COLUMNS (MOST_D / LANES)

// What a block works with, the same for both kernels: weights are m p, gradients ds, [queries][keys].
struct Tiles
{
    float q[TILE][MOST_D + 1], k[TILE][MOST_D + 1], v[TILE][MOST_D + 1], dy[TILE][MOST_D + 1], weights[TILE][TILE + 1], gradients[TILE][TILE + 1];
};

// A head of a sequence (blockIdx.x).
struct Head
{
    const float *qkv, *y, *dy, *lse;
    int tokens, d;
    long long columns; // heads * d
    float scale, rate;
    unsigned long long seed;
};

__device__ inline Tiles& tiles()
{
    __shared__ Tiles all;
    return all;
}

__device__ inline Head head_of(const float* qkv, const float* y, const float* dy, const float* lse, int tokens, int heads, int d, float scale, float rate, unsigned long long seed)
{
    long long sequence = blockIdx.x / heads, head = blockIdx.x % heads, columns = (long long)heads * d, own = sequence * tokens * columns + head * d;
    return {qkv + sequence * tokens * 3 * columns + head * d, y + own, dy + own, lse + (long long)blockIdx.x * tokens, tokens, d, columns, scale, rate, seed};
}

__device__ inline void load_tile(float (*tile)[MOST_D + 1], const float* from, long long stride, int first, const Head& h)
{
    for (int e = threadIdx.x; e < TILE * MOST_D; e += TILE * LANES)
    {
        int row = e / MOST_D, column = e % MOST_D;
        if (column < h.d)
            tile[row][column] = first + row < h.tokens ? from[(first + row) * stride + column] : 0.0f;
    }
}

__device__ inline void load_queries(Tiles& t, const Head& h, int first)
{
    load_tile(t.q, h.qkv, 3 * h.columns, first, h);
    load_tile(t.dy, h.dy, h.columns, first, h);
}

__device__ inline void load_keys(Tiles& t, const Head& h, int first)
{
    load_tile(t.k, h.qkv + h.columns, 3 * h.columns, first, h);
    load_tile(t.v, h.qkv + 2 * h.columns, 3 * h.columns, first, h);
}

// Weights and gradients of a tile of queries and one of keys that are there; 8 threads share a query.
__device__ inline void tile_gradients(Tiles& t, const Head& h, int first_query, int first_key)
{
    int row = threadIdx.x / LANES, lane = threadIdx.x % LANES, query = first_query + row;
    bool exists = query < h.tokens;
    float mean = 0.0f, lse = exists ? h.lse[query] : 0.0f;
    for (int x = lane; exists && x < h.d; x += LANES)
        mean += t.dy[row][x] * h.y[query * h.columns + x];
    for (int step = LANES / 2; step > 0; step >>= 1)
        mean += __shfl_xor_sync(0xffffffffu, mean, step);
    for (int j = lane; j < TILE; j += LANES)
    {
        float dot = 0.0f, dp = 0.0f, mask = 1.0f;
        for (int x = 0; x < h.d; x++)
        {
            dot += t.q[row][x] * t.k[j][x];
            dp += t.dy[row][x] * t.v[j][x];
        }
        bool sees = exists && first_key + j <= query;
        if (sees && h.rate > 0.0f)
            mask = dropped(h.seed, ((long long)blockIdx.x * h.tokens + query) * h.tokens + first_key + j, h.rate);
        float p = sees ? expf(dot * h.scale - lse) : 0.0f;
        t.weights[row][j] = mask * p;
        t.gradients[row][j] = p * (mask * dp - mean) * h.scale;
    }
}

// dk and dv of 32 keys (blockIdx.y).
extern "C" __global__ void attention_backward_keys(const float* qkv, const float* y, const float* dy, const float* lse, float* dqkv, int tokens, int heads, int d,
    float scale, float rate, unsigned long long seed, float beta)
{
    Tiles& t = tiles();
    Head h = head_of(qkv, y, dy, lse, tokens, heads, d, scale, rate, seed);
    int row = threadIdx.x / LANES, lane = threadIdx.x % LANES, first = blockIdx.y * TILE, key = first + row;
    float dk[COLUMNS] = {}, dv[COLUMNS] = {};
    load_keys(t, h, first);
    for (int query = first; query < tokens; query += TILE)
    {
        load_queries(t, h, query);
        __syncthreads();
        tile_gradients(t, h, query, first);
        __syncthreads();
        for (int m = 0; m < COLUMNS; m++)
        {
            for (int i = 0; m * LANES + lane < d && i < TILE; i++)
            {
                dk[m] += t.gradients[i][row] * t.q[i][m * LANES + lane];
                dv[m] += t.weights[i][row] * t.dy[i][m * LANES + lane];
            }
        }
        __syncthreads();
    }
    float* to = dqkv + (h.qkv - qkv) + key * 3 * h.columns;
    for (int m = 0; m < COLUMNS; m++)
    {
        int column = m * LANES + lane;
        if (key >= tokens || column >= d)
            continue;
        store(to + h.columns + column, dk[m], beta);
        store(to + 2 * h.columns + column, dv[m], beta);
    }
}

// dq of 32 queries (blockIdx.y).
extern "C" __global__ void attention_backward_queries(const float* qkv, const float* y, const float* dy, const float* lse, float* dqkv, int tokens, int heads, int d,
    float scale, float rate, unsigned long long seed, float beta)
{
    Tiles& t = tiles();
    Head h = head_of(qkv, y, dy, lse, tokens, heads, d, scale, rate, seed);
    int row = threadIdx.x / LANES, lane = threadIdx.x % LANES, first = blockIdx.y * TILE, query = first + row;
    float dq[COLUMNS] = {};
    load_queries(t, h, first);
    for (int key = 0; key <= first; key += TILE)
    {
        load_keys(t, h, key);
        __syncthreads();
        tile_gradients(t, h, first, key);
        __syncthreads();
        for (int m = 0; m < COLUMNS; m++)
        {
            for (int j = 0; m * LANES + lane < d && j < TILE; j++)
                dq[m] += t.gradients[row][j] * t.k[j][m * LANES + lane];
        }
        __syncthreads();
    }
    float* to = dqkv + (h.qkv - qkv) + query * 3 * h.columns;
    for (int m = 0; m < COLUMNS; m++)
    {
        int column = m * LANES + lane;
        if (query < tokens && column < d)
            store(to + column, dq[m], beta);
    }
}

// The same with stored scores [heads, tokens, tokens] of a sequence and dp = dy v': scores become m p, gradients become ds. A block owns a row; heads are
// counted from first_head on.
extern "C" __global__ void causal_softmax_backward(float* scores, float* gradients, const float* lse, int tokens, float scale, long long first_head, float rate, unsigned long long seed)
{
    size_t row = (size_t)blockIdx.x * tokens;
    int query = blockIdx.x % tokens;
    long long element = (first_head * tokens + blockIdx.x) * tokens;
    float log_sum = lse[first_head * tokens + blockIdx.x], mean = 0.0f;
    for (int j = threadIdx.x; j <= query; j += blockDim.x)
    {
        float p = expf(scores[row + j] * scale - log_sum), mask = rate > 0.0f ? dropped(seed, element + j, rate) : 1.0f;
        mean += mask * p * gradients[row + j];
    }
    mean = block_join<Sum>(mean);
    for (int j = threadIdx.x; j < tokens; j += blockDim.x)
    {
        float p = j > query ? 0.0f : expf(scores[row + j] * scale - log_sum), mask = rate > 0.0f && j <= query ? dropped(seed, element + j, rate) : 1.0f;
        gradients[row + j] = j > query ? 0.0f : p * (mask * gradients[row + j] - mean) * scale;
        scores[row + j] = mask * p;
    }
}
