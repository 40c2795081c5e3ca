// Dense layers with weights of 16 or 8 bits, for few rows: what is read is the weights, once for every 4 rows. Each output's weights lie one after the other; a
// warp owns an output, its lanes walk along the inputs side by side, and each row has a sum of its own whose order the inputs alone decide.

#define WARPS 8 // outputs of a block
#define ROWS 4  // rows of a block (blockIdx.y)
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
    int output = blockIdx.x * WARPS + threadIdx.x / 32, first = blockIdx.y * ROWS, count = min(ROWS, rows - first), pairs = (inputs + 1) / 2;
    if (output >= outputs)
        return; // the whole warp does
    float sums[ROWS] = {};
    for (int k = threadIdx.x & 31; k < pairs; k += 32)
    {
        unsigned int two = packed[(size_t)output * pairs + k];
        float low = __uint_as_float(two << 16), high = __uint_as_float(two & 0xffff0000u);
        bool whole = 2 * k + 1 < inputs;
        for (int r = 0; r < ROWS; r++)
        {
            const float* from = x + (size_t)(first + r) * inputs + 2 * k;
            if (r < count)
                sums[r] += from[0] * low + (whole ? from[1] * high : 0.0f);
        }
    }
    for (int r = 0; r < ROWS; r++)
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

// Warps 0 to ROWS - 1 round the inputs of a row each, block by block; then each warp multiplies for its output. Sums of products of bytes are whole numbers.
extern "C" __global__ void dense_bytes(
    const float* x, const float* factors, const int* packed, const float* b, const float* residual, float* y, int rows, int inputs, int outputs, int blocks)
{
    __shared__ int bytes[ROWS][32];
    __shared__ float scales[ROWS];
    int warp = threadIdx.x / 32, lane = threadIdx.x & 31, output = blockIdx.x * WARPS + warp, first = blockIdx.y * ROWS, count = min(ROWS, rows - first);
    float sums[ROWS] = {};
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
            for (int r = 0; r < ROWS; r++)
            {
                if (r < count)
                    sums[r] += __dp4a(bytes[r][lane], weights, 0) * (factor * scales[r]);
            }
        }
        __syncthreads();
    }
    for (int r = 0; r < ROWS; r++)
    {
        if (output < outputs && r < count)
            write(sums[r], b, residual, y, first + r, output, outputs);
    }
}
