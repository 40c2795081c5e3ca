namespace Graft.Kernels;

/// <summary>One sequence and one step after the other; sums in double.</summary>
internal sealed unsafe class ReferenceRecurrentKernels : RecurrentKernels
{
    public override void Forward(in RecurrentGeometry g, in RecurrentOperands o, DevicePtr<float> y, DevicePtr<float> gates, DevicePtr<float> sums)
    {
        int u = g.U, states = g.States * u, saved = g.SavedGates * u, width = g.Gates * u;
        fixed (float* zeros = new float[states], oneGate = new float[saved], oneSum = new float[width])
        {
            for (long n = 0; n < g.N; n++)
            {
                for (int s = 0; s < g.T; s++)
                {
                    float* before = Before(g, o, y.Pointer, n, s, zeros), after = y.Pointer + (n * g.T + g.Output(s)) * states;
                    float* gate = gates.IsNull ? oneGate : gates.Pointer + (n * g.T + s) * saved, sum = sums.IsNull ? oneSum : sums.Pointer + (n * g.T + s) * width;
                    if (IsMasked(g, o, n, s))
                        new ReadOnlySpan<float>(before, states).CopyTo(new Span<float>(after, states));
                    else
                        Step(g, o, o.X.Pointer + (n * g.T + g.Input(s)) * width, Dropped(g, o, n, before), before, after, gate, sum);
                }
            }
        }
    }

    public override void Backward(
        in RecurrentGeometry g, in RecurrentOperands o, DevicePtr<float> y, DevicePtr<float> gates, DevicePtr<float> sums, DevicePtr<float> dy,
        in RecurrentGradients d, DevicePtr<float> work)
    {
        int u = g.U, states = g.States * u, width = g.Gates * u;
        float* second = work.Pointer + (long)g.N * g.T * u;
        fixed (float* zeros = new float[states])
        {
            for (long n = 0; n < g.N; n++)
            {
                var carry = new double[states]; // gradient of the states behind the step
                for (int s = g.T - 1; s >= 0; s--)
                {
                    long at = n * g.T + g.Input(s), step = n * g.T + s;
                    for (int i = 0; i < states; i++)
                        carry[i] += dy.Pointer[(n * g.T + g.Output(s)) * states + i];
                    var row = new BackwardRow
                    {
                        Gates = gates.Pointer + step * g.SavedGates * u,
                        Sums = sums.IsNull ? null : sums.Pointer + step * width,
                        Before = Before(g, o, y.Pointer, n, s, zeros),
                        After = y.Pointer + (n * g.T + g.Output(s)) * states,
                        Dx = d.X.Pointer + at * width,
                        Previous = work.Pointer + at * u,
                        Second = second + at * (g.Kind == RecurrentKind.Gru ? u : width),
                    };
                    if (IsMasked(g, o, n, s))
                        row.Clear(g);
                    else
                        row.Run(g, o, n, carry);
                }
                for (int i = 0; i < states && !d.Initial.IsNull; i++)
                    BetaStore.Store(ref d.Initial.Pointer[n * states + i], carry[i], d.BetaInitial);
            }
        }
        Weights(g, d, work.Pointer, second);
    }

    private static bool IsMasked(in RecurrentGeometry g, in RecurrentOperands o, long n, int s) => !o.Mask.IsNull && o.Mask.Pointer[n * g.T + g.Input(s)] == 0;

    /// <summary>The states before a step.</summary>
    private static float* Before(in RecurrentGeometry g, in RecurrentOperands o, float* y, long n, int s, float* zeros) =>
        s > 0 ? y + (n * g.T + g.Output(s - 1)) * g.States * g.U : o.Initial.IsNull ? zeros : o.Initial.Pointer + n * g.States * g.U;

    /// <summary>h' as it is multiplied.</summary>
    private static double[] Dropped(in RecurrentGeometry g, in RecurrentOperands o, long n, float* before)
    {
        var h = new double[g.U];
        for (int i = 0; i < h.Length; i++)
            h[i] = before[i] * (o.Dropout.IsNull ? 1.0 : o.Dropout.Pointer[n * g.U + i]);
        return h;
    }

    private static double Product(in RecurrentGeometry g, in RecurrentOperands o, double[] h, int column)
    {
        double sum = o.B.IsNull ? 0 : o.B.Pointer[column];
        for (int i = 0; i < h.Length; i++)
            sum += h[i] * o.R.Pointer[i * g.Gates * g.U + column];
        return sum;
    }

