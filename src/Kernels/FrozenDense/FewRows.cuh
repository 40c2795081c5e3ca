// Dense layers of one to some rows, as in decoding: y = activation(x w + b + residual), x normalised before where that is asked for. Bound by reading the weights, [outputs,
// inputs] in memory: a warp owns some outputs, or shares them with others that have other stretches of the inputs, and has the weights of 768 inputs in flight
// before it needs the first: 6 KB a warp in float32, more than 100 KB a multiprocessor. The first ones are asked for before the kernel waits for the one that makes x. x, and
// its norm, which every block makes anew, lie in shared memory. Each row has sums of its own whose order the inputs alone decide.

#define FEW_WARPS 8
#define FEW_THREADS (FEW_WARPS * 32)
#define PIECE 768 // inputs of a piece, for which a lane holds its weights in registers
#define NO_FORMULA (-1)

__device__ inline float activated(int formula, float x)
{
    switch (formula)
    {
        case ReLU: return larger(x, 0.0f);
        case Gelu: return x * normcdff(x);
        case GeluTanh: return 0.5f * x * (1.0f + tanhf(GELU_ROOT * (x + 0.044715f * x * x * x)));
        default: return x;
    }
}

// The sum of all lanes, in each.
__device__ inline float warp_sum(float value)
{
    for (int step = 16; step > 0; step >>= 1)
        value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

__device__ inline float dot_of(float4 a, float4 b, float sum) { return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum)))); }

// What a block has of the rows.
struct SharedRows
{
    float *x, *parts;      // [group][inputs]; sums of the warps
    float *scale, *shift;  // of the norm
    int inputs, count, group; // rows there are, and room
};

// Weights of float32.
struct FloatWeights
{
    static const int LANE = 4, LOADS = PIECE / 32 / LANE;

    const float* w;

    template <int OUTPUTS>
    struct Piece
    {
        float4 w[OUTPUTS][LOADS];
    };

    template <int OUTPUTS>
    __device__ __forceinline__ void load(Piece<OUTPUTS>& piece, int output, int start, int inputs, int outputs) const
    {
        int k = start + (threadIdx.x & 31) * LANE;
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++)
        {
            const float* from = w + (size_t)(output + o) * inputs + k;
#pragma unroll
            for (int j = 0; j < LOADS; j++)
                piece.w[o][j] = streamed((const float4*)(from + j * 32 * LANE), output + o < outputs && k + j * 32 * LANE < inputs);
        }
    }

    __device__ __forceinline__ void prepare(const SharedRows&) const {}

    template <int OUTPUTS, int ROWS>
    __device__ __forceinline__ void add(float (&sums)[OUTPUTS][ROWS], const Piece<OUTPUTS>& piece, const SharedRows& rows, int start) const
    {
        int k = start + (threadIdx.x & 31) * LANE;
#pragma unroll
        for (int j = 0; j < LOADS; j++)
        {
            if (k + j * 32 * LANE >= rows.inputs)
                continue;
#pragma unroll
            for (int r = 0; r < ROWS; r++)
            {
                if (r >= rows.count)
                    continue;
                float4 x = *(const float4*)(rows.x + r * rows.inputs + k + j * 32 * LANE);
#pragma unroll
                for (int o = 0; o < OUTPUTS; o++)
                    sums[o][r] = dot_of(x, piece.w[o][j], sums[o][r]);
            }
        }
    }
};

// Rows first to first + count, as they are or normalised, by all threads of the block. A warp normalises a row: mean, then deviation.
template <bool NORM>
__device__ __forceinline__ void bring_rows(const float* x, const SharedRows& rows, int first, float epsilon)
{
    const int LOADS = PIECE / 128;
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, inputs = rows.inputs;
    if (!NORM)
    {
        const float4* from = (const float4*)(x + (size_t)first * inputs);
        int count = rows.count * inputs / 4;
        for (int i = threadIdx.x; i < count; i += 4 * FEW_THREADS)
        {
            float4 v[4];
#pragma unroll
            for (int j = 0; j < 4; j++)
                v[j] = fresh(from + i + j * FEW_THREADS, i + j * FEW_THREADS < count);
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                if (i + j * FEW_THREADS < count)
                    ((float4*)rows.x)[i + j * FEW_THREADS] = v[j];
            }
        }
        return;
    }
    for (int r = warp; r < rows.count; r += FEW_WARPS)
    {
        const float* from = x + (size_t)(first + r) * inputs;
        float* to = rows.x + r * inputs;
        float sum = 0.0f, squares = 0.0f;
        for (int start = lane * 4; start < inputs; start += PIECE)
        {
            float4 v[LOADS];
#pragma unroll
            for (int j = 0; j < LOADS; j++)
                v[j] = fresh((const float4*)(from + start + j * 128), start + j * 128 < inputs);
#pragma unroll
            for (int j = 0; j < LOADS; j++)
            {
                sum += v[j].x + v[j].y + (v[j].z + v[j].w);
                if (start + j * 128 < inputs)
                    *(float4*)(to + start + j * 128) = v[j];
            }
        }
        float mean = warp_sum(sum) / inputs;
        for (int k = lane * 4; k < inputs; k += 128)
        {
            float4 v = *(const float4*)(to + k); // that this lane wrote
            v.x -= mean;
            v.y -= mean;
            v.z -= mean;
            v.w -= mean;
            squares += v.x * v.x + v.y * v.y + (v.z * v.z + v.w * v.w);
        }
        float rstd = 1.0f / sqrtf(warp_sum(squares) / inputs + epsilon);
        for (int k = lane * 4; k < inputs; k += 128)
        {
            float4 v = *(const float4*)(to + k), scale = *(const float4*)(rows.scale + k), shift = *(const float4*)(rows.shift + k);
            v.x = (v.x - mean) * rstd * scale.x + shift.x;
            v.y = (v.y - mean) * rstd * scale.y + shift.y;
            v.z = (v.z - mean) * rstd * scale.z + shift.z;
            v.w = (v.w - mean) * rstd * scale.w + shift.w;
            *(float4*)(to + k) = v;
        }
    }
}

