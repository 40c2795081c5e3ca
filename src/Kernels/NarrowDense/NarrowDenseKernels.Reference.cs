namespace Graft.Kernels;

/// <summary>The loops of the formula; weights are kept as they come and rounded at each use.</summary>
internal sealed unsafe class ReferenceNarrowDenseKernels : NarrowDenseKernels
{
    private readonly ReferenceUnaryKernels _unary = new();

    public override long PackedBytes(int k, int o, WeightPrecision precision) => (long)k * o * sizeof(float);

    public override void Pack(int k, int o, WeightPrecision precision, bool transposed, DevicePtr<float> w, DevicePtr<byte> packed)
    {
        float* to = (float*)packed.Pointer;
        for (int i = 0; i < k; i++)
        {
            for (int j = 0; j < o; j++)
                to[(long)i * o + j] = w.Pointer[transposed ? (long)j * k + i : (long)i * o + j];
        }
    }

    public override void Run(
        in NarrowDenseGeometry g, DevicePtr<float> x, DevicePtr<byte> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        float* w = (float*)packed.Pointer;
        for (int m = 0; m < g.M; m++)
        {
            for (int o = 0; o < g.O; o++)
            {
                long at = (long)m * g.O + o;
                double sum = (b.IsNull ? 0 : b.Pointer[o]) + (residual.IsNull ? 0.0 : residual.Pointer[at]);
                for (int block = 0; block < g.Blocks; block++)
                    sum += BlockSum(g, x.Pointer + (long)m * g.K, w + o, block);
                y.Pointer[at] = (float)sum;
            }
        }
        if (g.Activation is { } formula)
            _unary.Forward(new UnaryGeometry((long)g.M * g.O, formula), y, y);
    }

    private static double BlockSum(in NarrowDenseGeometry g, float* x, float* w, int block)
    {
        int first = block * NarrowDenseGeometry.Block, end = Math.Min(g.K, first + NarrowDenseGeometry.Block);
        double sum = 0;
        if (g.Precision == WeightPrecision.BFloat16)
        {
            for (int k = first; k < end; k++)
                sum += (double)x[k] * Rounding.FromBFloat16(Rounding.ToBFloat16(w[(long)k * g.O]));
            return sum;
        }
        float largestX = 0, largestW = 0;
        for (int k = first; k < end; k++)
            (largestX, largestW) = (MathF.Max(largestX, MathF.Abs(x[k])), MathF.Max(largestW, MathF.Abs(w[(long)k * g.O])));
        float inverseX = Rounding.Inverse(largestX), inverseW = Rounding.Inverse(largestW);
        for (int k = first; k < end; k++)
            sum += (double)Rounding.ToInt8(x[k], inverseX) * Rounding.ToInt8(w[(long)k * g.O], inverseW);
        return sum * (largestX / 127) * (largestW / 127);
    }
}
