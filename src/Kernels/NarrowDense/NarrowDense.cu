#include "Unary.cuh"
#include "FewRows.cuh"
// Dense layers with weights of 16 or 8 bits, for few rows: what is read is the weights. Each output's weights lie one after the other; FewRows.cuh multiplies where
// 16 bytes of them can be read at a time. Elsewhere a warp owns an output, its lanes walk along the inputs side by side, and each row has a sum of its own whose
// order the inputs alone decide.

#define WARPS 8 // outputs of a block
#define FEW 4  // rows of a block (blockIdx.y)
#define BLOCK 128 // inputs that share a factor, as NarrowDenseGeometry.cs has it

__device__ inline unsigned int half_of(float value)
{
    bf16 half;
    put(&half, value);
    return half.bits;
}

// What a row and output become: y = sum + b + residual.
__device__ inline void write(float sum, const float* b, const float* residual, float* y, int row, int output, int outputs)
{
    for (int step = 16; step > 0; step >>= 1)
        sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if ((threadIdx.x & 31) > 0)
        return;
    size_t at = (size_t)row * outputs + output;
    y[at] = sum + (b ? b[output] : 0.0f) + (residual ? residual[at] : 0.0f);
}

// Two inputs of an output a number: packed [outputs, (inputs + 1) / 2], 0 behind the last.
extern "C" __global__ void pack_halves(const float* w, unsigned int* packed, long long count, int inputs, long long input_stride, long long output_stride)
{
    int pairs = (inputs + 1) / 2;
    OVER_ELEMENTS(i, count)
    {
        int k = (int)(i % pairs) * 2;
        const float* from = w + i / pairs * output_stride + k * input_stride;
        packed[i] = half_of(*from) | (k + 1 < inputs ? half_of(from[input_stride]) << 16 : 0);
    }
}

extern "C" __global__ void dense_halves(
    const float* x, const unsigned int* packed, const float* b, const float* residual, float* y, int rows, int inputs, int outputs)
{
    int output = blockIdx.x * WARPS + threadIdx.x / 32, first = blockIdx.y * FEW, count = min(FEW, rows - first), pairs = (inputs + 1) / 2;
    if (output >= outputs)
        return; // the whole warp does
    float sums[FEW] = {};
    for (int k = threadIdx.x & 31; k < pairs; k += 32)
    {
        unsigned int two = packed[(size_t)output * pairs + k];
        float low = __uint_as_float(two << 16), high = __uint_as_float(two & 0xffff0000u);
        bool whole = 2 * k + 1 < inputs;
        for (int r = 0; r < FEW; r++)
        {
            const float* from = x + (size_t)(first + r) * inputs + 2 * k;
            if (r < count)
                sums[r] += from[0] * low + (whole ? from[1] * high : 0.0f);
        }
    }
    for (int r = 0; r < FEW; r++)
    {
        if (r < count)
            write(sums[r], b, residual, y, first + r, output, outputs);
    }
}

// Four numbers from -127 to 127 in their bytes, and the largest magnitude of the 128 that a warp has, four a lane.
__device__ inline int quantized(const float* four, float& largest)
{
    largest = 0.0f;
    for (int i = 0; i < 4; i++)
        largest = larger(fabsf(four[i]), largest);
    for (int step = 16; step > 0; step >>= 1)
        largest = larger(largest, __shfl_xor_sync(0xffffffffu, largest, step));
    float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
    int bytes = 0;
    for (int i = 0; i < 4; i++)
        bytes |= (__float2int_rn(four[i] * inverse) & 0xff) << 8 * i;
    return bytes;
}

// A warp rounds a block of 128 inputs of an output: packed is the factors [outputs, blocks], then four inputs a number [outputs, blocks, 32], 0 behind the last.
extern "C" __global__ void pack_bytes(const float* w, float* factors, int* packed, long long count, int inputs, long long input_stride, long long output_stride, int blocks)
{
    int lane = threadIdx.x & 31;
    for (long long i = blockIdx.x * (long long)WARPS + threadIdx.x / 32; i < count; i += (long long)gridDim.x * WARPS)
    {
        int block = (int)(i % blocks);
        float four[4], largest;
        for (int j = 0; j < 4; j++)
        {
            int k = block * BLOCK + lane * 4 + j;
            four[j] = k < inputs ? w[i / blocks * output_stride + k * input_stride] : 0.0f;
        }
        packed[i * 32 + lane] = quantized(four, largest);
        if (lane == 0)
            factors[i] = largest / 127.0f;
    }
}

