using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <content>Backward through time.</content>
internal sealed unsafe partial class CpuRecurrentKernels
{
    /// <summary>
    /// Takes a group from the last step to the first. Each step writes the gradient of its sums to the rows of dx, and the states that were multiplied
    /// to those of Previous: the gradient of the weights is then one product over all steps.
    /// </summary>
    private struct Backwards : IRowBody
    {
        public RecurrentGeometry G;
        public Pointers O;
        public float* Y, Gates, Sums, Dy, Dx, Previous, Second, DInitial;
        public float BetaInitial;

        public readonly void Run(int first, int end)
        {
            int rows = end - first, u = G.U, width = G.Gates * u, states = G.States * u;
            float* scratch = Scratch.Rent(ScratchSlot.RecurrentStep, (long)rows * (states + u) + u);
            var carry = new Rows(scratch, states); // gradient of the states behind the step
            var product = new Rows(scratch + (long)rows * states, u);
            float* value = scratch + (long)rows * (states + u);
            new Span<float>(carry.First, rows * states).Clear();
            for (int s = G.T - 1; s >= 0; s--)
            {
                Rows before = Before(G, O, Y, first, s), after = At(Y, first, G.Output(s), states, G.T), dy = At(Dy, first, G.Output(s), states, G.T);
                Rows gate = At(Gates, first, s, G.SavedGates * u, G.T), sum = Sums == null ? default : At(Sums, first, s, width, G.T);
                Rows dx = At(Dx, first, G.Input(s), width, G.T), previous = At(Previous, first, G.Input(s), u, G.T);
                Rows second = At(Second, first, G.Input(s), G.Kind == RecurrentKind.Gru ? u : width, G.T);
                for (int n = 0; n < rows; n++)
                {
                    Row.AddScaled(dy[n], 1, carry[n], states);
                    Remember(first + n, before[n], previous[n]);
                    if (IsMasked(first + n, s))
                        Clear(dx[n], previous[n], second[n]);
                    else
                        WithoutProduct(before[n], after[n], gate[n], sum[n], carry[n], dx[n], value);
                }
                if (G.Kind == RecurrentKind.Gru)
                    ResetBefore(first, rows, s, previous, gate, sum, carry, dx, product, second);
                else if (G.Kind == RecurrentKind.GruResetAfter)
                    ResetAfter(first, rows, s, gate, sum, dx, second);
                Rows ds = G.Kind == RecurrentKind.GruResetAfter ? second : dx;
                if (before.First != null)
                    AddThroughWeights(first, rows, ds, G.Kind == RecurrentKind.Gru ? 2 * u : width, product, carry);
            }
            for (int n = 0; n < rows && DInitial != null; n++)
                Row.Store(carry[n], DInitial + (long)(first + n) * states, states, BetaInitial);
        }

        private readonly bool IsMasked(int sequence, int s) => O.Mask != null && O.Mask[(long)sequence * G.T + G.Input(s)] == 0;

        private readonly void Remember(int sequence, float* before, float* previous)
        {
            if (before == null)
                new Span<float>(previous, G.U).Clear();
            else if (O.Dropout == null)
                Row.Store(before, previous, G.U, 0);
            else
                GateRows.Multiply(before, O.Dropout + (long)sequence * G.U, previous, G.U);
        }

        private readonly void Clear(float* dx, float* previous, float* second)
        {
            new Span<float>(dx, G.Gates * G.U).Clear();
            new Span<float>(previous, G.U).Clear();
            if (G.Kind is RecurrentKind.Gru or RecurrentKind.GruResetAfter)
                new Span<float>(second, G.Kind == RecurrentKind.Gru ? G.U : G.Gates * G.U).Clear();
        }

        /// <summary>What needs no product: all of a simple cell and of an LSTM; of a GRU, the new value and the gradient at z. carry becomes what passes by.</summary>
        private readonly void WithoutProduct(float* before, float* after, float* gate, float* sum, float* carry, float* dx, float* value)
        {
            int u = G.U;
            switch (G.Kind)
            {
                case RecurrentKind.Simple:
                    Row.Store(carry, dx, u, 0);
                    new Span<float>(carry, u).Clear();
                    GateRows.Backward(G.Activation, sum, gate, dx, u, 1);
                    break;
                case RecurrentKind.Lstm:
                    Lstm(before, after + u, gate, sum, carry, dx, value);
                    break;
                default:
                    GateRows.MixBackward(gate, before, gate + 2 * u, carry, dx, dx + 2 * u, u);
                    GateRows.Backward(G.Activation, From(sum, 2 * u), gate + 2 * u, dx + 2 * u, u, 1);
                    break;
            }
        }

