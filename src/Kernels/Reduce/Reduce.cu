#include "Four.cuh"
#include "Columns.cuh"

// Reductions over axes, summed in double in one order that the sizes alone decide. Bound by memory: x is read once.
//
// Rows (the last axis is reduced): a block owns one output, its threads walk along the reduced elements side by side.
// Columns (the last axis stays): a block owns 32 neighbouring outputs, 8 threads share the reduced elements of each.
// Where there are few outputs and many elements, the elements are cut into segments (blockIdx.y), whose results a third kernel joins in order.
//
// What lies as [kept, reduced] or [outer, reduced, inner] has kernels of its own, without arithmetic for axes: four neighbouring numbers a thread and access, four
// accesses in flight. Four numbers are added in float, the rest in double.

enum ReduceFormula // in the order of ReduceFormula.cs, and one more for the gradient of the second two
{
    ReduceSum, ReduceMean, ReduceMax, ReduceMin, CountTies,
};

#define COLUMNS 32
#define COLUMN_ROWS 8

// The elements of x that become one output: where they begin, and how they lie.
template <class T>
struct Elements
{
    const T* x;
    Axes extents, strides;
    const T* extreme; // for CountTies: what is counted; else null

    __device__ double at(long long r) const
    {
        float value = widened(x[offset_of(extents, r, strides)]);
        return extreme ? (value == widened(*extreme) ? 1.0 : 0.0) : value;
    }
};

__device__ inline double start_of(Sum) { return 0.0; }

__device__ inline double start_of(Largest) { return -__int_as_float(INFINITY_BITS); }

__device__ inline double start_of(Smallest) { return __int_as_float(INFINITY_BITS); }

template <class Rule, class T>
__device__ double join_row(const Elements<T>& elements, long long from, long long end)
{
    double value = start_of(Rule());
    for (long long r = from + threadIdx.x; r < end; r += blockDim.x)
        value = Rule::join(value, elements.at(r));
    return block_join<Rule>(value);
}

template <class Rule, class T>
__device__ double join_column(const Elements<T>& elements, bool exists, long long from, long long end)
{
    __shared__ double parts[COLUMN_ROWS][COLUMNS];
    double value = start_of(Rule());
    if (exists)
    {
        for (long long r = from + threadIdx.y; r < end; r += COLUMN_ROWS)
            value = Rule::join(value, elements.at(r));
    }
    parts[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    for (int row = 1; threadIdx.y == 0 && row < COLUMN_ROWS; row++)
        value = Rule::join(value, parts[row][threadIdx.x]);
    return value;
}

// One segment: into parts [segments, kept], or, where parts is null, into y.
template <class T>
__device__ inline void write(double value, long long output, long long kept, double* parts, T* y, double scale, float beta)
{
    if (parts)
        parts[blockIdx.y * kept + output] = value;
    else
        store(y + output, (float)(value / scale), beta);
}

template <class T>
__device__ inline void rows(const T* x, const T* extremes, T* y, double* parts, int formula, const Axes& kept_extents, const Axes& kept_strides, const Axes& extents, const Axes& strides,
    long long kept, long long reduced, long long segment, float beta)
{
    long long output = blockIdx.x, from = blockIdx.y * segment, end = min(reduced, from + segment);
    Elements<T> elements = {x + offset_of(kept_extents, output, kept_strides), extents, strides, extremes ? extremes + output : (const T*)0};
    double value = formula == ReduceMax ? join_row<Largest>(elements, from, end) : formula == ReduceMin ? join_row<Smallest>(elements, from, end) : join_row<Sum>(elements, from, end);
    if (threadIdx.x == 0)
        write(value, output, kept, parts, y, formula == ReduceMean ? (double)reduced : 1.0, beta);
}

template <class T>
__device__ inline void columns(const T* x, const T* extremes, T* y, double* parts, int formula, const Axes& kept_extents, const Axes& kept_strides, const Axes& extents, const Axes& strides,
    long long kept, long long reduced, long long segment, float beta)
{
    long long output = blockIdx.x * (long long)COLUMNS + threadIdx.x, from = blockIdx.y * segment, end = min(reduced, from + segment);
    bool exists = output < kept;
    Elements<T> elements = {x + (exists ? offset_of(kept_extents, output, kept_strides) : 0), extents, strides, extremes && exists ? extremes + output : (const T*)0};
    double value = formula == ReduceMax ? join_column<Largest>(elements, exists, from, end) : formula == ReduceMin ? join_column<Smallest>(elements, exists, from, end)
        : join_column<Sum>(elements, exists, from, end);
    if (exists && threadIdx.y == 0)
        write(value, output, kept, parts, y, formula == ReduceMean ? (double)reduced : 1.0, beta);
}

#define REDUCE(kernel, suffix, T)                                                                                                                             \
    extern "C" __global__ void reduce_##kernel##suffix(const T* x, const T* extremes, T* y, double* parts, int formula, Axes kept_extents, Axes kept_strides, \
        Axes extents, Axes strides, long long kept, long long reduced, long long segment, float beta)                                                         \
    {                                                                                                                                                         \
        kernel(x, extremes, y, parts, formula, kept_extents, kept_strides, extents, strides, kept, reduced, segment, beta);                                   \
    }