// Warps 0 to FEW - 1 round the inputs of a row each, block by block; then each warp multiplies for its output. Sums of products of bytes are whole numbers.
extern "C" __global__ void dense_bytes(
    const float* x, const float* factors, const int* packed, const float* b, const float* residual, float* y, int rows, int inputs, int outputs, int blocks)
{
    __shared__ int bytes[FEW][32];
    __shared__ float scales[FEW];
    int warp = threadIdx.x / 32, lane = threadIdx.x & 31, output = blockIdx.x * WARPS + warp, first = blockIdx.y * FEW, count = min(FEW, rows - first);
    float sums[FEW] = {};
    for (int block = 0; block < blocks; block++)
    {
        if (warp < count)
        {
            float four[4], largest;
            for (int j = 0; j < 4; j++)
            {
                int k = block * BLOCK + lane * 4 + j;
                four[j] = k < inputs ? x[(size_t)(first + warp) * inputs + k] : 0.0f;
            }
            bytes[warp][lane] = quantized(four, largest);
            if (lane == 0)
                scales[warp] = largest / 127.0f;
        }
        __syncthreads();
        if (output < outputs)
        {
            size_t at = (size_t)output * blocks + block;
            int weights = packed[at * 32 + lane];
            float factor = factors[at];
            for (int r = 0; r < FEW; r++)
            {
                if (r < count)
                    sums[r] += __dp4a(bytes[r][lane], weights, 0) * (factor * scales[r]);
            }
        }
        __syncthreads();
    }
    for (int r = 0; r < FEW; r++)
    {
        if (output < outputs && r < count)
            write(sums[r], b, residual, y, first + r, output, outputs);
    }
}

// Weights of 16 bits, 8 a load.
struct HalfWeights
{
    static const int LANE = 8, LOADS = PIECE / 32 / LANE;

    const unsigned int* packed;

    template <int OUTPUTS>
    struct Piece
    {
        uint4 w[OUTPUTS][LOADS];
    };

    template <int OUTPUTS>
    __device__ __forceinline__ void load(Piece<OUTPUTS>& piece, int output, int start, int inputs, int outputs) const
    {
        int k = start + (threadIdx.x & 31) * LANE;
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++)
        {
            const unsigned int* from = packed + ((size_t)(output + o) * inputs + k) / 2;
#pragma unroll
            for (int j = 0; j < LOADS; j++)
                piece.w[o][j] = streamed((const uint4*)(from + j * 16 * LANE), output + o < outputs && k + j * 32 * LANE < inputs);
        }
    }

    // Four inputs of a row on their way to shared memory, 0 behind the last; whole warps call it.
    __device__ __forceinline__ void keep(const SharedRows& rows, int row, int quad, float4 v) const
    {
        if (quad < rows.inputs / 4)
            ((float4*)rows.x)[row * (rows.inputs / 4) + quad] = v;
    }

    __device__ __forceinline__ bool is_whole(const SharedRows& rows, int start) const { return start + PIECE <= rows.inputs; }

    template <bool WHOLE, int OUTPUTS, int ROWS>
    __device__ __forceinline__ void add(float (&sums)[OUTPUTS][ROWS], const Piece<OUTPUTS>& piece, const SharedRows& rows, int start) const
    {
        int k = start + (threadIdx.x & 31) * LANE;
#pragma unroll
        for (int j = 0; j < LOADS; j++)
        {
            if (!WHOLE && k + j * 32 * LANE >= rows.inputs)
                continue;
#pragma unroll
            for (int r = 0; r < ROWS; r++)
            {
                if (!rows.has<ROWS>(r))
                    continue;
                const float4* from = (const float4*)(rows.x + r * rows.inputs + k + j * 32 * LANE);
                float4 low = from[0], high = from[1];
#pragma unroll
                for (int o = 0; o < OUTPUTS; o++)
                    sums[o][r] = dot_of(high, pair(piece.w[o][j].z, piece.w[o][j].w), dot_of(low, pair(piece.w[o][j].x, piece.w[o][j].y), sums[o][r]));
            }
        }
    }

    __device__ __forceinline__ static float4 pair(unsigned int a, unsigned int b)
    {
        return {__uint_as_float(a << 16), __uint_as_float(a & 0xffff0000u), __uint_as_float(b << 16), __uint_as_float(b & 0xffff0000u)};
    }
};

// Weights of 8 bits, 8 a load, with a factor for 128; the rows' numbers are rounded likewise, in shared memory behind those that they were.
struct ByteWeights
{
    static const int LANE = 8, LOADS = PIECE / 32 / LANE;

    const float* factors;
    const int* packed;
    int blocks;

