// One step of a recurrent layer backward, beside the products that cuBLAS makes: a block owns a sequence. Bound by the launches, two or four a step.
//
// carry [sequences,states units] is the gradient of the states behind the step. What came through the recurrent weights is added by the kernel that reads it next:
// product [sequences,units], null where there is none yet, times the dropout.

#include "Unary.cuh"
#include "Recurrent.cuh"

struct Flow // the rows of one sequence and step
{
    const float *gates, *sums, *before, *after;
    float *carry, *dx, *second;

    __device__ float sum(int j) const { return sums ? sums[j] : 0.0f; }
};

// Through the function of gate k, from d(i), the gradient behind it, to dx; all threads of the block call it. Each d(i) is read before dx of the unit is written.
template <class D>
__device__ void through_gate(const Cell& g, const GateFunction& f, const Flow& flow, int k, D d)
{
    const float* y = flow.gates + k * g.units;
    float row = gradient_sum(g, f, [&](int i) { return y[i]; }, d);
    OVER_UNITS(i, g)
        flow.dx[k * g.units + i] = gate_slope(f, row, flow.sum(k * g.units + i), y[i], d(i));
}

__device__ inline void lstm_gradient(const Cell& g, const Flow& flow)
{
    int u = g.units;
    const float *gate = flow.gates, *c = flow.after + u;
    float* cell = flow.carry + u;
    auto into_value = [&](int i) { return flow.carry[i] * gate[3 * u + i]; }; // h = o f(c)
    RowSums row = sums_of(g, g.activation, [&](int i) { return c[i]; });
    auto value = [&](int i) { return gate_value(g.activation, row, c[i]); };
    float sum = gradient_sum(g, g.activation, value, into_value);
    OVER_UNITS(i, g)
        cell[i] += gate_slope(g.activation, sum, c[i], value(i), into_value(i));
    through_gate(g, g.recurrent, flow, 3, [&](int i) { return flow.carry[i] * value(i); });
    through_gate(g, g.recurrent, flow, 0, [&](int i) { return cell[i] * gate[2 * u + i]; }); // c = j c' + i g
    through_gate(g, g.recurrent, flow, 1, [&](int i) { return flow.before ? cell[i] * flow.before[u + i] : 0.0f; });
    through_gate(g, g.activation, flow, 2, [&](int i) { return cell[i] * gate[i]; });
    OVER_UNITS(i, g)
    {
        cell[i] *= gate[u + i];
        flow.carry[i] = 0.0f;
    }
}

__device__ inline void gru_gradient(const Cell& g, const Flow& flow)
{
    int u = g.units;
    const float *z = flow.gates, *r = z + u, *value = z + 2 * u, *product = z + 3 * u;
    through_gate(g, g.recurrent, flow, 0, [&](int i) { return flow.carry[i] * ((flow.before ? flow.before[i] : 0.0f) - value[i]); }); // h = z h' + (1 - z) g
    through_gate(g, g.activation, flow, 2, [&](int i) { return flow.carry[i] * (1.0f - z[i]); });
    OVER_UNITS(i, g)
        flow.carry[i] *= z[i];
    if (g.kind == GruResetAfter) // else what r multiplies is in a product: recurrent_backward_reset goes on
    {
        through_gate(g, g.recurrent, flow, 1, [&](int i) { return flow.dx[2 * u + i] * product[i]; }); // g = f(x + r product)
        OVER_UNITS(i, g)
        {
            flow.second[i] = flow.dx[i];
            flow.second[u + i] = flow.dx[u + i];
            flow.second[2 * u + i] = flow.dx[2 * u + i] * r[i];
        }
    }
}

// The gradient of the step's sums, and what the weights' gradient is made of: previous, the state as it was multiplied, and second, which only a GRU has. carry
// becomes what passes by the products. before: the states before the step, in equal steps, or null for zeros. All other arrays of steps begin at the first
// sequence's row of the step.
extern "C" __global__ void recurrent_backward(Cell g, const float* gates, const float* sums, const float* before, long long before_stride, const float* after,
    const float* dy, const float* product, const float* dropout, const float* mask, float* carry, float* dx, float* previous, float* second)
{
    long long n = blockIdx.x;
    int u = g.units, wide = g.gates() * u, seconds = g.kind == Gru ? u : g.kind == GruResetAfter ? wide : 0;
    const float *up = dy + g.row(g.states()), *from = before ? before + n * before_stride : before;
    Flow flow = {gates + g.row(g.saved()), sums ? sums + g.row(g.gates()) : sums, from, after + g.row(g.states()), carry + n * g.states() * u, dx + g.row(g.gates()),
        second ? second + (long long)n * g.steps * seconds : second};
    bool masked = mask && mask[n * g.steps] == 0.0f;
    float* multiplied = previous + g.row(1);
    OVER_UNITS(i, g)
    {
        float keeps = dropout ? dropout[n * u + i] : 1.0f;
        flow.carry[i] += up[i] + (product ? product[n * u + i] * keeps : 0.0f);
        if (g.kind == Lstm)
            flow.carry[u + i] += up[u + i];
        multiplied[i] = from && !masked ? from[i] * keeps : 0.0f;
    }
    if (masked)
    {
        for (int j = threadIdx.x; j < wide; j += blockDim.x)
            flow.dx[j] = 0.0f;
        for (int j = threadIdx.x; j < seconds; j += blockDim.x)
            flow.second[j] = 0.0f;
    }
    else if (g.kind == Simple)
    {
        through_gate(g, g.activation, flow, 0, [&](int i) { return flow.carry[i]; });
        OVER_UNITS(i, g)
            flow.carry[i] = 0.0f;
    }
    else if (g.kind == Lstm)
        lstm_gradient(g, flow);
    else
        gru_gradient(g, flow);
}

// Of a GRU whose reset gate multiplies the state: product [sequences,units] is the gradient of r h', which was what the new value's weights multiplied.
extern "C" __global__ void recurrent_backward_reset(
    Cell g, const float* gates, const float* sums, const float* product, const float* dropout, const float* mask, float* carry, float* dx, const float* previous, float* second)
{
    long long n = blockIdx.x;
    int u = g.units;
    if (!mask || mask[n * g.steps] != 0.0f) // else all is zero already
    {
        Flow flow = {gates + g.row(3), sums ? sums + g.row(3) : sums, 0, 0, carry + n * u, dx + g.row(3), second + g.row(1)};
        const float *r = flow.gates + u, *h = previous + g.row(1), *back = product + n * u;
        through_gate(g, g.recurrent, flow, 1, [&](int i) { return back[i] * h[i]; });
        OVER_UNITS(i, g)
        {
            flow.second[i] = r[i] * h[i];
            flow.carry[i] += back[i] * r[i] * (dropout ? dropout[n * u + i] : 1.0f);
        }
    }
}

// The gradient of the states before the first step.
extern "C" __global__ void recurrent_backward_initial(Cell g, const float* carry, const float* product, const float* dropout, float* dinitial, float beta)
{
    long long n = blockIdx.x;
    int u = g.units, count = g.states() * u;
    for (int j = threadIdx.x; j < count; j += blockDim.x)
    {
        float through = j < u ? product[n * u + j] * (dropout ? dropout[n * u + j] : 1.0f) : 0.0f;
        store(dinitial + n * count + j, carry[n * count + j] + through, beta);
    }
}
