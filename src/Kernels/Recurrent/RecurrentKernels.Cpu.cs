using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Groups of sequences side by side: a thread takes a group through all steps, so that nobody waits between two steps and the states stay in its
/// cache. A step is one matrix product of the group's states and the recurrent weights. Groups follow from the batch alone, never from the threads.
/// </summary>
internal sealed unsafe partial class CpuRecurrentKernels : RecurrentKernels
{
    private const int SmallGroup = 8, LargeGroup = 16, LargeBatch = 64;

    public override void Forward(in RecurrentGeometry g, in RecurrentOperands o, DevicePtr<float> y, DevicePtr<float> gates, DevicePtr<float> sums) =>
        ParallelRows.Run(g.N, Group(g.N), new Forwards { G = g, O = new Pointers(o), Y = y.Pointer, Gates = gates.Pointer, Sums = sums.Pointer });

    public override void Backward(
        in RecurrentGeometry g, in RecurrentOperands o, DevicePtr<float> y, DevicePtr<float> gates, DevicePtr<float> sums, DevicePtr<float> dy,
        in RecurrentGradients d, DevicePtr<float> work)
    {
        float* second = work.Pointer + (long)g.N * g.T * g.U;
        ParallelRows.Run(g.N, Group(g.N), new Backwards
        {
            G = g,
            O = new Pointers(o),
            Y = y.Pointer,
            Gates = gates.Pointer,
            Sums = sums.Pointer,
            Dy = dy.Pointer,
            Dx = d.X.Pointer,
            Previous = work.Pointer,
            Second = second,
            DInitial = d.Initial.Pointer,
            BetaInitial = d.BetaInitial,
        });
        int u = g.U, width = g.Gates * u, rows = checked(g.N * g.T);
        float* ds = g.Kind == RecurrentKind.GruResetAfter ? second : d.X.Pointer; // gradient of the products
        if (!d.R.IsNull)
        {
            int columns = g.Kind == RecurrentKind.Gru ? 2 * u : width;
            Gemm.Run(true, false, u, columns, rows, work.Pointer, u, ds, width, d.R.Pointer, width, d.BetaR);
            if (columns < width)
                Gemm.Run(true, false, u, u, rows, second, u, ds + columns, width, d.R.Pointer + columns, width, d.BetaR);
        }
        if (!d.B.IsNull)
            ColumnSums.Run(rows, width, new ColumnSums.Plain { X = ds, C = width }, d.B.Pointer, d.BetaB);
    }

    private static int Group(int n) => n <= LargeBatch ? SmallGroup : LargeGroup;

    private readonly struct Pointers(in RecurrentOperands o)
    {
        public readonly float* X = o.X.Pointer, R = o.R.Pointer, B = o.B.Pointer, Initial = o.Initial.Pointer, Dropout = o.Dropout.Pointer, Mask = o.Mask.Pointer;
    }

    /// <summary>Rows of memory, one a sequence of the group.</summary>
    private readonly struct Rows(float* first, nint stride)
    {
        public readonly float* First = first;
        public readonly nint Stride = stride;

        public float* this[int row] => First == null ? null : First + row * Stride;
    }

    private struct Forwards : IRowBody
    {
        public RecurrentGeometry G;
        public Pointers O;
        public float* Y, Gates, Sums;

        public readonly void Run(int first, int end)
        {
            int rows = end - first, u = G.U, width = G.Gates * u, saved = G.SavedGates * u, states = G.States * u;
            float* scratch = Scratch.Rent(ScratchSlot.RecurrentStep, (long)rows * (saved + u + width));
            var h = new Rows(scratch, u);
            float* product = scratch + (long)rows * u, ownGates = product + (long)rows * width;
            for (int s = 0; s < G.T; s++)
            {
                Rows before = Before(G, O, Y, first, s), after = At(Y, first, G.Output(s), states, G.T);
                Rows gate = Gates == null ? new Rows(ownGates, saved) : At(Gates, first, s, saved, G.T);
                Rows sum = Sums == null ? gate : At(Sums, first, s, width, G.T); // in place where backward does not ask for them
                for (int n = 0; n < rows; n++)
                    Row.Store(O.X + ((long)(first + n) * G.T + G.Input(s)) * width, sum[n], width, 0);
                Rows multiplied = Dropped(G, O, before, h, first, rows);
                if (G.Kind is RecurrentKind.Simple or RecurrentKind.Lstm)
                    Add(multiplied, rows, width, 0, sum);
                else if (G.Kind == RecurrentKind.Gru)
                    ResetBefore(multiplied, h, rows, gate, sum);
                else
                    ResetAfter(multiplied, product, rows, gate, sum);
                for (int n = 0; n < rows; n++)
                    Finish(before[n], after[n], gate[n], sum[n]);
                KeepMasked(first, rows, s, before, after);
            }
        }

