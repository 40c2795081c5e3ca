#include "Attention.cuh"
#include "AttentionTensor.cuh"

// Online softmax with both products on tensor cores (Dao 2023, arXiv:2307.08691, section 3). A block of 4 warps owns 64 queries of a head, a warp 16 of them, and
// goes through the keys 64 at a time. Scores are sums in registers and become an operand there: weights never lie in memory.

template <class F, bool DROPS, class T>
__device__ inline void attend(const T* qkv, const T* keys, const T* values, const int* past, T* y, float* lse, int tokens, int heads, int d, long long key_stride,
    long long sequence_stride, float scale, float rate, unsigned long long seed)
{
    unsigned *k = (unsigned*)dynamic_shared(), *v = k + Steps<F>::TILE_WORDS;
    Attention<T> a = attention(qkv, keys, values, past, tokens, heads, d, key_stride, sequence_stride);
    int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
    int first = (gridDim.y - 1 - blockIdx.y) * TILE, own = first + (threadIdx.x >> 5) * 16 + g, seen = a.before + min(first + TILE, tokens); // queries own and own + 8
    fill_words<F>(k, (unsigned*)0, a.q, a.query_stride, first, tokens, d, a.whole);
    __syncthreads();
    unsigned q[Steps<F>::ALONG_ROW][4];
    read_rows<F>(q, k);
    float most[2] = {-__int_as_float(INFINITY_BITS), -__int_as_float(INFINITY_BITS)}, sum[2] = {}, out[ROW / 8][4] = {}, steep = scale * LOG2_E;
    for (int key = 0; key < seen; key += TILE)
    {
        __syncthreads(); // the tile before is used up
        fill_words<F>(k, (unsigned*)0, a.k, a.key_stride, key, seen, d, a.whole);
        fill_words<F>((unsigned*)0, v, a.v, a.key_stride, key, seen, d, a.whole);
        __syncthreads();
        float scores[TILE / 8 / Steps<F>::ROW_TILES][Steps<F>::ROW_TILES][4], next[2] = {most[0], most[1]};
#pragma unroll
        for (int n = 0; n < TILE / 8; n++)
        {
            float(&tile)[4] = scores[n / Steps<F>::ROW_TILES][n % Steps<F>::ROW_TILES];
            multiply_rows<F>(tile, q, k, 8 * n);
#pragma unroll
            for (int e = 0; e < 4; e++)
            {
                tile[e] = key + 8 * n + 2 * t + (e & 1) <= a.before + own + 8 * (e >> 1) ? tile[e] * steep : -__int_as_float(INFINITY_BITS);
                next[e >> 1] = fmaxf(next[e >> 1], tile[e]);
            }
        }
        float factor[2];
#pragma unroll
        for (int r = 0; r < 2; r++)
        {
            next[r] = fmaxf(next[r], __shfl_xor_sync(0xffffffffu, next[r], 1));
            next[r] = fmaxf(next[r], __shfl_xor_sync(0xffffffffu, next[r], 2));
            factor[r] = exp2f(most[r] - next[r]); // the first key is seen by all: next is finite
            most[r] = next[r];
            sum[r] *= factor[r];
        }
#pragma unroll
        for (int n = 0; n < TILE / 8; n++)
        {
#pragma unroll
            for (int e = 0; e < 4; e++)
            {
                float& weight = scores[n / Steps<F>::ROW_TILES][n % Steps<F>::ROW_TILES][e];
                weight = exp2f(weight - most[e >> 1]);
                sum[e >> 1] += weight;
                if (DROPS)
                    weight *= dropped(seed, ((long long)blockIdx.x * tokens + own + 8 * (e >> 1)) * tokens + key + 8 * n + 2 * t + (e & 1), rate);
                out[n][e] *= factor[e >> 1];
            }
        }
#pragma unroll
        for (int step = 0; step < TILE / 8 / Steps<F>::ROW_TILES; step++)
        {
            unsigned weights[4];
            F::template operand<F>(weights, scores[step]);
            multiply_pairs<F>(out, weights, v, 8 * step);
        }
    }
#pragma unroll
    for (int r = 0; r < 2; r++)
    {
        sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], 1);
        sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], 2);
        int query = own + 8 * r;
        if (query >= tokens)
            continue;
        T* to = y + ((long long)(blockIdx.x / (unsigned)heads) * tokens + query) * heads * d + (long long)(blockIdx.x % (unsigned)heads) * d;
#pragma unroll
        for (int n = 0; n < ROW / 8; n++)
        {
            int column = 8 * n + 2 * t;
            if (column < d)
                put(to + column, out[n][2 * r] / sum[r]);
            if (column + 1 < d)
                put(to + column + 1, out[n][2 * r + 1] / sum[r]);
        }
        if (lse && t == 0)
            lse[(long long)blockIdx.x * tokens + query] = most[r] * LN_2 + logf(sum[r]);
    }
}

#if HAS_TENSOR_CORES
#define TENSOR_BODY(F, drops) attend<F, drops>(qkv, keys, values, past, y, lse, tokens, heads, d, key_stride, sequence_stride, scale, rate, seed);
#else
#define TENSOR_BODY(F, drops)
#endif
#define TENSOR_ATTENTION(name, drops, F, T)                                                                                                                 \
    extern "C" __global__ void __launch_bounds__(THREADS) name(const T* qkv, const T* keys, const T* values, const int* past, T* y, float* lse, int tokens, \
        int heads, int d, long long key_stride, long long sequence_stride, float scale, float rate, unsigned long long seed)                                \
    {                                                                                                                                                       \
        TENSOR_BODY(F, drops)                                                                                                                               \
    }
WITH_AND_WITHOUT_DROPOUT(TENSOR_ATTENTION, tensor_attention_tf32, Tf32, float)
WITH_AND_WITHOUT_DROPOUT(TENSOR_ATTENTION, tensor_attention_bf16, Bf16, float)
WITH_AND_WITHOUT_DROPOUT(TENSOR_ATTENTION, tensor_attention_fp16, Fp16, float)
WITH_AND_WITHOUT_DROPOUT(TENSOR_ATTENTION, tensor_attention_stored_bf16, Bf16, bf16)
WITH_AND_WITHOUT_DROPOUT(TENSOR_ATTENTION, tensor_attention_stored_fp16, Fp16, fp16)
