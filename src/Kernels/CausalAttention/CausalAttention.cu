// Self-attention of single tokens with a cache, and the rows of stored weights. Heads lie side by side in the last axis; keys and values are read where they are.

#define LANES 8 // threads that share a key

// Queries [sequences, tokens, 3 heads d], and keys and values at strides of their own. Sequence n has past[n] keys before its first query.
template <class T>
struct Attention
{
    const T *qkv, *keys, *values;
    const int* past;
    int tokens, heads, d;
    long long key_stride, sequence_stride;
};

template <class T>
__device__ inline Attention<T> attention(const T* qkv, const T* keys, const T* values, const int* past, int tokens, int heads, int d, long long key_stride, long long sequence_stride)
{
    long long sequence = blockIdx.x / heads, head = blockIdx.x % heads;
    long long own = sequence * sequence_stride + head * d;
    return {qkv + sequence * tokens * 3 * heads * d + head * d, keys + own, values + own, past ? past + sequence : (const int*)0, tokens, heads, d, key_stride, sequence_stride};
}

#define KEYS 256 // of a pass: one a thread

// The weighted values of count keys, added to the output. Threads in groups as wide as the head (in whole warps) share the keys; their sums are joined in order.
__device__ inline void add_values(const Attention<float>& a, const float* weights, int key, int count, float factor, float divisor, float* to)
{
    __shared__ float parts[KEYS];
    int width = min(KEYS, (a.d + 31) / 32 * 32), groups = KEYS / width, group = threadIdx.x / width;
    for (int first = 0; first < a.d; first += width)
    {
        int column = first + threadIdx.x % width;
        float value = 0.0f;
        for (int j = group; group < groups && column < a.d && j < count; j += groups)
            value += weights[j] * a.values[(key + j) * a.key_stride + column];
        parts[threadIdx.x] = value;
        __syncthreads();
        if (group == 0 && column < a.d)
        {
            for (int g = 1; g < groups; g++)
                value += parts[g * width + threadIdx.x];
            to[column] = (key == 0 ? value : to[column] * factor + value) / divisor;
        }
        __syncthreads(); // the next columns write the parts anew
    }
}

// A block owns one query of a head (blockIdx.y: the token), of any width, and goes through its keys 256 at a time. Scores: 8 threads share a key. Bound by
// memory: keys and values are read once.
extern "C" __global__ void attention_one(const float* qkv, const float* keys, const float* values, const int* past, float* y, int tokens, int heads, int d,
    long long key_stride, long long sequence_stride, float scale)
{
    __shared__ float one[KEYS];
    Attention<float> a = attention(qkv, keys, values, past, tokens, heads, d, key_stride, sequence_stride);
    const float* q = a.qkv + blockIdx.y * 3ll * heads * d;
    float* to = y + ((size_t)(blockIdx.x / heads) * tokens + blockIdx.y) * heads * d + (size_t)(blockIdx.x % heads) * d;
    int seen = *a.past + blockIdx.y + 1, lane = threadIdx.x % LANES;
    float most = -__int_as_float(INFINITY_BITS), sum = 0.0f;
    for (int key = 0; key < seen; key += KEYS)
    {
        for (int j = threadIdx.x / LANES; j < KEYS; j += KEYS / LANES)
        {
            float dot = 0.0f;
            for (int x = lane; key + j < seen && x < d; x += LANES)
                dot += q[x] * a.keys[(key + j) * key_stride + x];
            for (int step = LANES / 2; step > 0; step >>= 1)
                dot += __shfl_xor_sync(0xffffffffu, dot, step);
            if (lane == 0)
                one[j] = key + j < seen ? dot * scale : -__int_as_float(INFINITY_BITS);
        }
        __syncthreads();
        float score = one[threadIdx.x], next = larger(most, block_join<Largest>(score)), weight = expf(score - next), factor = expf(most - next);
        one[threadIdx.x] = weight;
        sum = sum * factor + block_join<Sum>(weight);
        most = next;
        add_values(a, one, key, min(KEYS, seen - key), factor, key + KEYS < seen ? 1.0f : sum, to); // block_join waited: all weights are there
    }
}

// Keys and values of new tokens behind those that each sequence has. One number of the keys, and one of the values, a thread and stride.
extern "C" __global__ void append_cache(const float* qkv, const int* past, float* keys, float* values, long long count, int tokens, int columns, int capacity)
{
    OVER_ELEMENTS(i, count)
    {
        long long token = i / columns, sequence = token / tokens;
        size_t to = (size_t)(sequence * capacity + past[sequence] + token % tokens) * columns + i % columns, from = (size_t)token * 3 * columns + i % columns;
        keys[to] = qkv[from + columns];
        values[to] = qkv[from + 2 * columns];
    }
}

// Scores [heads, tokens, tokens] of a sequence, not scaled yet, become weights with dropout's mask, 0 behind the query; heads are counted from first_head on.
// A block owns a row.
extern "C" __global__ void causal_softmax(float* scores, float* lse, int tokens, float scale, long long first_head, float rate, unsigned long long seed)
{
    float* row = scores + (size_t)blockIdx.x * tokens;
    int query = blockIdx.x % tokens;
    long long element = (first_head * tokens + blockIdx.x) * tokens;
    float most = -__int_as_float(INFINITY_BITS), sum = 0.0f;
    for (int j = threadIdx.x; j <= query; j += blockDim.x)
        most = larger(most, row[j] * scale);
    most = block_join<Largest>(most);
    for (int j = threadIdx.x; j <= query; j += blockDim.x)
        sum += expf(row[j] * scale - most);
    sum = block_join<Sum>(sum);
    for (int j = threadIdx.x; j < tokens; j += blockDim.x)
        row[j] = j > query ? 0.0f : expf(row[j] * scale - most) / sum * (rate > 0.0f ? dropped(seed, element + j, rate) : 1.0f);
    if (lse && threadIdx.x == 0)
        lse[first_head * tokens + blockIdx.x] = most + logf(sum);
}
