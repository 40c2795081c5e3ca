#include "Attention.cuh"

// Self-attention backward in float32. With p the weights, made anew from lse, m dropout's mask, and dp = m dy v': ds = scale p (dp - sum of dy y), dq = ds k,
// dk = ds' q, dv = (m p)' dy (Dao et al. 2022, arXiv:2205.14135, appendix B.4). One kernel owns keys and goes through queries, one owns queries and goes through
// keys: scores are made twice, but nothing is added by two blocks, so that sums have one order.

#define OWN 64   // rows that a block owns
#define INNER 32 // rows that it goes through at a time

// delta [sequences, heads, tokens] = sums of dy y over a head's numbers. A warp owns a row of them; rows lie one behind another in y.
template <class T>
__device__ __forceinline__ void delta_of(const T* y, const T* dy, float* delta, long long rows, int tokens, int heads, int d)
{
    long long row = (blockIdx.x * (long long)blockDim.x + threadIdx.x) >> 5;
    int lane = threadIdx.x & 31;
    if (row >= rows)
        return; // a whole warp
    float sum = 0.0f;
    for (int x = lane; x < d; x += 32)
        sum = fmaf(widened(y[row * d + x]), widened(dy[row * d + x]), sum);
    for (int step = 16; step > 0; step >>= 1)
        sum += __shfl_xor_sync(0xffffffffu, sum, step);
    long long token = quotient(row, heads), sequence = quotient(token, tokens);
    if (lane == 0)
        delta[(sequence * heads + row - token * heads) * tokens + token - sequence * tokens] = sum;
}

#define ATTENTION_DELTA(suffix, T)                                                                                                                          \
    extern "C" __global__ void attention_delta##suffix(const T* y, const T* dy, float* delta, long long rows, int tokens, int heads, int d)                \
    {                                                                                                                                                       \
        delta_of(y, dy, delta, rows, tokens, heads, d);                                                                                                     \
    }
FOR_STORED(ATTENTION_DELTA)

template <class T>
__device__ inline void store_row(T* to, const float (&value)[4], int start, int d, float beta, bool whole)
{
    if (whole && sizeof(T) == sizeof(float) && beta == 0.0f && start < d)
    {
        *(float4*)to = {value[0], value[1], value[2], value[3]};
        return;
    }
#pragma unroll
    for (int j = 0; j < 4; j++)
    {
        if (start + j < d)
            store(to + j, value[j], beta);
    }
}

