// Reductions over axes, summed in double in one order that the sizes alone decide. Bound by memory: x is read once.
//
// Rows (the last axis is reduced): a block owns one output, its threads walk along the reduced elements side by side.
// Columns (the last axis stays): a block owns 32 neighbouring outputs, 8 threads share the reduced elements of each.
// Where there are few outputs and many elements, the elements are cut into segments (blockIdx.y), whose results a third kernel joins in order.

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

// The segments of each output, in order; one output a thread.
template <class T>
__device__ inline void parts_of(const double* parts, T* y, int formula, long long kept, int segments, long long reduced, float beta)
{
    OVER_ELEMENTS(output, kept)
    {
        double value = parts[output];
        for (int s = 1; s < segments; s++)
        {
            double next = parts[s * kept + output];
            value = formula == ReduceMax ? larger(value, next) : formula == ReduceMin ? smaller(value, next) : value + next;
        }
        store(y + output, (float)(value / (formula == ReduceMean ? (double)reduced : 1.0)), beta);
    }
}

#define PARTS(suffix, T)                                                                                                                                    \
    extern "C" __global__ void reduce_parts##suffix(const double* parts, T* y, int formula, long long kept, int segments, long long reduced, float beta)   \
    {                                                                                                                                                       \
        parts_of(parts, y, formula, kept, segments, reduced, beta);                                                                                         \
    }
FOR_STORED(PARTS)

// Each element's share of its output's gradient; x, y and ties are read for the largest and smallest alone.
extern "C" __global__ void reduce_backward(const float* x, const float* y, const float* ties, const float* dy, float* dx, long long count, int formula, Axes extents, Axes output_strides,
    double scale, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        long long output = offset_of(extents, i, output_strides);
        double share = ties ? (x[i] == y[output] ? (double)dy[output] / ties[output] : 0.0) : dy[output] / scale;
        store(dx + i, (float)share, beta);
    }
}
