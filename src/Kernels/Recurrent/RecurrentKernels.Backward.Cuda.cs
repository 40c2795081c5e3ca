using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <content>Backward through time: the weights' gradients are products over all steps at once.</content>
internal sealed partial class CudaRecurrentKernels
{
    private const string BackwardFile = "RecurrentBackward.cu";

    private readonly KernelFunction _backward = new(context, BackwardFile, "recurrent_backward"), _backwardReset = new(context, BackwardFile, "recurrent_backward_reset"),
        _backwardInitial = new(context, BackwardFile, "recurrent_backward_initial");

    public override void Backward(
        in RecurrentGeometry g, in RecurrentOperands o, DevicePtr<float> y, DevicePtr<float> gates, DevicePtr<float> sums, DevicePtr<float> dy,
        in RecurrentGradients d, DevicePtr<float> work)
    {
        int u = g.U, width = g.Gates * u, columns = g.Kind == RecurrentKind.Gru ? 2 * u : width, threads = CudaRows.Threads(u);
        long carried = (long)g.N * g.States * u;
        bool isReset = g.Kind is RecurrentKind.Gru or RecurrentKind.GruResetAfter;
        DevicePtr<float> second = isReset ? work.At((long)g.N * g.T * u) : DevicePtr<float>.Null;
        DevicePtr<float> ds = g.Kind == RecurrentKind.GruResetAfter ? second : d.X; // gradient of the products
        using var scratch = new CudaScratch(context, (carried + (long)g.N * u) * sizeof(float));
        DevicePtr<float> carry = new(scratch.Address), product = carry.At(carried), made = DevicePtr<float>.Null;
        memory.Fill(carry, carried, 0);
        KernelArgument cell = Cell(g);
        for (int s = g.T - 1; s >= 0; s--)
        {
            var step = new RecurrentStep(g, o, y, s);
            DevicePtr<float> gate = step.Own(gates, g.SavedGates), sum = step.Own(sums, g.Gates), dx = step.AtInput(d.X, g.Gates), previous = step.AtInput(work, 1),
                other = step.AtInput(second, g.Kind == RecurrentKind.Gru ? 1 : g.Gates);
            _backward.Launch(g.N, threads, cell, gate, sum, step.Before, (long)step.BeforeStride, step.AtOutput(y), step.AtOutput(dy), made, o.Dropout, step.Mask, carry, dx,
                previous, other);
            if (g.Kind == RecurrentKind.Gru)
            {
                MultiplyBack(g, dx, o.R, columns, u, product);
                _backwardReset.Launch(g.N, threads, cell, gate, sum, product, o.Dropout, step.Mask, carry, dx, previous, other);
            }
            if (s > 0 || !d.Initial.IsNull)
                MultiplyBack(g, step.AtInput(ds, g.Gates), o.R, 0, columns, product);
            made = product;
        }
        if (!d.Initial.IsNull)
            _backwardInitial.Launch(g.N, threads, cell, carry, product, o.Dropout, d.Initial, d.BetaInitial);
        Weights(g, d, work, second, ds);
    }

    /// <summary>product [N,U] = some columns of the rows of one step, times the weights' same columns turned.</summary>
    private void MultiplyBack(in RecurrentGeometry g, DevicePtr<float> rows, DevicePtr<float> r, int from, int columns, DevicePtr<float> product)
    {
        int width = g.Gates * g.U;
        context.Blas.Multiply(g.N, g.U, columns, new CudaMatrices(rows.At(from), checked(g.T * width)), new CudaMatrices(r.At(from), width, Transposed: true), new CudaMatrices(product, g.U), 0);
    }

    private void Weights(in RecurrentGeometry g, in RecurrentGradients d, DevicePtr<float> previous, DevicePtr<float> second, DevicePtr<float> ds)
    {
        int u = g.U, width = g.Gates * u, rows = checked(g.N * g.T), columns = g.Kind == RecurrentKind.Gru ? 2 * u : width;
        if (!d.R.IsNull)
        {
            context.Blas.Multiply(u, columns, rows, new CudaMatrices(previous, u, Transposed: true), new CudaMatrices(ds, width), new CudaMatrices(d.R, width), d.BetaR);
            if (columns < width)
                context.Blas.Multiply(u, u, rows, new CudaMatrices(second, u, Transposed: true), new CudaMatrices(ds.At(columns), width), new CudaMatrices(d.R.At(columns), width), d.BetaR);
        }
        if (!d.B.IsNull)
            reduce.SumRows(rows, width, ds, d.B, d.BetaB);
    }
}
