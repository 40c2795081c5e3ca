#include "Attention.cuh"
#include "AttentionTensor.cuh"

// As AttentionBackward.cu, with all products on tensor cores: of 64 rows that are keys, dk and dv; of 64 queries, dq. A warp owns 16 of them, whose factors and
// gradients it has in registers, and goes through the inner rows 8 or 16 at a time, so that scores and ds become operands where they are.
template <class F, bool OWNS_KEYS, bool DROPS, class T>
__device__ inline void gradients(const T* qkv, const T* dy, const float* lse, const float* delta, T* dqkv, int tokens, int heads, int d, float scale, float rate,
    unsigned long long seed, float beta)
{
    const int TILES = Steps<F>::ROW_TILES;
    // Inner rows are queries and dy, or keys and values, each by rows; those that a gradient is a sum of by pairs too.
    unsigned *in1 = (unsigned*)dynamic_shared(), *in2 = in1 + Steps<F>::TILE_WORDS, *pairs1 = in1, *pairs2 = in2, *end = in2 + Steps<F>::TILE_WORDS;
    if constexpr (F::PER_WORD == 2)
    {
        pairs1 = end;
        pairs2 = OWNS_KEYS ? pairs1 + Steps<F>::TILE_WORDS : (unsigned*)0;
        end = pairs1 + (OWNS_KEYS ? 2 : 1) * Steps<F>::TILE_WORDS;
    }
    float *log_sums = (float*)end, *means = log_sums + TILE; // of inner queries
    Attention<T> a = attention(qkv, qkv + heads * d, qkv + 2 * heads * d, (const int*)0, tokens, heads, d, 3ll * heads * d, 3ll * heads * d * tokens);
    long long up_stride = (long long)heads * d, head = blockIdx.x % (unsigned)heads, rows = (long long)blockIdx.x * tokens;
    const T* up = dy + (blockIdx.x / (unsigned)heads) * tokens * up_stride + head * d;
    bool up_whole = by_fours<T>(dy, up_stride, d);
    int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
    int first = (OWNS_KEYS ? blockIdx.y : gridDim.y - 1 - blockIdx.y) * TILE, own = first + (threadIdx.x >> 5) * 16 + g; // the longest begin first; rows own and own + 8
    fill_words<F>(in1, (unsigned*)0, OWNS_KEYS ? a.k : a.q, a.query_stride, first, tokens, d, a.whole);
    fill_words<F>(in2, (unsigned*)0, OWNS_KEYS ? a.v : up, OWNS_KEYS ? a.query_stride : up_stride, first, tokens, d, OWNS_KEYS ? a.whole : up_whole);
    __syncthreads();
    unsigned own1[Steps<F>::ALONG_ROW][4], own2[Steps<F>::ALONG_ROW][4];
    read_rows<F>(own1, in1);
    read_rows<F>(own2, in2);
    float sums1[ROW / 8][4] = {}, sums2[OWNS_KEYS ? ROW / 8 : 1][4] = {}, log_sum[2], mean[2], steep = scale * LOG2_E;
#pragma unroll
    for (int r = 0; r < 2 && !OWNS_KEYS; r++)
    {
        log_sum[r] = own + 8 * r < tokens ? lse[rows + own + 8 * r] * LOG2_E : 0.0f;
        mean[r] = own + 8 * r < tokens ? delta[rows + own + 8 * r] : 0.0f;
    }
    int to = OWNS_KEYS ? tokens : min(first + TILE, tokens);
    for (int inner = OWNS_KEYS ? first : 0; inner < to; inner += TILE)
    {
        __syncthreads(); // the tile before is used up
        fill_words<F>(in1, F::PER_WORD == 2 ? pairs1 : (unsigned*)0, OWNS_KEYS ? a.q : a.k, a.query_stride, inner, to, d, a.whole);
        fill_words<F>(in2, F::PER_WORD == 2 ? pairs2 : (unsigned*)0, OWNS_KEYS ? up : a.v, OWNS_KEYS ? up_stride : a.query_stride, inner, to, d, OWNS_KEYS ? up_whole : a.whole);
        if (OWNS_KEYS && threadIdx.x < TILE)
        {
            int query = inner + threadIdx.x;
            log_sums[threadIdx.x] = query < tokens ? lse[rows + query] * LOG2_E : 0.0f;
            means[threadIdx.x] = query < tokens ? delta[rows + query] : 0.0f;
        }
        __syncthreads();
#pragma unroll 1
        for (int step = 0; step < TILE / 8 / TILES; step++)
        {
            float ds[TILES][4], weights[TILES][4];
#pragma unroll
            for (int n = 0; n < TILES; n++)
            {
                int row = 8 * (step * TILES + n);
                multiply_rows<F>(weights[n], own1, in1, row);
                multiply_rows<F>(ds[n], own2, in2, row);
#pragma unroll
                for (int e = 0; e < 4; e++)
                {
                    int mine = own + 8 * (e >> 1), place = row + 2 * t + (e & 1), other = inner + place, query = OWNS_KEYS ? other : mine, key = OWNS_KEYS ? mine : other;
                    bool sees = query < tokens && key <= query;
                    float mask = 1.0f, most = OWNS_KEYS ? log_sums[place] : log_sum[e >> 1], mean_of = OWNS_KEYS ? means[place] : mean[e >> 1];
                    if (DROPS && sees)
                        mask = dropped(seed, (rows + query) * tokens + key, rate);
                    float p = exp2f(fmaf(weights[n][e], steep, -most));
                    ds[n][e] = sees ? p * (mask * ds[n][e] - mean_of) * scale : 0.0f;
                    weights[n][e] = sees ? mask * p : 0.0f;
                }
            }
            unsigned operand[4];
            F::template operand<F>(operand, ds);
            multiply_pairs<F>(sums1, operand, pairs1, 8 * step);
            if constexpr (OWNS_KEYS)
            {
                F::template operand<F>(operand, weights);
                multiply_pairs<F>(sums2, operand, pairs2, 8 * step);
            }
        }
    }
#pragma unroll
    for (int r = 0; r < 2; r++)
    {
        if (own + 8 * r >= tokens)
            continue;
        T* to_row = dqkv + (a.q - qkv) + (own + 8 * r) * a.query_stride;
#pragma unroll
        for (int n = 0; n < ROW / 8; n++)
        {
#pragma unroll
            for (int c = 0; c < 2; c++)
            {
                int column = 8 * n + 2 * t + c;
                if (column >= d)
                    continue;
                store(to_row + (OWNS_KEYS ? heads * d : 0) + column, sums1[n][2 * r + c], beta);
                if constexpr (OWNS_KEYS)
                    store(to_row + 2 * heads * d + column, sums2[n][2 * r + c], beta);
            }
        }
    }
}

