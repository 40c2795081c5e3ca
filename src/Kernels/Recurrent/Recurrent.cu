// One step of a recurrent layer forward, beside the products that cuBLAS makes: a block owns a sequence. The formulas are those of RecurrentKernels.cs. A step moves
// some numbers a unit: it is bound by the launches, two to five a step.

#include "Unary.cuh"
#include "Recurrent.cuh"

// h = before * dropout, for the product that follows. before lies in equal steps; h [sequences,units].
extern "C" __global__ void recurrent_drop(const float* before, long long stride, const float* dropout, float* h, long long count, int units)
{
    OVER_ELEMENTS(i, count)
    {
        long long n = quotient(i, units);
        h[i] = before[n * stride + (i - n * units)] * dropout[i];
    }
}

struct Sums // x + h' R + B of one sequence and step; product and bias may be null
{
    const float *x, *product, *bias;

    __device__ float recurrent(int j) const { return (product ? product[j] : 0.0f) + (bias ? bias[j] : 0.0f); }
    __device__ float at(int j) const { return x[j] + recurrent(j); }
};

__device__ inline Sums sums_at(const Cell& g, const float* x, const float* product, const float* bias)
{
    return {x + g.row(g.gates()), product ? product + (long long)blockIdx.x * g.gates() * g.units : product, bias};
}

__device__ inline void keep(float* sums, int j, float sum)
{
    if (sums)
        sums[j] = sum;
}

// The gates z and r of a GRU whose reset gate multiplies the state, and what it makes of the state: reset = r h'. h is null where the states before are zeros.
extern "C" __global__ void recurrent_reset(
    Cell g, const float* x, const float* product, const float* bias, const float* h, long long h_stride, float* gates, long long gate_stride, float* sums, float* reset)
{
    int u = g.units;
    Sums s = sums_at(g, x, product, bias);
    float *gate = gates + blockIdx.x * gate_stride, *kept = sums ? sums + g.row(g.gates()) : sums, *to = reset + (long long)blockIdx.x * u;
    RowSums z = sums_of(g, g.recurrent, [&](int i) { return s.at(i); }), r = sums_of(g, g.recurrent, [&](int i) { return s.at(u + i); });
    OVER_UNITS(i, g)
    {
        float sum_z = s.at(i), sum_r = s.at(u + i), open = gate_value(g.recurrent, r, sum_r);
        gate[i] = gate_value(g.recurrent, z, sum_z);
        gate[u + i] = open;
        keep(kept, i, sum_z);
        keep(kept, u + i, sum_r);
        to[i] = h ? open * h[blockIdx.x * h_stride + i] : 0.0f;
    }
}

__device__ inline void simple_step(const Cell& g, const Sums& s, float* gate, float* kept, float* h)
{
    RowSums row = sums_of(g, g.activation, [&](int i) { return s.at(i); });
    OVER_UNITS(i, g)
    {
        keep(kept, i, s.at(i));
        h[i] = gate[i] = gate_value(g.activation, row, s.at(i));
    }
}

__device__ inline void lstm_step(const Cell& g, const Sums& s, const float* before, float* gate, float* kept, float* h)
{
    int u = g.units;
    float* c = h + u;
    RowSums rows[4];
    for (int k = 0; k < 4; k++)
        rows[k] = sums_of(g, k == 2 ? g.activation : g.recurrent, [&](int i) { return s.at(k * u + i); });
    OVER_UNITS(i, g)
    {
        float values[4];
        for (int k = 0; k < 4; k++)
        {
            float sum = s.at(k * u + i);
            keep(kept, k * u + i, sum);
            gate[k * u + i] = values[k] = gate_value(k == 2 ? g.activation : g.recurrent, rows[k], sum);
        }
        c[i] = values[0] * values[2] + (before ? values[1] * before[u + i] : 0.0f);
    }
    RowSums cell = sums_of(g, g.activation, [&](int i) { return c[i]; });
    OVER_UNITS(i, g)
        h[i] = gate[3 * u + i] * gate_value(g.activation, cell, c[i]);
}

// resets: z and r are there, and the product of the new value is that of the state which r multiplied.
__device__ inline void gru_step(const Cell& g, const Sums& s, const float* before, float* gate, float* kept, float* h)
{
    int u = g.units;
    bool after = g.kind == GruResetAfter;
    if (after)
    {
        RowSums z = sums_of(g, g.recurrent, [&](int i) { return s.at(i); }), r = sums_of(g, g.recurrent, [&](int i) { return s.at(u + i); });
        OVER_UNITS(i, g)
        {
            keep(kept, i, s.at(i));
            keep(kept, u + i, s.at(u + i));
            gate[i] = gate_value(g.recurrent, z, s.at(i));
            gate[u + i] = gate_value(g.recurrent, r, s.at(u + i));
            gate[3 * u + i] = s.recurrent(2 * u + i);
        }
    }
    auto sum = [&](int i) { return after ? s.x[2 * u + i] + gate[u + i] * gate[3 * u + i] : s.at(2 * u + i); };
    RowSums row = sums_of(g, g.activation, sum);
    OVER_UNITS(i, g)
    {
        float value = gate_value(g.activation, row, sum(i)), z = gate[i];
        keep(kept, 2 * u + i, sum(i));
        gate[2 * u + i] = value;
        h[i] = (before ? z * before[i] : 0.0f) + (1.0f - z) * value;
    }
}

// The new states. before: the states before the step, in equal steps, or null for zeros; gates: rows in equal steps; sums may be null. All others begin at the
// first sequence's row of the step.
extern "C" __global__ void recurrent_forward(Cell g, const float* x, const float* product, const float* bias, const float* mask, const float* before,
    long long before_stride, float* gates, long long gate_stride, float* sums, float* y)
{
    const float* from = before ? before + blockIdx.x * before_stride : before;
    float* to = y + g.row(g.states());
    if (mask && mask[(long long)blockIdx.x * g.steps] == 0.0f)
    {
        for (int i = threadIdx.x; i < g.states() * g.units; i += blockDim.x)
            to[i] = from ? from[i] : 0.0f;
    }
    else
    {
        Sums s = sums_at(g, x, product, bias);
        float *gate = gates + blockIdx.x * gate_stride, *kept = sums ? sums + g.row(g.gates()) : sums;
        if (g.kind == Simple)
            simple_step(g, s, gate, kept, to);
        else if (g.kind == Lstm)
            lstm_step(g, s, from, gate, kept, to);
        else
            gru_step(g, s, from, gate, kept, to);
    }
}
