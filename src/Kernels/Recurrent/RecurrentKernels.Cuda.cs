using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>
/// One step of all sequences after the other: cuBLAS multiplies the states by the recurrent weights, an own kernel makes the gates and the new states. Without a state
/// before the first step there is no product either.
/// </summary>
internal sealed partial class CudaRecurrentKernels(CudaContext context, CudaReduceKernels reduce, MemoryKernels memory) : RecurrentKernels
{
    private const string File = "Recurrent.cu";

    private readonly KernelFunction _drop = new(context, File, "recurrent_drop"), _reset = new(context, File, "recurrent_reset"), _forward = new(context, File, "recurrent_forward");

    public override void Forward(in RecurrentGeometry g, in RecurrentOperands o, DevicePtr<float> y, DevicePtr<float> gates, DevicePtr<float> sums)
    {
        int u = g.U, width = g.Gates * u, saved = g.SavedGates * u;
        bool writesState = g.Kind == RecurrentKind.Gru || !o.Dropout.IsNull; // what is multiplied is not the state itself
        long products = (long)g.N * width, states = writesState ? (long)g.N * u : 0, ownGates = gates.IsNull ? (long)g.N * saved : 0;
        using var scratch = new CudaScratch(context, (products + states + ownGates) * sizeof(float));
        DevicePtr<float> product = new(scratch.Address), h = product.At(products), own = h.At(states), none = DevicePtr<float>.Null;
        KernelArgument cell = Cell(g);
        for (int s = 0; s < g.T; s++)
        {
            var step = new RecurrentStep(g, o, y, s);
            DevicePtr<float> before = step.Before, multiplied = before, x = step.AtInput(o.X, g.Gates), sum = step.Own(sums, g.Gates);
            int stride = step.BeforeStride;
            (DevicePtr<float> gate, long gateStride) = gates.IsNull ? (own, saved) : (step.Own(gates, g.SavedGates), (long)g.T * saved);
            if (!o.Dropout.IsNull && !before.IsNull)
            {
                _drop.Over((long)g.N * u, before, (long)stride, o.Dropout, h, (long)g.N * u, u);
                (multiplied, stride) = (h, u);
            }
            DevicePtr<float> made = before.IsNull ? none : product;
            if (!before.IsNull)
                Multiply(g, multiplied, stride, o.R, 0, g.Kind == RecurrentKind.Gru ? 2 * u : width, product);
            if (g.Kind == RecurrentKind.Gru)
            {
                _reset.Launch(g.N, CudaRows.Threads(u), cell, x, made, o.B, multiplied, (long)stride, gate, gateStride, sum, h);
                if (!before.IsNull)
                    Multiply(g, h, u, o.R, 2 * u, u, product);
            }
            _forward.Launch(g.N, CudaRows.Threads(u), cell, x, made, o.B, step.Mask, before, (long)step.BeforeStride, gate, gateStride, sum, step.AtOutput(y));
        }
    }

    /// <summary>Some columns of the states' product with the recurrent weights, to the same columns of product.</summary>
    private void Multiply(in RecurrentGeometry g, DevicePtr<float> h, int stride, DevicePtr<float> r, int from, int columns, DevicePtr<float> product)
    {
        int width = g.Gates * g.U;
        context.Blas.Multiply(g.N, columns, g.U, new CudaMatrices(h, stride), new CudaMatrices(r.At(from), width), new CudaMatrices(product.At(from), width), 0);
    }

    private static KernelArgument Cell(in RecurrentGeometry g) => KernelArgument.Of(new RecurrentCell(g.Kind, g.U, g.T, g.Activation, g.RecurrentActivation));
}