#define ROWS(suffix, T) REDUCE(rows, suffix, T)
#define WHOLE_COLUMNS(suffix, T) REDUCE(columns, suffix, T)
FOR_STORED(ROWS)
FOR_STORED(WHOLE_COLUMNS)

template <class Rule>
__device__ inline float join_four(const Four& four) { return Rule::join(Rule::join(four.v[0], four.v[1]), Rule::join(four.v[2], four.v[3])); }

// Numbers from to end of a row, by the threads lane of lanes.
template <class Rule, bool FOURS, class T>
__device__ inline double join_run(const T* row, long long from, long long end, int lane, int lanes)
{
    const int EACH = 4;
    double none = start_of(Rule()), value = none;
    for (long long first = from + lane * 4; first < end; first += EACH * 4 * lanes)
    {
        Four x[EACH];
#pragma unroll
        for (int u = 0; u < EACH; u++)
            x[u] = load_four<FOURS>(row, first + u * 4 * lanes, end, (float)none);
#pragma unroll
        for (int u = 0; u < EACH; u++)
            value = Rule::join(value, (double)join_four<Rule>(x[u]));
    }
    return value;
}

template <class Rule, class T>
__device__ inline double join_dense_row(const T* x, long long output, long long reduced, long long from, long long end, int lane, int lanes)
{
    const T* row = x + output * reduced;
    return reduced % 4 == 0 && lies_by_fours(x) ? join_run<Rule, true>(row, from, end, lane, lanes) : join_run<Rule, false>(row, from, end, lane, lanes);
}

// x [kept, reduced], a warp an output: many short rows.
template <class Rule, class T>
__device__ __forceinline__ void short_rows(const T* x, T* y, int formula, long long kept, long long reduced, float beta)
{
    long long output = blockIdx.x * (long long)COLUMN_WARPS + (threadIdx.x >> 5);
    if (output >= kept)
        return;
    double value = join_dense_row<Rule>(x, output, reduced, 0, reduced, threadIdx.x & 31, 32);
#pragma unroll
    for (int step = 16; step > 0; step >>= 1)
        value = Rule::join(value, __shfl_xor_sync(0xffffffffu, value, step));
    if ((threadIdx.x & 31) == 0)
        write(value, output, kept, (double*)0, y, formula == ReduceMean ? (double)reduced : 1.0, beta);
}

// x [kept, reduced], a block an output and segment.
template <class Rule, class T>
__device__ __forceinline__ void long_rows(const T* x, T* y, double* parts, int formula, long long kept, long long reduced, long long segment, float beta)
{
    long long from = blockIdx.y * segment, end = min(reduced, from + segment);
    double value = block_join<Rule>(join_dense_row<Rule>(x, blockIdx.x, reduced, from, end, threadIdx.x, blockDim.x));
    if (threadIdx.x == 0)
        write(value, blockIdx.x, kept, parts, y, formula == ReduceMean ? (double)reduced : 1.0, beta);
}

template <class Rule, bool FOURS, class T>
__device__ __forceinline__ void join_columns(double (&all)[1][4], const T* x, long long first_row, int row_lanes, long long step, long long rows, int column, int columns)
{
    for (long long first = first_row; first < rows; first += step)
    {
        Four d[STEP_ROWS];
#pragma unroll
        for (int u = 0; u < STEP_ROWS; u++)
        {
            float none = (float)start_of(Rule());
            d[u] = first + u * row_lanes < rows ? load_four<FOURS>(x + (first + u * row_lanes) * columns, column, columns, none) : Four{{none, none, none, none}};
        }
#pragma unroll
        for (int k = 0; k < 4; k++)
            all[0][k] = Rule::join(all[0][k], (double)join_four<Rule>(Four{{d[0].v[k], d[1].v[k], d[2].v[k], d[3].v[k]}}));
    }
}