        /// <summary>Adds the states' product with some columns of the weights.</summary>
        private readonly void Add(Rows h, int rows, int columns, int from, Rows sum)
        {
            if (h.First != null)
                Gemm.Run(false, false, rows, columns, G.U, h.First, (int)h.Stride, O.R + from, G.Gates * G.U, sum.First + from, (int)sum.Stride, 1);
        }

        private readonly void ResetBefore(Rows h, Rows reset, int rows, Rows gate, Rows sum)
        {
            int u = G.U;
            Add(h, rows, 2 * u, 0, sum);
            for (int n = 0; n < rows; n++)
            {
                GateRows.Apply(G.RecurrentActivation, sum[n], gate[n], u, 2);
                if (h.First != null)
                    GateRows.Multiply(gate[n] + u, h[n], reset[n], u);
            }
            Add(h.First == null ? h : reset, rows, u, 2 * u, sum);
        }

        private readonly void ResetAfter(Rows h, float* product, int rows, Rows gate, Rows sum)
        {
            int u = G.U, width = 3 * u;
            if (h.First != null)
                Gemm.Run(false, false, rows, width, u, h.First, (int)h.Stride, O.R, width, product, width, 0, O.B);
            for (int n = 0; n < rows; n++)
            {
                float* p = h.First != null ? product + n * width : O.B; // without a state before, the bias alone
                if (p != null)
                    Row.AddScaled(p, 1, sum[n], 2 * u);
                GateRows.Apply(G.RecurrentActivation, sum[n], gate[n], u, 2);
                if (p == null)
                    new Span<float>(gate[n] + width, u).Clear();
                else
                    Row.Store(p + 2 * u, gate[n] + width, u, 0);
                Row.AddProduct(gate[n] + u, gate[n] + width, sum[n] + 2 * u, u);
            }
        }

        /// <summary>The last functions, and the new states.</summary>
        private readonly void Finish(float* before, float* after, float* gate, float* sum)
        {
            int u = G.U;
            switch (G.Kind)
            {
                case RecurrentKind.Simple:
                    GateRows.Apply(G.Activation, sum, gate, u, 1);
                    Row.Store(gate, after, u, 0);
                    break;
                case RecurrentKind.Lstm:
                    GateRows.Apply(G.RecurrentActivation, sum, gate, u, 2);
                    GateRows.Apply(G.Activation, sum + 2 * u, gate + 2 * u, u, 1);
                    GateRows.Apply(G.RecurrentActivation, sum + 3 * u, gate + 3 * u, u, 1);
                    GateRows.Multiply(gate, gate + 2 * u, after + u, u);
                    if (before != null)
                        Row.AddProduct(gate + u, before + u, after + u, u);
                    GateRows.Apply(G.Activation, after + u, after, u, 1);
                    GateRows.Multiply(after, gate + 3 * u, after, u);
                    break;
                default:
                    GateRows.Apply(G.Activation, sum + 2 * u, gate + 2 * u, u, 1);
                    GateRows.Mix(gate, before, gate + 2 * u, after, u);
                    break;
            }
        }

        private readonly void KeepMasked(int first, int rows, int s, Rows before, Rows after)
        {
            int states = G.States * G.U;
            for (int n = 0; n < rows && O.Mask != null; n++)
            {
                if (O.Mask[(long)(first + n) * G.T + G.Input(s)] != 0)
                    continue;
                if (before.First == null)
                    new Span<float>(after[n], states).Clear();
                else
                    Row.Store(before[n], after[n], states, 0);
            }
        }
    }

    private static Rows At(float* of, int first, int step, int width, int steps) => new(of + ((long)first * steps + step) * width, (nint)steps * width);

    /// <summary>The states before a step; none where they are zeros.</summary>
    private static Rows Before(in RecurrentGeometry g, in Pointers o, float* y, int first, int s)
    {
        int states = g.States * g.U;
        return s > 0 ? At(y, first, g.Output(s - 1), states, g.T) : o.Initial == null ? default : new Rows(o.Initial + (long)first * states, states);
    }

    /// <summary>The states as they are multiplied: themselves, or in <paramref name="h"/> times the dropout.</summary>
    private static Rows Dropped(in RecurrentGeometry g, in Pointers o, Rows before, Rows h, int first, int rows)
    {
        if (o.Dropout == null || before.First == null)
            return before;
        for (int n = 0; n < rows; n++)
            GateRows.Multiply(before[n], o.Dropout + (long)(first + n) * g.U, h[n], g.U);
        return h;
    }
}