// Of 64 rows that are keys, dk and dv; of 64 queries, dq. A thread has 4 x 4 scores, and 8 x 4 numbers of each gradient, in registers. Bound by arithmetic.
template <bool OWNS_KEYS, bool DROPS, class T>
__device__ inline void gradients(const T* qkv, const T* dy, const float* lse, const float* delta, T* dqkv, int tokens, int heads, int d, float scale, float rate,
    unsigned long long seed, float beta)
{
    // Own rows are keys and values, inner ones queries and dy, or the reverse. ds and weights lie [inner][own].
    float *own1 = dynamic_shared(), *own2 = own1 + OWN * ROW, *in1 = own2 + OWN * ROW, *in2 = in1 + INNER * ROW, *ds = in2 + INNER * ROW, *weights = ds + INNER * ROW;
    Attention<T> a = attention(qkv, qkv + heads * d, qkv + 2 * heads * d, (const int*)0, tokens, heads, d, 3ll * heads * d, 3ll * heads * d * tokens);
    long long up_stride = (long long)heads * d, head = blockIdx.x % (unsigned)heads, rows = (long long)blockIdx.x * tokens;
    const T* up = dy + (blockIdx.x / (unsigned)heads) * tokens * up_stride + head * d;
    bool up_whole = by_fours<T>(dy, up_stride, d);
    int first = (OWNS_KEYS ? blockIdx.y : gridDim.y - 1 - blockIdx.y) * OWN, groups = (d + 3) / 4; // the longest begin first
    fill<OWN>(own1, OWNS_KEYS ? a.k : a.q, a.query_stride, first, tokens, d, a.whole);
    fill<OWN>(own2, OWNS_KEYS ? a.v : up, OWNS_KEYS ? a.query_stride : up_stride, first, tokens, d, OWNS_KEYS ? a.whole : up_whole);
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    int own_row = (lane >> 3) + 4 * warp, inner_row = lane & 7;    // of scores: own_row + 16 i, inner_row + 8 j
    int column = lane & 15, part = warp + 4 * (lane >> 4);         // of gradients: own rows 8 part to 8 part + 7, numbers 4 column to 4 column + 3
    float sums1[8][4] = {}, sums2[OWNS_KEYS ? 8 : 1][4] = {}, log_sum[4], mean[4], steep = scale * LOG2_E;
    int from = OWNS_KEYS ? first : 0, to = OWNS_KEYS ? tokens : min(first + OWN, tokens);
    for (int inner = from; inner < to; inner += INNER)
    {
        if (inner > from)
            __syncthreads(); // the tile before is used up
        fill<INNER>(in1, OWNS_KEYS ? a.q : a.k, a.query_stride, inner, to, d, a.whole);
        fill<INNER>(in2, OWNS_KEYS ? up : a.v, OWNS_KEYS ? up_stride : a.query_stride, inner, to, d, OWNS_KEYS ? up_whole : a.whole);
        if (OWNS_KEYS || inner == from)
        {
#pragma unroll
            for (int i = 0; i < 4; i++)
            {
                int query = OWNS_KEYS ? inner + inner_row + 8 * i : first + own_row + 16 * i;
                log_sum[i] = query < tokens ? lse[rows + query] * LOG2_E : 0.0f;
                mean[i] = query < tokens ? delta[rows + query] : 0.0f;
            }
        }
        __syncthreads();
        float scores[4][4] = {}, dp[4][4] = {};
        for (int g = 0; g < groups; g++)
        {
            float4 other[4];
#pragma unroll
            for (int j = 0; j < 4; j++)
                other[j] = *(const float4*)(in1 + place(inner_row + 8 * j, g));
#pragma unroll
            for (int i = 0; i < 4; i++)
            {
                float4 own = *(const float4*)(own1 + place(own_row + 16 * i, g));
#pragma unroll
                for (int j = 0; j < 4; j++)
                    scores[i][j] = product(own, other[j], scores[i][j]);
            }
#pragma unroll
            for (int j = 0; j < 4; j++)
                other[j] = *(const float4*)(in2 + place(inner_row + 8 * j, g));
#pragma unroll
            for (int i = 0; i < 4; i++)
            {
                float4 own = *(const float4*)(own2 + place(own_row + 16 * i, g));
#pragma unroll
                for (int j = 0; j < 4; j++)
                    dp[i][j] = product(own, other[j], dp[i][j]);
            }
        }
#pragma unroll
        for (int i = 0; i < 4; i++)
        {
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                int own = first + own_row + 16 * i, other = inner + inner_row + 8 * j, query = OWNS_KEYS ? other : own, key = OWNS_KEYS ? own : other;
                bool sees = query < tokens && key <= query;
                float mask = 1.0f;
                if (DROPS && sees)
                    mask = dropped(seed, (rows + query) * tokens + key, rate);
                float p = exp2f(fmaf(scores[i][j], steep, -log_sum[OWNS_KEYS ? j : i]));
                int at = place(inner_row + 8 * j, (own_row + 16 * i) / 4) + (own_row & 3);
                ds[at] = sees ? p * (mask * dp[i][j] - mean[OWNS_KEYS ? j : i]) * scale : 0.0f;
                if (OWNS_KEYS)
                    weights[at] = sees ? mask * p : 0.0f;
            }
        }
        __syncthreads();
#pragma unroll 4
        for (int j = 0; j < INNER; j++)
        {
            float4 x = *(const float4*)(in1 + place(j, column)), low = *(const float4*)(ds + place(j, 2 * part)), high = *(const float4*)(ds + place(j, 2 * part + 1));
            add_product(sums1[0], low.x, x);
            add_product(sums1[1], low.y, x);
            add_product(sums1[2], low.z, x);
            add_product(sums1[3], low.w, x);
            add_product(sums1[4], high.x, x);
            add_product(sums1[5], high.y, x);
            add_product(sums1[6], high.z, x);
            add_product(sums1[7], high.w, x);
            if (OWNS_KEYS)
            {
                x = *(const float4*)(in2 + place(j, column)), low = *(const float4*)(weights + place(j, 2 * part)), high = *(const float4*)(weights + place(j, 2 * part + 1));
                add_product(sums2[0], low.x, x);
                add_product(sums2[OWNS_KEYS ? 1 : 0], low.y, x);
                add_product(sums2[OWNS_KEYS ? 2 : 0], low.z, x);
                add_product(sums2[OWNS_KEYS ? 3 : 0], low.w, x);
                add_product(sums2[OWNS_KEYS ? 4 : 0], high.x, x);
                add_product(sums2[OWNS_KEYS ? 5 : 0], high.y, x);
                add_product(sums2[OWNS_KEYS ? 6 : 0], high.z, x);
                add_product(sums2[OWNS_KEYS ? 7 : 0], high.w, x);
            }
        }
    }
    bool whole = by_fours<T>(dqkv, 0, d);
#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        int row = first + 8 * part + i, start = 4 * column;
        if (row >= tokens)
            continue;
        T* place_of = dqkv + (a.q - qkv) + row * a.query_stride + start;
        store_row(place_of + (OWNS_KEYS ? heads * d : 0), sums1[i], start, d, beta, whole);
        if (OWNS_KEYS)
            store_row(place_of + 2 * heads * d, sums2[OWNS_KEYS ? i : 0], start, d, beta, whole);
    }
}

#define ATTENTION_BACKWARD(name, drops, keys, T)                                                                                                                       \
    extern "C" __global__ void __launch_bounds__(THREADS, 3) name(const T* qkv, const T* dy, const float* lse, const float* delta, T* dqkv, int tokens, \
        int heads, int d, float scale, float rate, unsigned long long seed, float beta)                                                                              \
    {                                                                                                                                                                \
        gradients<keys, drops>(qkv, dy, lse, delta, dqkv, tokens, heads, d, scale, rate, seed, beta);                                                                \
    }
// blockIdx.y: 64 keys, or 64 queries from the last.
#define ATTENTION_GRADIENTS(suffix, T)                                                                  \
    WITH_AND_WITHOUT_DROPOUT(ATTENTION_BACKWARD, attention_backward_keys##suffix, true, T)              \
    WITH_AND_WITHOUT_DROPOUT(ATTENTION_BACKWARD, attention_backward_queries##suffix, false, T)
FOR_STORED(ATTENTION_GRADIENTS)

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