// x [outer, reduced, inner], as Columns.cuh has it; chunks are those of outer, and in each the segments.
template <class Rule, class T>
__device__ __forceinline__ void dense_columns(
    const T* x, T* y, double* parts, double* shared, int formula, long long kept, long long reduced, int inner, int log, int column_blocks, int segments, float beta)
{
    ColumnPlace at = column_place(log, column_blocks);
    unsigned int outer = at.chunk / (unsigned int)segments, segment = at.chunk - outer * segments;
    double none = start_of(Rule()), all[1][4] = {{none, none, none, none}};
    if (at.column < inner)
    {
        const T* from = x + outer * reduced * inner;
        long long step = (long long)STEP_ROWS * at.row_lanes, first = segment * step + at.row;
        if (inner % 4 == 0 && lies_by_fours(x))
            join_columns<Rule, true>(all, from, first, at.row_lanes, step * segments, reduced, at.column, inner);
        else
            join_columns<Rule, false>(all, from, first, at.row_lanes, step * segments, reduced, at.column, inner);
    }
    double value = join_rows_of_block<Rule>(all, shared, log);
    int column = (int)((blockIdx.x % (unsigned int)column_blocks) << (log + 2)) + (threadIdx.x & ((4 << log) - 1));
    if (threadIdx.x >= 4u << log || column >= inner)
        return;
    long long output = outer * (long long)inner + column;
    if (parts)
        parts[segment * kept + output] = value;
    else
        store(y + output, (float)(value / (formula == ReduceMean ? (double)reduced : 1.0)), beta);
}

// The segments of each output, in order; one output a thread.
template <class Rule, class T>
__device__ inline void parts_of(const double* parts, T* y, int formula, long long kept, int segments, long long reduced, float beta)
{
    const int EACH = 8;
    OVER_ELEMENTS(output, kept)
    {
        double none = start_of(Rule()), value = none;
        for (int first = 0; first < segments; first += EACH)
        {
            double part[EACH];
#pragma unroll
            for (int u = 0; u < EACH; u++)
                part[u] = first + u < segments ? parts[(first + u) * kept + output] : none;
#pragma unroll
            for (int u = 0; u < EACH; u++)
                value = Rule::join(value, part[u]);
        }
        store(y + output, (float)(value / (formula == ReduceMean ? (double)reduced : 1.0)), beta);
    }
}

// The same where outputs are few and segments many: threads share the segments.
template <class Rule, class T>
__device__ inline void few_parts_of(const double* parts, T* y, double* shared, int formula, long long kept, int segments, long long reduced, int log, float beta)
{
    double all[1];
    join_segments<Rule>(parts, all, start_of(Rule()), segments, kept, log, shared);
    long long output = ((long long)blockIdx.x << log) + threadIdx.x;
    if (threadIdx.x < 1u << log && output < kept)
        store(y + output, (float)(all[0] / (formula == ReduceMean ? (double)reduced : 1.0)), beta);
}

#define BY_RULE(formula, call)                                                  \
    do                                                                          \
    {                                                                           \
        if (formula == ReduceMax) { using Rule = Largest; call; }              \
        else if (formula == ReduceMin) { using Rule = Smallest; call; }        \
        else { using Rule = Sum; call; }                                        \
    } while (0)

