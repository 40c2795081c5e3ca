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

// The sums of all lanes, in each; the steps of several run side by side.
template <int N>
__device__ __forceinline__ void warp_sums(float (&values)[N])
{
#pragma unroll
    for (int step = 16; step > 0; step >>= 1)
    {
#pragma unroll
        for (int i = 0; i < N; i++)
            values[i] += __shfl_xor_sync(0xffffffffu, values[i], step);
    }
}

__device__ inline float square_distance(float4 v, float mean, float sum)
{
    float x = v.x - mean, y = v.y - mean, z = v.z - mean, w = v.w - mean;
    return fmaf(w, w, fmaf(z, z, fmaf(y, y, fmaf(x, x, sum))));
}

__device__ inline float4 normalised(float4 v, float mean, float rstd, float4 scale, float4 shift)
{
    return {fmaf((v.x - mean) * rstd, scale.x, shift.x), fmaf((v.y - mean) * rstd, scale.y, shift.y), fmaf((v.z - mean) * rstd, scale.z, shift.z), fmaf((v.w - mean) * rstd, scale.w, shift.w)};
}

__device__ inline float dot_of(float4 a, float4 b, float sum) { return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum)))); }

// What a block has of the rows.
struct SharedRows
{
    float *x, *parts;      // [group][inputs]; sums of the warps
    float *scale, *shift;  // of the norm
    int inputs, count, group; // rows there are, and room

    // A kernel for one row asks nothing.
    template <int ROWS>
    __device__ __forceinline__ bool has(int row) const { return ROWS == 1 || row < count; }
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
                float4 x = *(const float4*)(rows.x + r * rows.inputs + k + j * 32 * LANE);
#pragma unroll
                for (int o = 0; o < OUTPUTS; o++)
                    sums[o][r] = dot_of(x, piece.w[o][j], sums[o][r]);
            }
        }
    }
};

// Of all numbers, from those of each warp: mean, squares of the distances from it, count.
__device__ __forceinline__ void join_moments(const float4* parts, float of_all, float& mean, float& squares)
{
    mean = squares = 0.0f;
#pragma unroll
    for (int w = 0; w < FEW_WARPS; w++)
        mean = fmaf(parts[w].x, parts[w].z, mean);
    mean = fmaf(mean, of_all, 0.0f); // a product that no compiler joins with what comes next
#pragma unroll
    for (int w = 0; w < FEW_WARPS; w++)
    {
        float d = parts[w].x - mean;
        squares += fmaf(d * d, parts[w].z, parts[w].y);
    }
}

// Rows first to first + count, as they are, by all threads of the block.
template <int ROWS, class Weights>
__device__ __forceinline__ void bring_rows(const Weights& weights, const float* x, const SharedRows& rows, int first)
{
    const int LOADS = 4 / ROWS;
    int quads = rows.inputs / 4;
    const float4* from = (const float4*)(x + (size_t)first * rows.inputs);
    for (int start = threadIdx.x; (start & ~31) < quads; start += LOADS * FEW_THREADS) // whole warps
    {
        float4 v[LOADS][ROWS];
#pragma unroll
        for (int j = 0; j < LOADS; j++)
        {
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                v[j][r] = fresh(from + r * quads + start + j * FEW_THREADS, rows.has<ROWS>(r) && start + j * FEW_THREADS < quads);
        }
#pragma unroll
        for (int j = 0; j < LOADS; j++)
        {
#pragma unroll
            for (int r = 0; r < ROWS; r++)
            {
                if (rows.has<ROWS>(r))
                    weights.keep(rows, r, start + j * FEW_THREADS, v[j][r]);
            }
        }
    }
}

// What a thread knows of a norm before the rows are there: how many numbers its warp has, and what sums are multiplied by for the means.
struct OwnNorm
{
    float share, of_share, of_all;
};