    private static void Step(in RecurrentGeometry g, in RecurrentOperands o, float* x, double[] h, float* before, float* after, float* gate, float* sum)
    {
        int u = g.U;
        for (int j = 0; j < (g.Kind is RecurrentKind.Simple or RecurrentKind.Lstm ? g.Gates : 2) * u; j++)
            sum[j] = (float)(x[j] + Product(g, o, h, j));
        switch (g.Kind)
        {
            case RecurrentKind.Simple:
                Apply(g.Activation, sum, gate, u);
                new ReadOnlySpan<float>(gate, u).CopyTo(new Span<float>(after, u));
                break;
            case RecurrentKind.Lstm:
                for (int k = 0; k < 4; k++)
                    Apply(k == 2 ? g.Activation : g.RecurrentActivation, sum + k * u, gate + k * u, u);
                for (int i = 0; i < u; i++)
                    after[u + i] = (float)((double)gate[u + i] * before[u + i] + (double)gate[i] * gate[2 * u + i]);
                Apply(g.Activation, after + u, after, u);
                for (int i = 0; i < u; i++)
                    after[i] *= gate[3 * u + i];
                break;
            default:
                Apply(g.RecurrentActivation, sum, gate, u);
                Apply(g.RecurrentActivation, sum + u, gate + u, u);
                ResetStep(g, o, x, h, gate, sum);
                Apply(g.Activation, sum + 2 * u, gate + 2 * u, u);
                for (int i = 0; i < u; i++)
                    after[i] = (float)((double)gate[i] * before[i] + (1.0 - gate[i]) * gate[2 * u + i]);
                break;
        }
    }

    /// <summary>The sums of the new value of a GRU.</summary>
    private static void ResetStep(in RecurrentGeometry g, in RecurrentOperands o, float* x, double[] h, float* gate, float* sum)
    {
        int u = g.U;
        if (g.Kind == RecurrentKind.GruResetAfter)
        {
            for (int i = 0; i < u; i++)
            {
                gate[3 * u + i] = (float)Product(g, o, h, 2 * u + i);
                sum[2 * u + i] = (float)(x[2 * u + i] + (double)gate[u + i] * gate[3 * u + i]);
            }
            return;
        }
        var reset = new double[u];
        for (int i = 0; i < u; i++)
            reset[i] = gate[u + i] * h[i];
        for (int i = 0; i < u; i++)
            sum[2 * u + i] = (float)(x[2 * u + i] + Product(g, o, reset, 2 * u + i));
    }

    private static void Apply(in GateFunction f, float* x, float* y, int count)
    {
        switch (f.Kind)
        {
            case GateFunctionKind.Formula:
                UnaryGeometry formula = f.Geometry(count);
                for (int i = 0; i < count; i++)
                    y[i] = (float)ReferenceUnaryKernels.Value(formula, x[i]);
                break;
            case GateFunctionKind.Linear:
                new ReadOnlySpan<float>(x, count).CopyTo(new Span<float>(y, count));
                break;
            default:
                GateSoftmax.Forward(x, y, count, f.Kind == GateFunctionKind.LogSoftmax);
                break;
        }
    }

    /// <summary>dx from dy, of x and y = f(x).</summary>
    private static void ApplyBackward(in GateFunction f, float* x, float* y, double[] dy, int from, float* dx, int count)
    {
        if (f.Kind is GateFunctionKind.Softmax or GateFunctionKind.LogSoftmax)
        {
            for (int i = 0; i < count; i++)
                dx[i] = (float)dy[from + i];
            GateSoftmax.Backward(y, dx, count, f.Kind == GateFunctionKind.LogSoftmax);
            return;
        }
        UnaryGeometry formula = f.Geometry(count);
        for (int i = 0; i < count; i++)
            dx[i] = (float)(dy[from + i] * (f.Kind == GateFunctionKind.Linear ? 1 : ReferenceUnaryKernels.Slope(formula, x == null ? 0 : x[i], y[i])));
    }

    private static void Weights(in RecurrentGeometry g, in RecurrentGradients d, float* previous, float* second)
    {
        int u = g.U, width = g.Gates * u;
        long rows = (long)g.N * g.T;
        float* ds = g.Kind == RecurrentKind.GruResetAfter ? second : d.X.Pointer; // gradient of the products
        for (int j = 0; j < width; j++)
        {
            float* h = g.Kind == RecurrentKind.Gru && j >= 2 * u ? second : previous;
            for (int i = 0; i < u && !d.R.IsNull; i++)
            {
                double sum = 0;
                for (long row = 0; row < rows; row++)
                    sum += (double)h[row * u + i] * ds[row * width + j];
                BetaStore.Store(ref d.R.Pointer[i * width + j], sum, d.BetaR);
            }
            if (d.B.IsNull)
                continue;
            double bias = 0;
            for (long row = 0; row < rows; row++)
                bias += ds[row * width + j];
            BetaStore.Store(ref d.B.Pointer[j], bias, d.BetaB);
        }
    }

    /// <summary>One step of one sequence backwards.</summary>
    private struct BackwardRow
    {
        public float* Gates, Sums, Before, After, Dx, Previous, Second;

