// Attention of one new token to those in a cache. Heads lie side by side in the last axis.

#define THREADS 256
#define LANES 16                     // threads that share a key, with four numbers of it each
#define GROUPS (THREADS / LANES)     // keys that a block looks at side by side
#define KEYS 8                       // of a group
#define CHUNK (GROUPS * KEYS)        // keys of a block
#define WARPS (THREADS / 32)
#define MOST_D 64                    // numbers of a head
#define PARTIAL (MOST_D + 2)         // of a block: outputs not divided yet, the greatest score, the sum of weights

// Partial results of a softmax over some keys.
struct Partial
{
    float most, sum;
    float4 out;
};

__device__ inline Partial joined(const Partial& a, const Partial& b)
{
    float infinity = __int_as_float(INFINITY_BITS), most = larger(a.most, b.most);
    float left = a.most == -infinity ? 0.0f : expf(a.most - most), right = b.most == -infinity ? 0.0f : expf(b.most - most); // one without keys counts for nothing
    return {most, a.sum * left + b.sum * right, {a.out.x * left + b.out.x * right, a.out.y * left + b.out.y * right, a.out.z * left + b.out.z * right, a.out.w * left + b.out.w * right}};
}

__device__ inline Partial of_lane(const Partial& p, int step)
{
    unsigned int all = 0xffffffffu;
    return {__shfl_xor_sync(all, p.most, step), __shfl_xor_sync(all, p.sum, step),
        {__shfl_xor_sync(all, p.out.x, step), __shfl_xor_sync(all, p.out.y, step), __shfl_xor_sync(all, p.out.z, step), __shfl_xor_sync(all, p.out.w, step)}};
}

// Those of all warps. The greatest comes first, so that the exponentials do not wait for one another.
__device__ inline Partial joined_warps(const float (&mosts)[WARPS], const float (&sums)[WARPS], const float4 (&outs)[WARPS][LANES], int lane)
{
    float infinity = __int_as_float(INFINITY_BITS);
    Partial all = {mosts[0], 0.0f, {0.0f, 0.0f, 0.0f, 0.0f}};
#pragma unroll
    for (int w = 1; w < WARPS; w++)
        all.most = larger(all.most, mosts[w]);
#pragma unroll
    for (int w = 0; w < WARPS; w++)
    {
        float weight = mosts[w] == -infinity ? 0.0f : expf(mosts[w] - all.most); // one without keys counts for nothing
        float4 out = outs[w][lane];
        all.sum = fmaf(weight, sums[w], all.sum);
        all.out = {fmaf(weight, out.x, all.out.x), fmaf(weight, out.y, all.out.y), fmaf(weight, out.z, all.out.z), fmaf(weight, out.w, all.out.w)};
    }
    return all;
}

