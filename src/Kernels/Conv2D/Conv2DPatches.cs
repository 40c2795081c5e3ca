namespace Graft.Kernels;

/// <summary>
/// The input of a convolution as a matrix (im2col): row m = (n,p,q) holds the window of output pixel (p,q), in the weight's
/// order (r,s,c) and with zeros outside the image. Made in small pieces that stay in the cache; the whole is never stored.
/// </summary>
internal unsafe struct Conv2DPatches
{
    private readonly float* _x;
    private readonly int _h, _w, _outH, _outW, _strideH, _strideW, _dilationH, _dilationW, _top, _left;
    private readonly int _groupC, _s, _run;
    private readonly bool _joined;
    private readonly ImageLayout _layout;

    public Conv2DPatches(in Conv2DGeometry g, float* x)
    {
        _x = x;
        _layout = ImageLayout.Dense(g.H, g.W, g.C);
        (_h, _w, _outH, _outW, _s) = (g.H, g.W, g.OutH, g.OutW, g.S);
        (_strideH, _strideW, _dilationH, _dilationW) = (g.StrideH, g.StrideW, g.DilationH, g.DilationW);
        (_top, _left, _groupC) = (g.Padding.Top, g.Padding.Left, g.GroupC);
        // Neighbouring columns with all their channels are one run of memory.
        _joined = g.Groups == 1 && g.DilationW == 1;
        _run = _joined ? g.S * g.C : g.GroupC;
    }

    public Conv2DPatches(in FusedConv2DGeometry g, float* x)
    {
        _x = x;
        _layout = g.Input;
        (_h, _w, _outH, _outW, _s) = (g.H, g.W, g.OutH, g.OutW, g.S);
        (_strideH, _strideW, _dilationH, _dilationW) = (g.StrideH, g.StrideW, g.DilationH, g.DilationW);
        (_top, _left, _groupC) = (g.Padding.Top, g.Padding.Left, g.C);
        _joined = g.DilationW == 1 && g.Input.PixelStride == g.C;
        _run = _joined ? g.S * g.C : g.C;
    }

    /// <summary>Columns k0 .. k1 - 1 of <paramref name="rows"/> rows from <paramref name="first"/>, to [rows,k1 - k0] with <paramref name="stride"/> floats from row to row.</summary>
    public readonly void Fill(long first, int rows, int group, int k0, int k1, float* to, int stride)
    {
        int q = (int)(first % _outW), p = (int)(first / _outW % _outH);
        long n = first / _outW / _outH;
        for (int i = 0; i < rows; i++)
        {
            Row(_x + n * _layout.ImageStride + group * _groupC, p, q, k0, k1, to);
            to += stride;
            if (++q < _outW)
                continue;
            q = 0;
            if (++p < _outH)
                continue;
            p = 0;
            n++;
        }
    }

    private readonly void Row(float* image, int p, int q, int k0, int k1, float* to)
    {
        for (int run = k0 / _run; run * _run < k1; run++)
        {
            int from = Math.Max(k0, run * _run), count = Math.Min(k1, (run + 1) * _run) - from;
            int offset = from - run * _run; // within the run
            int r = _joined ? run : run / _s, s = _joined ? 0 : run % _s;
            int h = p * _strideH + r * _dilationH - _top, v = q * _strideW + s * _dilationW - _left;
            var destination = new Span<float>(to + from - k0, count);
            if (h < 0 || h >= _h)
            {
                destination.Clear();
                continue;
            }
            float* row = image + h * _layout.RowStride;
            if (_joined)
                Clip(row, v * _layout.PixelStride + offset, destination);
            else if (v >= 0 && v < _w)
                new ReadOnlySpan<float>(row + (long)v * _layout.PixelStride + offset, count).CopyTo(destination);
            else
                destination.Clear();
        }
    }

    /// <summary>Numbers <paramref name="from"/> .. of an image row, zeros where that is outside of it.</summary>
    private readonly void Clip(float* row, int from, Span<float> destination)
    {
        int before = Math.Clamp(-from, 0, destination.Length);
        int inside = Math.Clamp(_w * _layout.PixelStride - from, before, destination.Length);
        destination[..before].Clear();
        new ReadOnlySpan<float>(row + from + before, inside - before).CopyTo(destination[before..]);
        destination[inside..].Clear();
    }
}
