namespace Graft.Kernels;

internal sealed unsafe class ReferenceSparsemaxKernels : SparsemaxKernels
{
    public override void Forward(in SparsemaxGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        var sorted = new float[g.C];
        for (long row = 0; row < g.Rows; row++)
            Row(new ReadOnlySpan<float>(x.Pointer + row * g.C, g.C), sorted, new Span<float>(y.Pointer + row * g.C, g.C));
    }

    public override void BackwardInput(in SparsemaxGeometry g, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (long row = 0; row < g.Rows; row++)
            BackwardRow(g.C, y.Pointer + row * g.C, dy.Pointer + row * g.C, dx.Pointer + row * g.C, beta);
    }

    /// <summary>One row, with room for as many numbers.</summary>
    public static void Row(ReadOnlySpan<float> x, Span<float> sorted, Span<float> y)
    {
        x.CopyTo(sorted);
        sorted.Sort();
        double sum = 0, threshold = 0;
        for (int k = 1; k <= sorted.Length; k++)
        {
            sum += sorted[^k];
            double t = (sum - 1) / k;
            if (!(sorted[^k] > t))
                break;
            threshold = t;
        }
        for (int c = 0; c < y.Length; c++)
            y[c] = (float)Math.Max(x[c] - threshold, 0);
    }

    /// <summary>The gradient of one row.</summary>
    public static void BackwardRow(int count, float* y, float* dy, float* dx, float beta)
    {
        double sum = 0;
        int support = 0;
        for (int c = 0; c < count; c++)
        {
            sum += y[c] > 0 ? dy[c] : 0;
            support += y[c] > 0 ? 1 : 0;
        }
        for (int c = 0; c < count; c++)
            BetaStore.Store(ref dx[c], y[c] > 0 ? dy[c] - sum / support : 0, beta);
    }
}