        private readonly void Lstm(float* before, float* c, float* gate, float* sum, float* carry, float* dx, float* value)
        {
            int u = G.U;
            GateRows.Apply(G.Activation, c, value, u, 1); // h = o f(c)
            GateRows.Multiply(carry, value, dx + 3 * u, u);
            GateRows.Multiply(carry, gate + 3 * u, carry, u);
            GateRows.Backward(G.Activation, c, value, carry, u, 1);
            float* dc = carry + u;
            Row.AddScaled(carry, 1, dc, u);
            GateRows.Multiply(dc, gate + 2 * u, dx, u); // c = j c' + i g
            if (before == null)
                new Span<float>(dx + u, u).Clear();
            else
                GateRows.Multiply(dc, before + u, dx + u, u);
            GateRows.Multiply(dc, gate, dx + 2 * u, u);
            GateRows.Multiply(dc, gate + u, dc, u);
            new Span<float>(carry, u).Clear();
            GateRows.Backward(G.RecurrentActivation, sum, gate, dx, u, 2);
            GateRows.Backward(G.Activation, From(sum, 2 * u), gate + 2 * u, dx + 2 * u, u, 1);
            GateRows.Backward(G.RecurrentActivation, From(sum, 3 * u), gate + 3 * u, dx + 3 * u, u, 1);
        }

        /// <summary>g = f(x + (r h') R): the gradient of r h' is a product.</summary>
        private readonly void ResetBefore(int first, int rows, int s, Rows previous, Rows gate, Rows sum, Rows carry, Rows dx, Rows product, Rows reset)
        {
            int u = G.U, width = 3 * u;
            Gemm.Run(false, true, rows, u, u, dx.First + 2 * u, (int)dx.Stride, O.R + 2 * u, width, product.First, u, 0);
            for (int n = 0; n < rows; n++)
            {
                if (IsMasked(first + n, s))
                    continue; // all its gradients are zeros already
                float* r = gate[n] + u;
                GateRows.Multiply(r, previous[n], reset[n], u);
                GateRows.Multiply(product[n], previous[n], dx[n] + u, u);
                GateRows.Multiply(product[n], r, product[n], u);
                AddToState(first + n, product[n], carry[n]);
                GateRows.Backward(G.RecurrentActivation, sum[n], gate[n], dx[n], u, 2);
            }
        }

        /// <summary>g = f(x + r p) with the product p: its gradient is not that of x.</summary>
        private readonly void ResetAfter(int first, int rows, int s, Rows gate, Rows sum, Rows dx, Rows ds)
        {
            int u = G.U;
            for (int n = 0; n < rows; n++)
            {
                if (IsMasked(first + n, s))
                    continue;
                GateRows.Multiply(dx[n] + 2 * u, gate[n] + 3 * u, dx[n] + u, u);
                GateRows.Backward(G.RecurrentActivation, sum[n], gate[n], dx[n], u, 2);
                Row.Store(dx[n], ds[n], 2 * u, 0);
                GateRows.Multiply(dx[n] + 2 * u, gate[n] + u, ds[n] + 2 * u, u);
            }
        }

        /// <summary>The states' gradient by way of some columns of the weights.</summary>
        private readonly void AddThroughWeights(int first, int rows, Rows ds, int columns, Rows product, Rows carry)
        {
            if (O.Dropout == null)
            {
                Gemm.Run(false, true, rows, G.U, columns, ds.First, (int)ds.Stride, O.R, G.Gates * G.U, carry.First, (int)carry.Stride, 1);
                return;
            }
            Gemm.Run(false, true, rows, G.U, columns, ds.First, (int)ds.Stride, O.R, G.Gates * G.U, product.First, G.U, 0);
            for (int n = 0; n < rows; n++)
                AddToState(first + n, product[n], carry[n]);
        }

        private readonly void AddToState(int sequence, float* product, float* carry)
        {
            if (O.Dropout == null)
                Row.AddScaled(product, 1, carry, G.U);
            else
                Row.AddProduct(product, O.Dropout + (long)sequence * G.U, carry, G.U);
        }

        private static float* From(float* row, int from) => row == null ? null : row + from;
    }
}