// The same, normalised. A thread has its first four inputs in registers; more than 1024 of a row, scale and shift go by way of shared memory, where none but their own thread looks. Each
// warp finds mean and squares of what it has, and after the one barrier every thread joins those of all.
template <int ROWS, class Weights>
__device__ __forceinline__ void bring_normed(const Weights& weights, const float* x, const SharedRows& rows, int first, float epsilon, const OwnNorm& own)
{
    __shared__ float4 parts[ROWS][FEW_WARPS];
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, quads = rows.inputs / 4;
    const float4* from = (const float4*)(x + (size_t)first * rows.inputs);
    float4 v[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++)
        v[r] = fresh(from + r * quads + threadIdx.x, rows.has<ROWS>(r) && threadIdx.x < quads);
    float sums[ROWS], squares[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++)
    {
        sums[r] = v[r].x + v[r].y + (v[r].z + v[r].w);
        for (int i = threadIdx.x + FEW_THREADS; i < quads && rows.has<ROWS>(r); i += FEW_THREADS)
        {
            float4 more = fresh(from + r * quads + i, true);
            ((float4*)rows.x)[r * quads + i] = more;
            sums[r] += more.x + more.y + (more.z + more.w);
        }
    }
    warp_sums(sums);
#pragma unroll
    for (int r = 0; r < ROWS; r++)
    {
        sums[r] = fmaf(sums[r], own.of_share, 0.0f);
        squares[r] = threadIdx.x < quads ? square_distance(v[r], sums[r], 0.0f) : 0.0f;
        for (int i = threadIdx.x + FEW_THREADS; i < quads && rows.has<ROWS>(r); i += FEW_THREADS)
            squares[r] = square_distance(((const float4*)rows.x)[r * quads + i], sums[r], squares[r]);
    }
    warp_sums(squares);
#pragma unroll
    for (int r = 0; r < ROWS; r++)
    {
        if (lane == 0)
            parts[r][warp] = {sums[r], squares[r], own.share, 0.0f};
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < ROWS; r++)
    {
        if (!rows.has<ROWS>(r))
            continue;
        float mean, square;
        join_moments(parts[r], own.of_all, mean, square);
        float rstd = rsqrtf(fmaf(square, own.of_all, epsilon));
        for (int i = threadIdx.x; (i & ~31) < quads; i += FEW_THREADS)
        {
            float4 four = {0.0f, 0.0f, 0.0f, 0.0f};
            if (i < quads)
                four = normalised(i < FEW_THREADS ? v[r] : ((const float4*)rows.x)[r * quads + i], mean, rstd, ((const float4*)rows.scale)[i], ((const float4*)rows.shift)[i]);
            weights.keep(rows, r, i, four);
        }
    }
}

struct Addend
{
    float b, residual;

    __device__ __forceinline__ float sum() const { return b + residual; }
};

// What follows a product.
struct Epilogue
{
    const float *b, *residual; // may be null
    float* y;
    int outputs, formula;

    // What is added to the sum of this lane's output and row. The two are added late: nothing waits for them before.
    __device__ __forceinline__ Addend addend(int row, int output, bool has) const
    {
        return {fresh(b + output, has && b), fresh(residual + (size_t)row * outputs + output, has && residual)};
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
    release_next(); // the kernel behind asks for its weights while this one waits
    OwnNorm own_norm = {};
    if (NORM)
    {
        for (int i = warp * 32; i < inputs / 4; i += FEW_THREADS)
            own_norm.share += min(32, inputs / 4 - i) * 4;
        own_norm.of_share = own_norm.share > 0.0f ? 1.0f / own_norm.share : 0.0f;
        own_norm.of_all = 1.0f / inputs;
        for (int i = threadIdx.x; i < inputs / 4; i += FEW_THREADS)
        {
            float4 scales = streamed((const float4*)scale + i, true), shifts = streamed((const float4*)shift + i, true);
            ((float4*)shared.scale)[i] = scales;
            ((float4*)shared.shift)[i] = shifts;
        }
    }
    await_previous();
    int row = lane / OUTPUTS, column = lane % OUTPUTS; // of the value that this lane writes
    for (int first = 0; first < rows; first += group)
    {
        shared.count = min(group, rows - first);
        bool writes = part == 0 && lane < VALUES && row < shared.count;
        float sums[OUTPUTS][ROWS] = {};
        Addend addend = end.addend(first + row, tile * tile_outputs + own + column, writes && tile * tile_outputs + own + column < end.outputs);
        if (first > 0)
            __syncthreads(); // nobody needs the rows before
        if (NORM)
            bring_normed<ROWS>(weights, x, shared, first, epsilon, own_norm);
        else
            bring_rows<ROWS>(weights, x, shared, first);
        __syncthreads();
        for (bool ends = false; !ends;)
        {
            int start = (piece * parts + part) * PIECE;
            if (weights.is_whole(shared, start)) // no lane looks where it ends: what it reads of the rows is in flight at once
                weights.template add<true>(sums, held, shared, start);
            else
                weights.template add<false>(sums, held, shared, start);
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
                float value = 0.0f, all[VALUES];
#pragma unroll
                for (int i = 0; i < VALUES; i++)
                {
                    all[i] = sums[i % OUTPUTS][i / OUTPUTS];
                    sums[i % OUTPUTS][i / OUTPUTS] = 0.0f;
                }
                warp_sums(all);
#pragma unroll
                for (int i = 0; i < VALUES; i++)
                    value = lane == i ? all[i] : value;
                if (parts > 1)
                {
                    if (lane < VALUES)
                        shared.parts[warp * VALUES + lane] = value;
                    __syncthreads();
                    for (int p = 1; writes && p < parts; p++)
                        value += shared.parts[(warp + p) * VALUES + lane];
                    if (!ends)
                        __syncthreads(); // the next tile writes them anew
                }
                if (writes && output < end.outputs)
                    end.y[(size_t)(first + row) * end.outputs + output] = activated(end.formula, value + addend.sum());
                int next_output = next_tile * tile_outputs + own + column;
                addend = end.addend(first + row, next_output, !ends && writes && next_output < end.outputs);
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
