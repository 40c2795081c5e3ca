#include "Attention.cuh"

// Online softmax (Dao et al. 2022, arXiv:2205.14135, algorithm 1) in float32. A block of 128 threads owns 32 queries of a head and goes through the keys
// 64 at a time; a thread has 4 x 4 scores, and 4 x 4 numbers of the output, in registers: 8 reads of 16 bytes from shared memory feed 64 multiplications. Bound by arithmetic. The queries with the most keys begin first, so that the last blocks are short.

#define KEYS 64
#define QUERIES 32
#define ROWS_EACH 4

template <class T>
__device__ inline void attend(const T* qkv, const T* keys, const T* values, const int* past, T* y, float* lse, int tokens, int heads, int d, long long key_stride,
    long long sequence_stride, float scale, float rate, unsigned long long seed)
{
    float *q = dynamic_shared(), *k = q + QUERIES * ROW, *v = k + KEYS * ROW, *weights = k; // weights take the place of the keys that they were made of
    Attention<T> a = attention(qkv, keys, values, past, tokens, heads, d, key_stride, sequence_stride);
    // Half a warp shares rows row, row + 8, ..; its threads have keys column, column + 16, .. of the scores and four numbers of the output.
    int lane = threadIdx.x & 31, column = lane & 15, row = (threadIdx.x >> 5) + 4 * (lane >> 4);
    int first = (gridDim.y - 1 - blockIdx.y) * QUERIES, seen = a.before + min(first + QUERIES, tokens), groups = (d + 3) / 4;
    float most[ROWS_EACH], sum[ROWS_EACH], out[ROWS_EACH][4], steep = scale * LOG2_E;
#pragma unroll
    for (int i = 0; i < ROWS_EACH; i++)
    {
        most[i] = -__int_as_float(INFINITY_BITS);
        sum[i] = out[i][0] = out[i][1] = out[i][2] = out[i][3] = 0.0f;
    }
    fill<QUERIES>(q, a.q, a.query_stride, first, tokens, d, a.whole);
    for (int key = 0; key < seen; key += KEYS)
    {
        __syncthreads(); // weights and values of the tile before are used up
        fill<KEYS>(k, a.k, a.key_stride, key, seen, d, a.whole);
        fill<KEYS>(v, a.v, a.key_stride, key, seen, d, a.whole);
        __syncthreads();
        float scores[ROWS_EACH][4] = {};
        for (int g = 0; g < groups; g++)
        {
            float4 other[4];
#pragma unroll
            for (int j = 0; j < 4; j++)
                other[j] = *(const float4*)(k + place(column + 16 * j, g));
#pragma unroll
            for (int i = 0; i < ROWS_EACH; i++)
            {
                float4 own = *(const float4*)(q + place(row + 8 * i, g));
#pragma unroll
                for (int j = 0; j < 4; j++)
                    scores[i][j] = product(own, other[j], scores[i][j]);
            }
        }
        __syncthreads(); // all keys are read
#pragma unroll
        for (int i = 0; i < ROWS_EACH; i++)
        {
            int last = a.before + first + row + 8 * i - key; // of this tile that the query sees
            float next = most[i];
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                scores[i][j] = column + 16 * j <= last ? scores[i][j] * steep : -__int_as_float(INFINITY_BITS);
                next = fmaxf(next, scores[i][j]);
            }
#pragma unroll
            for (int step = 8; step > 0; step >>= 1)
                next = fmaxf(next, __shfl_xor_sync(0xffffffffu, next, step));
            float factor = exp2f(most[i] - next); // the first key is seen by all: next is finite
            sum[i] *= factor;
            most[i] = next;
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                out[i][j] *= factor;
                float weight = exp2f(scores[i][j] - next);
                sum[i] += weight;
                weights[place(row + 8 * i, column / 4 + 4 * j) + (column & 3)] = weight;
            }
        }
#pragma unroll 1
        for (int e = 0; rate > 0.0f && e < 4 * ROWS_EACH; e++)
        {
            int i = row + e / 4 * 8, j = column + e % 4 * 16;
            weights[place(i, j / 4) + (j & 3)] *= dropped(seed, ((long long)blockIdx.x * tokens + first + i) * tokens + key + j, rate);
        }
        __syncwarp(); // a row's weights are of this half of a warp
        int filled = (min(KEYS, seen - key) + 3) / 4;
        for (int g = 0; g < filled; g++)
        {
            float4 value[4];
#pragma unroll
            for (int j = 0; j < 4; j++)
                value[j] = *(const float4*)(v + place(4 * g + j, column));
#pragma unroll
            for (int i = 0; i < ROWS_EACH; i++)
            {
                float4 weight = *(const float4*)(weights + place(row + 8 * i, g));
                add_product(out[i], weight.x, value[0]);
                add_product(out[i], weight.y, value[1]);
                add_product(out[i], weight.z, value[2]);
                add_product(out[i], weight.w, value[3]);
            }
        }
    }
    bool whole = by_fours<T>(y, 0, d);
#pragma unroll
    for (int i = 0; i < ROWS_EACH; i++)
    {
#pragma unroll
        for (int step = 8; step > 0; step >>= 1)
            sum[i] += __shfl_xor_sync(0xffffffffu, sum[i], step);
        int query = first + row + 8 * i, start = 4 * column;
        if (query >= tokens)
            continue;
        T* to = y + ((long long)(blockIdx.x / (unsigned)heads) * tokens + query) * heads * d + (long long)(blockIdx.x % (unsigned)heads) * d + start;
        if (whole && sizeof(T) == sizeof(float) && start < d)
            *(float4*)to = {out[i][0] / sum[i], out[i][1] / sum[i], out[i][2] / sum[i], out[i][3] / sum[i]};
        else
        {
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                if (start + j < d)
                    put(to + j, out[i][j] / sum[i]);
            }
        }
        if (lse && column == 0)
            lse[(long long)blockIdx.x * tokens + query] = most[i] * LN_2 + logf(sum[i]);
    }
}

#define ATTENTION_FORWARD(suffix, T)                                                                                                                          \
    extern "C" __global__ void __launch_bounds__(THREADS, 4) attention_32##suffix(const T* qkv, const T* keys, const T* values, const int* past, T* y, float* lse, int tokens, \
        int heads, int d, long long key_stride, long long sequence_stride, float scale, float rate, unsigned long long seed)                                  \
    {                                                                                                                                                         \
        attend(qkv, keys, values, past, y, lse, tokens, heads, d, key_stride, sequence_stride, scale, rate, seed);                                      \
    }
FOR_STORED(ATTENTION_FORWARD)