// A block has 128 keys (blockIdx.y) of a head (blockIdx.x: sequence and head), 32 KB of them and as much of values, all in flight at once and asked for before the kernel waits
// for the one that makes qkv: the cache is that of earlier tokens. The new token's key and value go to the cache on the way. Where a head has more than one block at
// work, the last one joins what they have, in the order of the keys.
extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_token(const float* qkv, const int* past, float* keys, float* values, float* y, float* partials,
    unsigned int* tickets, int heads, int d, int capacity, float scale)
{
    __shared__ float4 outs[WARPS][LANES];
    __shared__ float mosts[WARPS], sums[WARPS];
    int sequence = blockIdx.x / heads, head = blockIdx.x % heads, columns = heads * d, before = fresh(past + sequence), first = blockIdx.y * CHUNK;
    int active = before / CHUNK + 1; // blocks with keys
    if (first > before)
        return; // all threads do
    int group = threadIdx.x / LANES, lane = threadIdx.x % LANES, warp = threadIdx.x >> 5;
    bool has = lane * 4 < d;
    size_t own = (size_t)sequence * capacity * columns + head * d + lane * 4;
    float4 key[KEYS], value[KEYS];
#pragma unroll
    for (int i = 0; i < KEYS; i++)
        key[i] = fresh((const float4*)(keys + own + (size_t)(first + i * GROUPS + group) * columns), has && first + i * GROUPS + group < before);
#pragma unroll
    for (int i = 0; i < KEYS; i++)
        value[i] = fresh((const float4*)(values + own + (size_t)(first + i * GROUPS + group) * columns), has && first + i * GROUPS + group < before);
    release_next();
    await_previous();
    const float* from = qkv + (size_t)sequence * 3 * columns + head * d + lane * 4;
    float4 q = fresh((const float4*)from, has);
    bool is_new = has && before < first + CHUNK && (before - first) % GROUPS == group; // this thread brings the new key
    float4 new_key = fresh((const float4*)(from + columns), is_new), new_value = fresh((const float4*)(from + 2 * columns), is_new);
    if (is_new)
    {
        *(float4*)(keys + own + (size_t)before * columns) = new_key;
        *(float4*)(values + own + (size_t)before * columns) = new_value;
    }
    float scores[KEYS];
    Partial p = {-__int_as_float(INFINITY_BITS), 0.0f, {0.0f, 0.0f, 0.0f, 0.0f}};
#pragma unroll
    for (int i = 0; i < KEYS; i++)
    {
        int at = first + i * GROUPS + group;
        if (first + i * GROUPS > before)
            continue; // all threads do: there are no keys
        if (at == before)
        {
            key[i] = new_key;
            value[i] = new_value;
        }
        float dot = q.x * key[i].x + q.y * key[i].y + (q.z * key[i].z + q.w * key[i].w);
        for (int step = LANES / 2; step > 0; step >>= 1)
            dot += __shfl_xor_sync(0xffffffffu, dot, step);
        scores[i] = dot * scale;
        p.most = at <= before ? larger(p.most, scores[i]) : p.most;
    }
#pragma unroll
    for (int i = 0; i < KEYS; i++)
    {
        if (first + i * GROUPS > before)
            continue;
        float weight = first + i * GROUPS + group <= before ? expf(scores[i] - p.most) : 0.0f;
        p.sum += weight;
        p.out.x += weight * value[i].x;
        p.out.y += weight * value[i].y;
        p.out.z += weight * value[i].z;
        p.out.w += weight * value[i].w;
    }
    p = joined(p, of_lane(p, LANES)); // a warp has two groups
    if ((threadIdx.x & 31) < LANES)
    {
        outs[warp][lane] = p.out;
        if (lane == 0)
        {
            mosts[warp] = p.most;
            sums[warp] = p.sum;
        }
    }
    __syncthreads();
    p = joined_warps(mosts, sums, outs, lane);
    if (active > 1)
    {
        float* parts = partials + (size_t)blockIdx.x * gridDim.y * PARTIAL;
        if (threadIdx.x < LANES)
        {
            float* to = parts + (size_t)blockIdx.y * PARTIAL;
            to[lane * 4] = p.out.x;
            to[lane * 4 + 1] = p.out.y;
            to[lane * 4 + 2] = p.out.z;
            to[lane * 4 + 3] = p.out.w;
            if (lane == 0)
            {
                to[MOST_D] = p.most;
                to[MOST_D + 1] = p.sum;
            }
        }
        if (!is_last(tickets + blockIdx.x, active))
            return; // all threads do
        // Every group takes the blocks that are so many apart; what they have is joined as above.
        p = {-__int_as_float(INFINITY_BITS), 0.0f, {0.0f, 0.0f, 0.0f, 0.0f}};
        for (int block = group; block < active; block += GROUPS)
        {
            const float* part = parts + (size_t)block * PARTIAL;
            p = joined(p, {fresh(part + MOST_D), fresh(part + MOST_D + 1), {fresh(part + lane * 4), fresh(part + lane * 4 + 1), fresh(part + lane * 4 + 2), fresh(part + lane * 4 + 3)}});
        }
        p = joined(p, of_lane(p, LANES));
        if ((threadIdx.x & 31) < LANES)
        {
            outs[warp][lane] = p.out;
            if (lane == 0)
            {
                mosts[warp] = p.most;
                sums[warp] = p.sum;
            }
        }
        __syncthreads();
        p = joined_warps(mosts, sums, outs, lane);
    }
    if (has && threadIdx.x < LANES)
        *(float4*)(y + (size_t)sequence * columns + head * d + lane * 4) = {p.out.x / p.sum, p.out.y / p.sum, p.out.z / p.sum, p.out.w / p.sum};
}
