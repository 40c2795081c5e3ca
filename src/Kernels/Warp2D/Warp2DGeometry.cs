namespace Graft.Kernels;

/// <summary>Sizes of an affine resampling: x [N,H,W,C], m [N,6], y [N,OutH,OutW,C].</summary>
/// <param name="N">Images.</param>
/// <param name="H">Input height.</param>
/// <param name="W">Input width.</param>
/// <param name="C">Channels.</param>
/// <param name="OutH">Output height.</param>
/// <param name="OutW">Output width.</param>
/// <param name="Blends">True blends the four pixels around a place (bilinear), false takes the nearest.</param>
/// <param name="Fill">What lies beyond the border.</param>
/// <param name="FillValue">The number for <see cref="WarpFill.Constant"/>.</param>
public readonly record struct Warp2DGeometry(int N, int H, int W, int C, int OutH, int OutW, bool Blends, WarpFill Fill, float FillValue)
{
    /// <summary>
    /// The places (y,x) of the input whose shares make an output pixel, and their shares; a place outside of the image stands for the fill value.
    /// </summary>
    /// <param name="m">The image's six numbers: x_in = m0 q + m1 p + m2, y_in = m3 q + m4 p + m5.</param>
    /// <param name="p">Output row.</param>
    /// <param name="q">Output column.</param>
    /// <param name="places">Room for four.</param>
    /// <returns>How many there are.</returns>
    public int Sources(ReadOnlySpan<float> m, int p, int q, Span<(int Y, int X, float Share)> places)
    {
        double x = Within(m[0] * (double)q + m[1] * (double)p + m[2], W), y = Within(m[3] * (double)q + m[4] * (double)p + m[5], H);
        if (!Blends)
        {
            places[0] = ((int)Math.Floor(y + 0.5), (int)Math.Floor(x + 0.5), 1);
            return 1;
        }
        int top = (int)Math.Floor(y), left = (int)Math.Floor(x), count = 0;
        double below = y - top, right = x - left;
        for (int i = 0; i < 4; i++)
        {
            double share = (i < 2 ? 1 - below : below) * (i % 2 == 0 ? 1 - right : right);
            if (share > 0)
                places[count++] = (top + i / 2, left + i % 2, (float)share);
        }
        return count;
    }

    /// <summary>True where a place is a pixel of the image.</summary>
    public bool IsInside(int y, int x) => y >= 0 && y < H && x >= 0 && x < W;

    private double Within(double at, int extent)
    {
        if (Fill == WarpFill.Constant)
            return Math.Clamp(at, -2, extent + 1.0); // far outside is outside
        if (Fill == WarpFill.Nearest)
            return Math.Clamp(at, 0, extent - 1);
        int period = Fill == WarpFill.Wrap ? extent : 2 * extent;
        double inPeriod = at - Math.Floor(at / period) * period;
        return Math.Clamp(Fill == WarpFill.Reflect && inPeriod >= extent ? period - inPeriod - 1 : inPeriod, 0, extent - 1);
    }
}
