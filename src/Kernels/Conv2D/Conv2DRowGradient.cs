using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// The gradient of the weights, row by row where x and dy lie: for filter row r the columns and channels of a window are neighbours in x, and
/// <code>
/// sums[r, (s,c), o] += sum over q of x[p strideH + r dilationH - top, q strideW - left + s, c] dy[p,q,o]
/// </code>
/// is a product whose two operands are read as they are: no patches. For few input channels, as in a network's first layer.
/// </summary>
/// <remarks>Output rows are cut into slices by the sizes alone; each slice has sums of its own, which are added in rising order.</remarks>
internal unsafe struct Conv2DRowGradient : IChunkBody
{
    private const int Slices = 16;

    /// <summary>Sums of one slice up to 128 KiB stay in the second-level cache beside the rows; more channels are better served by patches.</summary>
    private const long MostSums = 1 << 15;

    private readonly Conv2DGeometry _g;
    private readonly int _tileId, _outH, _outW, _run, _rows, _perSlice;
    private readonly long _size;
    private readonly float* _x, _dy, _sums;

    private Conv2DRowGradient(in Conv2DGeometry g, GemmTile tile, float* x, float* dy)
    {
        (_g, _tileId, _outH, _outW, _run, _rows) = (g, tile.Id, g.OutH, g.OutW, g.S * g.C, checked(g.N * g.OutH));
        _x = x;
        _dy = dy;
        _size = (long)g.R * _run * g.O;
        _perSlice = (_rows + Slices - 1) / Slices;
        _sums = Scratch.Rent(ScratchSlot.Partial, Slices * _size);
    }

    /// <summary>Those geometries that it takes and is fast for.</summary>
    public static bool Supports(in Conv2DGeometry g, GemmTile tile) =>
        g is { Groups: 1, DilationW: 1 } && g.O % tile.Columns == 0 && g.S > 1 && g.OutW >= 16 && (long)g.R * g.S * g.C * g.O <= MostSums;

    /// <summary>dw = beta dw + the gradient.</summary>
    public static void Run(in Conv2DGeometry g, GemmTile tile, float* x, float* dy, float* dw, float beta)
    {
        var body = new Conv2DRowGradient(g, tile, x, dy);
        WorkerPool.For(Slices, ref body);
        for (int o = 0; o < g.O; o++)
        {
            for (int k = 0; k < g.R * body._run; k++)
            {
                float sum = 0;
                for (int slice = 0; slice < Slices; slice++)
                    sum += body._sums[slice * body._size + (long)k * g.O + o];
                float* to = dw + (long)o * g.R * body._run + k;
                *to = beta == 0 ? sum : sum + beta * *to;
            }
        }
    }

    public readonly void Run(int slice)
    {
        float* sums = _sums + slice * _size;
        new Span<float>(sums, checked((int)_size)).Clear();
        int left = _g.Padding.Left, line = Math.Max(_g.W + left, (_outW - 1) * _g.StrideW + _g.S) * _g.C;
        bool isPadded = left > 0 || line > _g.W * _g.C;
        float* padded = isPadded ? Scratch.Rent(ScratchSlot.Rows, line) : null;
        if (isPadded)
            new Span<float>(padded, line).Clear();
        for (int row = slice * _perSlice; row < Math.Min(_rows, (slice + 1) * _perSlice); row++)
        {
            int n = row / _outH, p = row % _outH;
            for (int r = 0; r < _g.R; r++)
            {
                int h = p * _g.StrideH + r * _g.DilationH - _g.Padding.Top;
                if (h < 0 || h >= _g.H)
                    continue;
                float* x = _x + ((long)n * _g.H + h) * _g.W * _g.C;
                if (isPadded)
                {
                    new ReadOnlySpan<float>(x, _g.W * _g.C).CopyTo(new Span<float>(padded + left * _g.C, _g.W * _g.C));
                    x = padded;
                }
                Multiply(x, _dy + (long)row * _outW * _g.O, sums + (long)r * _run * _g.O);
            }
        }
    }

    private readonly void Multiply(float* x, float* dy, float* sums)
    {
        GemmTile tile = GemmTile.All[_tileId];
        int tiles = (_run + tile.Rows - 1) / tile.Rows, height = (_run + tiles - 1) / tiles; // of even height
        for (int o = 0; o < _g.O; o += tile.Columns)
        {
            for (int i = 0; i < _run; i += height)
            {
                float* sum = sums + (long)i * _g.O + o;
                Gemm.RunOuter(tile, Math.Min(height, _run - i), _outW, x + i, (nint)_g.StrideW * _g.C, dy + o, _g.O, sum, _g.O, sum, _g.O);
            }
        }
    }
}