    template <int OUTPUTS>
    struct Piece
    {
        uint2 w[OUTPUTS][LOADS];
        float factors[OUTPUTS][LOADS];
    };

    template <int OUTPUTS>
    __device__ __forceinline__ void load(Piece<OUTPUTS>& piece, int output, int start, int inputs, int outputs) const
    {
        int k = start + (threadIdx.x & 31) * LANE;
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++)
        {
#pragma unroll
            for (int j = 0; j < LOADS; j++)
            {
                bool has = output + o < outputs && k + j * 32 * LANE < blocks * BLOCK;
                size_t at = (size_t)(output + o) * blocks + (k + j * 32 * LANE) / BLOCK;
                piece.w[o][j] = streamed((const uint2*)(packed + at * (BLOCK / 4) + k % BLOCK / 4), has);
                piece.factors[o][j] = has ? __ldg(factors + at) : 0.0f;
            }
        }
    }

    __device__ __forceinline__ int* bytes(const SharedRows& rows) const { return (int*)(rows.x + rows.group * rows.inputs); }

    __device__ __forceinline__ float* scales(const SharedRows& rows) const { return (float*)(bytes(rows) + rows.group * blocks * (BLOCK / 4)); }

    // Four inputs of a row, 0 behind the last, rounded on their way to shared memory; a warp that calls it has a block of them.
    __device__ __forceinline__ void keep(const SharedRows& rows, int row, int quad, float4 v) const
    {
        if (quad / 32 >= blocks)
            return; // the whole warp does
        float four[4] = {v.x, v.y, v.z, v.w}, largest;
        int i = row * blocks + quad / 32;
        bytes(rows)[i * (BLOCK / 4) + quad % 32] = quantized(four, largest);
        if (quad % 32 == 0)
            scales(rows)[i] = largest / 127.0f;
    }

    __device__ __forceinline__ bool is_whole(const SharedRows& rows, int start) const { return start + PIECE <= blocks * BLOCK; }

    template <bool WHOLE, int OUTPUTS, int ROWS>
    __device__ __forceinline__ void add(float (&sums)[OUTPUTS][ROWS], const Piece<OUTPUTS>& piece, const SharedRows& rows, int start) const
    {
        int k = start + (threadIdx.x & 31) * LANE;
#pragma unroll
        for (int j = 0; j < LOADS; j++)
        {
            if (!WHOLE && k + j * 32 * LANE >= blocks * BLOCK)
                continue;
#pragma unroll
            for (int r = 0; r < ROWS; r++)
            {
                if (!rows.has<ROWS>(r))
                    continue;
                uint2 x = *(const uint2*)(bytes(rows) + (r * blocks * BLOCK + k + j * 32 * LANE) / 4);
                float scale = scales(rows)[r * blocks + (k + j * 32 * LANE) / BLOCK];
#pragma unroll
                for (int o = 0; o < OUTPUTS; o++)
                    sums[o][r] = fmaf((float)__dp4a((int)x.x, (int)piece.w[o][j].x, __dp4a((int)x.y, (int)piece.w[o][j].y, 0)), piece.factors[o][j] * scale, sums[o][r]);
            }
        }
    }
};

#define HALF_ROWS(name, blocks, OUTPUTS, ROWS, NORM)                                                                   \
    extern "C" __global__ void __launch_bounds__(FEW_THREADS, blocks) name(const unsigned int* packed, FEW_ROWS_PARAMETERS) \
    {                                                                                                                  \
        FEW_ROWS(OUTPUTS, ROWS, NORM, HalfWeights{packed});                                                            \
    }
#define BYTE_ROWS(name, blocks, OUTPUTS, ROWS, NORM)                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(FEW_THREADS, blocks) name(const float* factors, const int* packed, int input_blocks, FEW_ROWS_PARAMETERS) \
    {                                                                                                                                                                   \
        FEW_ROWS(OUTPUTS, ROWS, NORM, ByteWeights{factors, packed, input_blocks});                                                                                     \
    }
// Many outputs: 4 a warp, so that as many bytes are in flight as with float32.
#define NARROW_ROWS(KERNEL, word)               \
    KERNEL(word##_row, 4, 2, 1, false)          \
    KERNEL(word##_row_normed, 4, 2, 1, true)    \
    KERNEL(word##_rows, 2, 2, 4, false)         \
    KERNEL(word##_rows_normed, 2, 2, 4, true)   \
    KERNEL(word##_row_many, 3, 4, 1, false)     \
    KERNEL(word##_row_many_normed, 3, 4, 1, true)
NARROW_ROWS(HALF_ROWS, half)
NARROW_ROWS(BYTE_ROWS, byte)
