// Four neighbouring numbers in registers: one access of 16 bytes, or of 8 where numbers have 16 bits, if the address allows it. Who owns which four is decided by
// sizes alone, so that the order of a sum does not depend on addresses.

struct Four
{
    float v[4];
};

template <class T>
__device__ __forceinline__ bool lies_by_fours(const T* numbers) { return ((size_t)numbers & (4 * sizeof(T) - 1)) == 0; }

__device__ __forceinline__ Four read_four(const float* from)
{
    float4 q = *(const float4*)from;
    return {{q.x, q.y, q.z, q.w}};
}

template <class T>
__device__ __forceinline__ Four read_four(const T* from)
{
    ushort4 q = *(const ushort4*)from;
    return {{widened(T{q.x}), widened(T{q.y}), widened(T{q.z}), widened(T{q.w})}};
}

__device__ __forceinline__ void write_four(float* to, const Four& four)
{
    float4 q = {four.v[0], four.v[1], four.v[2], four.v[3]};
    *(float4*)to = q;
}

template <class T>
__device__ __forceinline__ void write_four(T* to, const Four& four)
{
    T t[4];
#pragma unroll
    for (int k = 0; k < 4; k++)
        put(t + k, four.v[k]);
    ushort4 q = {t[0].bits, t[1].bits, t[2].bits, t[3].bits};
    *(ushort4*)to = q;
}

// Numbers index to index + 4 of count; behind the end the filler. FOURS: the addresses lie by fours, and count is a multiple of four.
template <bool FOURS, class T, class I>
__device__ __forceinline__ Four load_four(const T* from, I index, I count, float filler = 0.0f)
{
    Four four = {{filler, filler, filler, filler}};
    if (FOURS)
    {
        if (index < count)
            four = read_four(from + index);
    }
    else
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
        {
            if (index + k < count)
                four.v[k] = widened(from[index + k]);
        }
    }
    return four;
}

// to = beta to + four, as store does.
template <bool FOURS, class T, class I>
__device__ __forceinline__ void store_four(T* to, I index, I count, Four four, float beta = 0.0f)
{
    if (FOURS)
    {
        if (index >= count)
            return;
        if (beta != 0.0f)
        {
            Four old = read_four(to + index);
#pragma unroll
            for (int k = 0; k < 4; k++)
                four.v[k] = beta * old.v[k] + four.v[k];
        }
        write_four(to + index, four);
    }
    else
    {
#pragma unroll
        for (int k = 0; k < 4; k++)
        {
            if (index + k < count)
                store(to + index + k, four.v[k], beta);
        }
    }
}

// Joins the numbers of the threads that share a row: a warp by shuffles alone, or a block.
template <class Rule, bool WARP>
__device__ __forceinline__ float row_join(float value)
{
    if (!WARP)
        return block_join<Rule>(value);
#pragma unroll
    for (int step = 16; step > 0; step >>= 1)
        value = Rule::join(value, __shfl_xor_sync(0xffffffffu, value, step));
    return value;
}

// A kernel over rows in the forms that CudaRowKernel.cs chooses from: BODY<EACH, WARP>(row, ...) keeps a row in the registers of a warp (EACH fours a thread) or of
// a block; four warps of a block have a row each.
#define WARP_ROWS 4
#define WARP_ROW (blockIdx.x * (long long)WARP_ROWS + (threadIdx.x >> 5))