// What follows a product.
struct Epilogue
{
    const float *b, *residual; // may be null
    float* y;
    int outputs, formula;

    // What is added to the sum of this lane's output and row.
    __device__ __forceinline__ float addend(int row, int output, bool has) const
    {
        return has ? (b ? b[output] : 0.0f) + (residual ? fresh(residual + (size_t)row * outputs + output) : 0.0f) : 0.0f;
    }
};

// A block goes through tiles of outputs in strides of the grid, all of them for some rows, then for the next. parts warps share an output.
template <int OUTPUTS, int ROWS, bool NORM, class Weights>
__device__ __forceinline__ void few_rows(const Weights& weights, const float* x, const float* scale, const float* shift, float epsilon, const Epilogue& end, int rows, int inputs,
    int parts, int group)
{
    extern __shared__ float4 few_rows_shared[];
    const int VALUES = OUTPUTS * ROWS;
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, part = warp % parts, sets = FEW_WARPS / parts, tile_outputs = sets * OUTPUTS, own = warp / parts * OUTPUTS;
    int tiles = (end.outputs + tile_outputs - 1) / tile_outputs, pieces = (inputs + parts * PIECE - 1) / (parts * PIECE), tile = blockIdx.x, piece = 0;
    SharedRows shared;
    shared.parts = (float*)few_rows_shared; // FEW_WARPS * VALUES
    shared.scale = shared.parts + FEW_WARPS * VALUES;
    shared.shift = shared.scale + (NORM ? inputs : 0);
    shared.x = shared.shift + (NORM ? inputs : 0);
    shared.inputs = inputs;
    shared.group = group;
    typename Weights::template Piece<OUTPUTS> held;
    weights.load(held, tile * tile_outputs + own, part * PIECE, inputs, end.outputs);
    if (NORM)
    {
        for (int i = threadIdx.x; i < inputs; i += FEW_THREADS)
        {
            shared.scale[i] = scale[i];
            shared.shift[i] = shift[i];
        }
    }
    await_previous();
    release_next();
    int row = lane / OUTPUTS, column = lane % OUTPUTS; // of the value that this lane writes
    for (int first = 0; first < rows; first += group)
    {
        shared.count = min(group, rows - first);
        bool writes = part == 0 && lane < VALUES && row < shared.count;
        float sums[OUTPUTS][ROWS] = {}, addend = end.addend(first + row, tile * tile_outputs + own + column, writes && tile * tile_outputs + own + column < end.outputs);
        __syncthreads(); // scale and shift are there, and nobody needs the rows before
        bring_rows<NORM>(x, shared, first, epsilon);
        __syncthreads();
        weights.prepare(shared);
        for (bool ends = false; !ends;)
        {
            weights.add(sums, held, shared, (piece * parts + part) * PIECE);
            int output = tile * tile_outputs + own + column, next = piece + 1, next_tile = tile;
            if (next == pieces)
            {
                next = 0;
                next_tile += gridDim.x;
                ends = next_tile >= tiles;
                next_tile = ends ? blockIdx.x : next_tile;
            }
            if ((next != piece || next_tile != tile) && !(ends && first + group >= rows))
                weights.load(held, next_tile * tile_outputs + own, (next * parts + part) * PIECE, inputs, end.outputs);
            if (next == 0)
            {
                float value = 0.0f;
#pragma unroll
                for (int i = 0; i < VALUES; i++)
                {
                    float sum = warp_sum(sums[i % OUTPUTS][i / OUTPUTS]);
                    value = lane == i ? sum : value;
                    sums[i % OUTPUTS][i / OUTPUTS] = 0.0f;
                }
                if (parts > 1)
                {
                    if (lane < VALUES)
                        shared.parts[warp * VALUES + lane] = value;
                    __syncthreads();
                    for (int p = 1; writes && p < parts; p++)
                        value += shared.parts[(warp + p) * VALUES + lane];
                    __syncthreads(); // the next tile writes them anew
                }
                if (writes && output < end.outputs)
                    end.y[(size_t)(first + row) * end.outputs + output] = activated(end.formula, value + addend);
                int next_output = next_tile * tile_outputs + own + column;
                addend = ends ? 0.0f : end.addend(first + row, next_output, writes && next_output < end.outputs);
            }
            piece = next;
            tile = next_tile;
        }
    }
}

// What kernels have in common behind their weights.
#define FEW_ROWS_PARAMETERS                                                                                                                                    \
    const float *x, const float *scale, const float *shift, float epsilon, const float *b, const float *residual, float *y, int rows, int inputs, int outputs, \
        int formula, int parts, int group

#define FEW_ROWS(OUTPUTS, ROWS, NORM, ...) \
    few_rows<OUTPUTS, ROWS, NORM>(__VA_ARGS__, x, scale, shift, epsilon, Epilogue{b, residual, y, outputs, formula}, rows, inputs, parts, group)