#if HAS_TENSOR_CORES
#define TENSOR_BODY(F, keys, drops) gradients<F, keys, drops>(qkv, dy, lse, delta, dqkv, tokens, heads, d, scale, rate, seed, beta);
#else
#define TENSOR_BODY(F, keys, drops)
#endif
#define TENSOR_BACKWARD(name, drops, F, T, keys)                                                                                                                      \
    extern "C" __global__ void __launch_bounds__(THREADS) name(const T* qkv, const T* dy, const float* lse, const float* delta, T* dqkv, int tokens, \
        int heads, int d, float scale, float rate, unsigned long long seed, float beta)                                                                         \
    {                                                                                                                                                           \
        TENSOR_BODY(F, keys, drops)                                                                                                                             \
    }
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_keys_tf32, Tf32, float, true)
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_keys_bf16, Bf16, float, true)
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_keys_fp16, Fp16, float, true)
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_queries_tf32, Tf32, float, false)
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_queries_bf16, Bf16, float, false)
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_queries_fp16, Fp16, float, false)
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_keys_stored_bf16, Bf16, bf16, true)
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_keys_stored_fp16, Fp16, fp16, true)
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_queries_stored_bf16, Bf16, bf16, false)
WITH_AND_WITHOUT_DROPOUT(TENSOR_BACKWARD, tensor_attention_queries_stored_fp16, Fp16, fp16, false)
