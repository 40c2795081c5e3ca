namespace Graft.Kernels;

/// <summary>The loops of the formula, for every geometry; one algorithm, and weights as they come.</summary>
internal sealed unsafe class ReferenceFusedConv2DKernels : FusedConv2DKernels
{
    public override ConvAlgorithm Choose(in FusedConv2DGeometry g) => ConvAlgorithm.General;

    public override bool Supports(ConvAlgorithm algorithm, in FusedConv2DGeometry g) => algorithm == ConvAlgorithm.General;

    public override long PackedSize(in FusedConv2DGeometry g, ConvAlgorithm algorithm) => (long)g.O * g.R * g.S * g.C;

    public override void Pack(in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> w, DevicePtr<float> packed)
    {
        for (long i = 0; i < PackedSize(g, algorithm); i++)
            packed.Pointer[i] = w.Pointer[i];
    }

    public override void Run(
        in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (!Supports(algorithm, g))
            throw new NotSupportedException($"FusedConv2D: the reference kernels have the algorithm {ConvAlgorithm.General} alone, not {algorithm}.");
        for (int n = 0; n < g.N; n++)
        {
            for (int p = 0; p < g.StoredH; p++)
            {
                for (int q = 0; q < g.StoredW; q++)
                {
                    for (int o = 0; o < g.O; o++)
                        y.Pointer[g.Output.At(n, p, q) + o] = Stored(g, x.Pointer, packed.Pointer, b.Pointer, residual.Pointer, n, p, q, o);
                }
            }
        }
    }

    private static float Stored(in FusedConv2DGeometry g, float* x, float* w, float* b, float* residual, int n, int p, int q, int o)
    {
        if (!g.MaxPool)
            return One(g, x, w, b, residual, n, p, q, o);
        float largest = float.NegativeInfinity;
        for (int i = 0; i < 4; i++)
            largest = MathF.Max(largest, One(g, x, w, b, residual, n, 2 * p + i / 2, 2 * q + i % 2, o));
        return largest;
    }

    private static float One(in FusedConv2DGeometry g, float* x, float* w, float* b, float* residual, int n, int p, int q, int o)
    {
        double sum = Window(g, x, w, n, p, q, o) + (b == null ? 0 : b[o]);
        if (residual != null)
            sum += residual[g.Residual.At(n, p, q) + o];
        return Activate(g.Activation, (float)sum);
    }

    private static double Window(in FusedConv2DGeometry g, float* x, float* w, int n, int p, int q, int o)
    {
        double sum = 0;
        for (int r = 0; r < g.R; r++)
        {
            for (int s = 0; s < g.S; s++)
            {
                int h = p * g.StrideH + r * g.DilationH - g.Padding.Top, v = q * g.StrideW + s * g.DilationW - g.Padding.Left;
                if (h < 0 || h >= g.H || v < 0 || v >= g.W)
                    continue;
                for (int c = 0; c < g.C; c++)
                    sum += (double)x[g.Input.At(n, h, v) + c] * w[(((long)o * g.R + r) * g.S + s) * g.C + c];
            }
        }
        return sum;
    }

    private static float Activate(FusedActivation activation, float v) => activation switch
    {
        FusedActivation.ReLU => v < 0 ? 0 : v,
        FusedActivation.ReLU6 => v < 0 ? 0 : v > 6 ? 6 : v,
        _ => v,
    };
}
