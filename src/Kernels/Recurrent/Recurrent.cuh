// What forward and backward of recurrent layers share: sizes, and functions of gates, which are applied to registers; a softmax over the units takes passes before.
// A block owns a sequence, a thread every blockDim-th unit, so that a thread reads only what it wrote itself.

enum RecurrentKind // in the order of RecurrentKind.cs
{
    Simple, Lstm, Gru, GruResetAfter,
};

enum GateFunctionKind // in the order of GateFunctionKind.cs
{
    Linear, Formula, Softmax, LogSoftmax,
};

struct GateFunction // as GateFunction.cs lays it out
{
    int kind, formula;
    float a, b;
};

struct Cell // as RecurrentStep.Cuda.cs lays it out
{
    int kind, units, steps;
    GateFunction activation, recurrent;

    __device__ int gates() const { return kind == Simple ? 1 : kind == Lstm ? 4 : 3; }
    __device__ int saved() const { return kind == GruResetAfter ? 4 : gates(); }
    __device__ int states() const { return kind == Lstm ? 2 : 1; }
    // A sequence's row of one step in an array of all steps with this many numbers a unit.
    __device__ long long row(int numbers) const { return (long long)blockIdx.x * steps * numbers * units; }
};

#define OVER_UNITS(i, cell) for (int i = threadIdx.x; i < (cell).units; i += blockDim.x)

// ---- functions of gates ----

struct RowSums // of a softmax: the row's largest number, and the sum of the exponentials or its logarithm
{
    float most, sum;
};

__device__ inline bool is_softmax(const GateFunction& f) { return f.kind == Softmax || f.kind == LogSoftmax; }

// What gate_value needs of a row whose numbers x(i) gives; all threads of the block call it.
template <class X>
__device__ RowSums sums_of(const Cell& g, const GateFunction& f, X x)
{
    if (!is_softmax(f))
        return {0.0f, 0.0f};
    float most = -__int_as_float(INFINITY_BITS), sum = 0.0f;
    OVER_UNITS(i, g)
        most = larger(most, x(i));
    most = block_join<Largest>(most); // exp stays finite, the result is the same
    OVER_UNITS(i, g)
        sum += expf(x(i) - most);
    sum = block_join<Sum>(sum);
    return {most, f.kind == LogSoftmax ? logf(sum) : sum};
}

__device__ inline float gate_value(const GateFunction& f, RowSums row, float x)
{
    switch (f.kind)
    {
        case Linear: return x;
        case Formula: return unary_value(f.formula, f.a, f.b, x);
        case Softmax: return expf(x - row.most) / row.sum;
        default: return x - row.most - row.sum;
    }
}

// What gate_slope needs of a row: y(i) and its gradient d(i); all threads of the block call it.
template <class Y, class D>
__device__ float gradient_sum(const Cell& g, const GateFunction& f, Y y, D d)
{
    if (!is_softmax(f))
        return 0.0f;
    float sum = 0.0f;
    OVER_UNITS(i, g)
        sum += f.kind == LogSoftmax ? d(i) : d(i) * y(i);
    return block_join<Sum>(sum);
}

// The gradient of x from d, that of y = f(x).
__device__ inline float gate_slope(const GateFunction& f, float row, float x, float y, float d)
{
    switch (f.kind)
    {
        case Linear: return d;
        case Formula: return d * unary_slope(f.formula, f.a, f.b, x, y);
        case Softmax: return y * (d - row);
        default: return d - expf(y) * row;
    }
}