#define DENSE(suffix, T)                                                                                                                                           \
    extern "C" __global__ void __launch_bounds__(256) reduce_short_rows##suffix(const T* __restrict__ x, T* y, int formula, long long kept, long long reduced, float beta) \
    {                                                                                                                                                              \
        BY_RULE(formula, (short_rows<Rule>(x, y, formula, kept, reduced, beta)));                                                                                  \
    }                                                                                                                                                              \
    extern "C" __global__ void __launch_bounds__(256) reduce_long_rows##suffix(const T* __restrict__ x, T* y, double* parts, int formula, long long kept,         \
        long long reduced, long long segment, float beta)                                                                                                          \
    {                                                                                                                                                              \
        BY_RULE(formula, (long_rows<Rule>(x, y, parts, formula, kept, reduced, segment, beta)));                                                                   \
    }                                                                                                                                                              \
    extern "C" __global__ void __launch_bounds__(256, 4) reduce_dense_columns##suffix(const T* __restrict__ x, T* y, double* parts, int formula, long long kept,     \
        long long reduced, int inner, int log, int column_blocks, int segments, float beta)                                                                        \
    {                                                                                                                                                              \
        __shared__ double shared[COLUMN_WARPS * 128];                                                                                                              \
        BY_RULE(formula, (dense_columns<Rule>(x, y, parts, shared, formula, kept, reduced, inner, log, column_blocks, segments, beta)));                           \
    }                                                                                                                                                              \
    extern "C" __global__ void __launch_bounds__(256) reduce_parts##suffix(const double* __restrict__ parts, T* y, int formula, long long kept, int segments,     \
        long long reduced, float beta)                                                                                                                             \
    {                                                                                                                                                              \
        BY_RULE(formula, (parts_of<Rule>(parts, y, formula, kept, segments, reduced, beta)));                                                                      \
    }                                                                                                                                                              \
    extern "C" __global__ void __launch_bounds__(256) reduce_few_parts##suffix(const double* __restrict__ parts, T* y, int formula, long long kept, int segments, \
        long long reduced, int log, float beta)                                                                                                                    \
    {                                                                                                                                                              \
        __shared__ double shared[COLUMN_WARPS * 8];                                                                                                                \
        BY_RULE(formula, (few_parts_of<Rule>(parts, y, shared, formula, kept, segments, reduced, log, beta)));                                                     \
    }
FOR_STORED(DENSE)

// Each element's share of its output's gradient; x, y and ties are read for the largest and smallest alone.
#define SHARES(suffix, T)                                                                                                                                    \
    extern "C" __global__ void reduce_backward##suffix(const T* x, const T* y, const float* ties, const T* dy, T* dx, long long count, int formula,          \
        Axes extents, Axes output_strides, double scale, float beta)                                                                                         \
    {                                                                                                                                                        \
        OVER_ELEMENTS(i, count)                                                                                                                              \
        {                                                                                                                                                    \
            long long output = offset_of(extents, i, output_strides);                                                                                        \
            float upstream = widened(dy[output]);                                                                                                            \
            double share = ties ? (widened(x[i]) == widened(y[output]) ? (double)upstream / ties[output] : 0.0) : upstream / scale;                          \
            store(dx + i, (float)share, beta);                                                                                                               \
        }                                                                                                                                                    \
    }
FOR_STORED(SHARES)

template <bool FOURS, class T>
__device__ __forceinline__ void spread_columns(const T* dy, T* dx, const ColumnPlace& at, long long first, long long rows, int columns, double scale, float beta)
{
    Four share = load_four<FOURS>(dy, at.column, columns);
#pragma unroll
    for (int k = 0; k < 4; k++)
        share.v[k] = (float)(share.v[k] / scale);
#pragma unroll
    for (int u = 0; u < STEP_ROWS; u++)
    {
        long long row = first + u * at.row_lanes;
        if (row < rows)
            store_four<FOURS>(dx + row * columns, at.column, columns, share, beta);
    }
}

// The gradient of a sum or mean of x [outer, reduced, inner]: a block writes STEP_ROWS rows of each of its threads.
#define SPREAD(suffix, T)                                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(256) reduce_spread_columns##suffix(                                                                         \
        const T* __restrict__ dy, T* dx, long long reduced, int inner, int log, int column_blocks, int chunks, double scale, float beta)                     \
    {                                                                                                                                                        \
        ColumnPlace at = column_place(log, column_blocks);                                                                                                   \
        unsigned int outer = at.chunk / (unsigned int)chunks;                                                                                                \
        if (at.column >= inner)                                                                                                                              \
            return;                                                                                                                                          \
        long long first = (long long)(at.chunk - outer * chunks) * STEP_ROWS * at.row_lanes + at.row;                                                        \
        T* to = dx + outer * reduced * inner;                                                                                                                \
        if (inner % 4 == 0 && lies_by_fours(dy) && lies_by_fours(dx))                                                                                        \
            spread_columns<true>(dy + outer * (long long)inner, to, at, first, reduced, inner, scale, beta);                                                 \
        else                                                                                                                                                 \
            spread_columns<false>(dy + outer * (long long)inner, to, at, first, reduced, inner, scale, beta);                                                \
    }
FOR_STORED(SPREAD)