        public readonly void Clear(in RecurrentGeometry g)
        {
            new Span<float>(Dx, g.Gates * g.U).Clear();
            new Span<float>(Previous, g.U).Clear();
            if (g.Kind == RecurrentKind.Gru)
                new Span<float>(Second, g.U).Clear();
            if (g.Kind == RecurrentKind.GruResetAfter)
                new Span<float>(Second, g.Gates * g.U).Clear();
        }

        public readonly void Run(in RecurrentGeometry g, in RecurrentOperands o, long n, double[] carry)
        {
            double[] h = Dropped(g, o, n, Before);
            for (int i = 0; i < g.U; i++)
                Previous[i] = (float)h[i];
            switch (g.Kind)
            {
                case RecurrentKind.Simple:
                    ApplyBackward(g.Activation, Sums, Gates, carry, 0, Dx, g.U);
                    Array.Clear(carry);
                    AddThroughWeights(g, o, n, Dx, g.Gates * g.U, carry);
                    break;
                case RecurrentKind.Lstm:
                    Lstm(g, carry);
                    AddThroughWeights(g, o, n, Dx, g.Gates * g.U, carry);
                    break;
                default:
                    Gru(g, o, n, h, carry);
                    break;
            }
        }

        private readonly void Lstm(in RecurrentGeometry g, double[] carry)
        {
            int u = g.U;
            float* c = After + u;
            var da = new double[4 * u];
            var dc = new double[u];
            fixed (float* value = new float[u], dValue = new float[u]) // f(c), and the gradient behind it
            {
                Apply(g.Activation, c, value, u);
                for (int i = 0; i < u; i++)
                {
                    da[3 * u + i] = carry[i] * value[i];
                    dc[i] = carry[i] * Gates[3 * u + i];
                }
                ApplyBackward(g.Activation, c, value, dc, 0, dValue, u);
                for (int i = 0; i < u; i++)
                {
                    double cell = carry[u + i] + dValue[i];
                    da[i] = cell * Gates[2 * u + i];
                    da[u + i] = cell * Before[u + i];
                    da[2 * u + i] = cell * Gates[i];
                    carry[i] = 0;
                    carry[u + i] = cell * Gates[u + i];
                }
            }
            for (int k = 0; k < 4; k++)
                ApplyBackward(k == 2 ? g.Activation : g.RecurrentActivation, Sums == null ? null : Sums + k * u, Gates + k * u, da, k * u, Dx + k * u, u);
        }

        private readonly void Gru(in RecurrentGeometry g, in RecurrentOperands o, long n, double[] h, double[] carry)
        {
            int u = g.U, width = 3 * u;
            bool after = g.Kind == RecurrentKind.GruResetAfter;
            float* z = Gates, r = Gates + u, value = Gates + 2 * u;
            var da = new double[width];
            for (int i = 0; i < u; i++)
            {
                da[i] = carry[i] * (Before[i] - value[i]);
                da[2 * u + i] = carry[i] * (1.0 - z[i]);
                carry[i] *= z[i];
            }
            ApplyBackward(g.Activation, Sums == null ? null : Sums + 2 * u, value, da, 2 * u, Dx + 2 * u, u);
            for (int i = 0; i < u; i++)
            {
                double product = 0; // gradient of what the reset gate multiplies, times the gate
                for (int j = 0; j < u && !after; j++)
                    product += (double)Dx[2 * u + j] * o.R.Pointer[i * width + 2 * u + j];
                da[u + i] = after ? (double)Dx[2 * u + i] * Gates[3 * u + i] : product * h[i];
                if (!after)
                {
                    Second[i] = (float)(r[i] * h[i]);
                    carry[i] += product * r[i] * (o.Dropout.IsNull ? 1 : o.Dropout.Pointer[n * u + i]);
                }
            }
            ApplyBackward(g.RecurrentActivation, Sums, z, da, 0, Dx, u);
            ApplyBackward(g.RecurrentActivation, Sums == null ? null : Sums + u, r, da, u, Dx + u, u);
            for (int j = 0; j < width && after; j++)
                Second[j] = j < 2 * u ? Dx[j] : Dx[j] * r[j - 2 * u];
            AddThroughWeights(g, o, n, after ? Second : Dx, after ? width : 2 * u, carry);
        }

        /// <summary>The states' gradient by way of the first columns of the products.</summary>
        private static void AddThroughWeights(in RecurrentGeometry g, in RecurrentOperands o, long n, float* ds, int columns, double[] carry)
        {
            for (int i = 0; i < g.U; i++)
            {
                double sum = 0;
                for (int j = 0; j < columns; j++)
                    sum += (double)ds[j] * o.R.Pointer[i * g.Gates * g.U + j];
                carry[i] += sum * (o.Dropout.IsNull ? 1 : o.Dropout.Pointer[n * g.U + i]);
            }
        }
    }
}
