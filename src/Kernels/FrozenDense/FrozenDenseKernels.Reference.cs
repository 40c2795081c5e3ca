namespace Graft.Kernels;

/// <summary>The loops of the formula, with weights as they come.</summary>
internal sealed unsafe class ReferenceFrozenDenseKernels : FrozenDenseKernels
{
    private readonly ReferenceUnaryKernels _unary = new();

    public override long PackedSize(int k, int o) => (long)k * o;

    public override void Pack(int k, int o, DevicePtr<float> w, DevicePtr<float> packed)
    {
        for (long i = 0; i < (long)k * o; i++)
            packed.Pointer[i] = w.Pointer[i];
    }

    public override void Run(
        in FrozenDenseGeometry g, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        for (int m = 0; m < g.M; m++)
        {
            for (int o = 0; o < g.O; o++)
            {
                long at = (long)m * g.O + o;
                double sum = (b.IsNull ? 0 : b.Pointer[o]) + (residual.IsNull ? 0.0 : residual.Pointer[at]);
                for (int k = 0; k < g.K; k++)
                    sum += (double)x.Pointer[(long)m * g.K + k] * packed.Pointer[(long)k * g.O + o];
                y.Pointer[at] = (float)sum;
            }
        }
        if (g.Activation is { } formula)
            _unary.Forward(new UnaryGeometry((long)g.M * g.O, formula), y, y);
    }
}
