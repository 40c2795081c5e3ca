using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Winograd's convolution F(m x m, 3 x 3) (Lavin and Gray 2015, arXiv:1509.09308, algorithm 1). Tiles of n x n inputs, n = m + 2, overlap
/// by two rows and columns; each gives m x m outputs:
/// <code>
/// for each tile t, channel c:              v[i,j][t,c] = (B' d B)[i,j]                              input transform
/// for each position (i,j):                 p[i,j] [t,o] = v[i,j] [t,c] u[i,j] [c,o]                 n n matrix products
/// for each tile t, output channel o:       y = activation(A' p A + b + residual)                    output transform
/// </code>
/// with u = G g G' packed once. Pixels outside the image are taken from a row of zeros, outputs outside go to a row that nobody reads:
/// edges need neither a border nor another kernel.
/// </summary>
/// <remarks>
/// Two ways to share the work. Blocks: a chunk does all three steps for some tiles in buffers that fit the second-level cache; for
/// many tiles. Steps: each step in turn is shared out over all tiles; for few tiles, or weights so large that they come from memory
/// and should come once. A tile's numbers are the same either way.
/// </remarks>
internal unsafe struct FusedConv2DWinograd : IChunkBody
{
    /// <summary>Rows of v and p are this much longer than their channels, so that the rows of a tile do not meet in one cache set.</summary>
    private const int RowPadding = 16;

    /// <summary>Deepest piece of a product.</summary>
    private const int MostDepth = 512;

    /// <summary>Weights up to this many floats (12 MiB) stay in the last-level cache, and blocks may read them again and again.</summary>
    private const long CachedWeights = 3 << 20;

    /// <summary>Floats of v and p together in the way of steps, 32 MiB.</summary>
    private const long MostStepFloats = 8 << 20;

    private const int StepTiles = 4, EnoughBlocks = 8;

    private enum Step
    {
        Block,
        Input,
        Multiply,
        Output,
    }

    private readonly FusedConv2DGeometry _g;
    private readonly int _tileId, _m, _n, _down, _across, _tiles, _o, _panels, _perBlock, _blocks, _panelsPerChunk;
    private readonly bool _inSteps;
    private readonly float* _x, _u, _b, _residual, _y;
    private readonly float _low, _high;
    private Step _step;
    private int _first, _count; // tiles of the current round of steps
    private float* _v, _p;

    public FusedConv2DWinograd(
        in FusedConv2DGeometry g, int m, GemmTile tile, float* x = null, float* u = null, float* b = null, float* residual = null, float* y = null)
    {
        (_g, _m, _n, _tileId) = (g, m, m + 2, tile.Id);
        _x = x;
        _u = u;
        _b = b;
        _residual = residual;
        _y = y;
        (_low, _high) = FusedConv2DProduct.Limits(g.Activation);
        (_down, _across) = ((g.OutH + m - 1) / m, (g.OutW + m - 1) / m);
        _tiles = checked(g.N * _down * _across);
        _o = tile.PaddedN(g.O);
        _panels = _o / tile.Columns;
        int blockTiles = Math.Max(g.C, g.O) <= 128 ? 28 : 56;
        _inSteps = (long)_n * _n * g.C * _o > CachedWeights || _tiles < blockTiles * EnoughBlocks;
        if (_inSteps)
        {
            long perTile = (long)_n * _n * (g.C + _o + 2 * RowPadding);
            int rounds = (int)((_tiles * perTile + MostStepFloats - 1) / MostStepFloats);
            blockTiles = (_tiles + rounds - 1) / rounds;
        }
        _perBlock = Math.Min(_tiles, (blockTiles + tile.Rows - 1) / tile.Rows * tile.Rows);
        _blocks = (_tiles + _perBlock - 1) / _perBlock;
        _panelsPerChunk = Math.Max(1, 128 / tile.Columns);
    }

    private readonly int InputRow => _g.C + RowPadding;

    private readonly int ProductRow => _o + RowPadding;

    /// <summary>Floats from a position to the next.</summary>
    private readonly nint InputStep => (nint)_perBlock * InputRow + RowPadding;

    private readonly nint ProductStep => (nint)_perBlock * ProductRow + RowPadding;

    /// <summary>A transform's buffer, then a row that is zero or that nobody reads.</summary>
    private readonly long SmallSize => WinogradTransforms.BufferSize + Math.Max(_g.C, _g.O);

    /// <summary>
    /// An estimate of the time, in multiply-adds: those of the products, what the transforms of a number cost (measured: 28 at F(4x4), 18 at the
    /// others, most of it traffic between caches), and the weights, which come from memory once.
    /// </summary>
    public static double Cost(in FusedConv2DGeometry g, int m, GemmTile tile)
    {
        double positions = (m + 2) * (m + 2), tiles = (double)g.N * ((g.OutH + m - 1) / m) * ((g.OutW + m - 1) / m), o = tile.PaddedN(g.O);
        return positions * (tiles * (g.C * o + (m == 4 ? 28 : 18) * (g.C + o)) + FloatFromMemory * g.C * o);
    }

    /// <summary>Multiply-adds in the time that a float takes to come from memory: 140 G/s to 10 G/s, partly at the same time.</summary>
    public const double FloatFromMemory = 10;

    /// <summary>Floats of the packed weights: [n n][panel][C][tile columns].</summary>
    public static long PackedSize(in FusedConv2DGeometry g, int m, GemmTile tile) => (m + 2) * (m + 2) * (long)g.C * tile.PaddedN(g.O);

    /// <summary>Packs w [O,3,3,C].</summary>
    public static void Pack(in FusedConv2DGeometry g, int m, GemmTile tile, float* w, float* packed)
    {
        int positions = (m + 2) * (m + 2), columns = tile.Columns;
        long size = (long)g.C * tile.PaddedN(g.O);
        var body = new Packing { M = m, C = g.C, O = g.O, Columns = columns, Positions = positions, Size = size, W = w, Packed = packed };
        WorkerPool.For(tile.PaddedN(g.O) / columns, ref body);
    }

    public void Run()
    {
        if (!_inSteps)
        {
            _step = Step.Block;
            For(_blocks);
            return;
        }
        _v = Scratch.Rent(ScratchSlot.WinogradInput, _n * _n * (long)InputStep);
        _p = Scratch.Rent(ScratchSlot.WinogradProducts, _n * _n * (long)ProductStep);
        for (_first = 0; _first < _tiles; _first += _perBlock)
        {
            _count = Math.Min(_perBlock, _tiles - _first);
            int groups = (_count + StepTiles - 1) / StepTiles;
            _step = Step.Input;
            For(groups);
            _step = Step.Multiply;
            For(_n * _n * ((_panels + _panelsPerChunk - 1) / _panelsPerChunk));
            _step = Step.Output;
            For(groups);
        }
    }

    private void For(int chunks)
    {
        if (_g.Flops / 2 >= FusedConv2DProduct.SmallestThreadedRun)
        {
            WorkerPool.For(chunks, ref this);
            return;
        }
        for (int chunk = 0; chunk < chunks; chunk++)
            Run(chunk);
    }

    public readonly void Run(int chunk)
    {
        if (_step == Step.Block)
        {
            RunBlock(chunk);
            return;
        }
        if (_step == Step.Multiply)
        {
            int pieces = (_panels + _panelsPerChunk - 1) / _panelsPerChunk, panel = chunk % pieces * _panelsPerChunk;
            Multiply(chunk / pieces, panel, Math.Min(panel + _panelsPerChunk, _panels), _count, _v, _p);
            return;
        }
        int first = chunk * StepTiles, count = Math.Min(StepTiles, _count - first);
        if (_step == Step.Input)
            TransformInput(_first + first, count, _v + first * InputRow);
        else
            TransformOutput(_first + first, count, _p + first * ProductRow);
    }

    private readonly void RunBlock(int block)
    {
        int first = block * _perBlock, count = Math.Min(_perBlock, _tiles - first);
        float* v = Scratch.Rent(ScratchSlot.WinogradInput, _n * _n * (long)InputStep);
        float* p = Scratch.Rent(ScratchSlot.WinogradProducts, _n * _n * (long)ProductStep);
        TransformInput(first, count, v);
        for (int position = 0; position < _n * _n; position++)
            Multiply(position, 0, _panels, count, v, p);
        TransformOutput(first, count, p);
    }

    private readonly void TransformInput(int first, int count, float* v)
    {
        WinogradTransforms transforms = WinogradTransforms.For(_tileId, _m);
        float* buffer = Scratch.Rent(ScratchSlot.WinogradRow, SmallSize), zeros = buffer + WinogradTransforms.BufferSize;
        new Span<float>(zeros, _g.C).Clear();
        float** pixels = stackalloc float*[_n * _n];
        for (int t = first; t < first + count; t++, v += InputRow)
        {
            Place(t, out int image, out int p, out int q);
            Pixels(_x, _g.Input, image, p - _g.Padding.Top, q - _g.Padding.Left, _n, -_g.InputBorder, _g.H + _g.InputBorder, _g.W + _g.InputBorder, zeros, pixels);
            transforms.Input(pixels, _g.C, v, InputStep, buffer);
        }
    }

    private readonly void TransformOutput(int first, int count, float* products)
    {
        WinogradTransforms transforms = WinogradTransforms.For(_tileId, _m);
        float* buffer = Scratch.Rent(ScratchSlot.WinogradRow, SmallSize), unread = buffer + WinogradTransforms.BufferSize;
        float** y = stackalloc float*[_m * _m];
        float** residual = stackalloc float*[_m * _m];
        for (int t = first; t < first + count; t++, products += ProductRow)
        {
            Place(t, out int image, out int p, out int q);
            if (_residual != null)
                Pixels(_residual, _g.Residual, image, p, q, _m, 0, _g.OutH, _g.OutW, unread, residual);
            float** added = _residual == null ? null : residual;
            if (_g.MaxPool)
            {
                Pixels(_y, _g.Output, image, p / 2, q / 2, _m / 2, 0, _g.StoredH, _g.StoredW, unread, y);
                transforms.OutputPooled(products, ProductStep, _g.O, _b, added, y, _low, _high, buffer);
                continue;
            }
            Pixels(_y, _g.Output, image, p, q, _m, 0, _g.OutH, _g.OutW, unread, y);
            transforms.Output(products, ProductStep, _g.O, _b, added, y, _low, _high, buffer);
        }
    }

    /// <summary>p = v u for one position, some panels of output channels and the first <paramref name="count"/> tiles.</summary>
    private readonly void Multiply(int position, int firstPanel, int endPanel, int count, float* v, float* p)
    {
        GemmTile tile = GemmTile.All[_tileId];
        float* a = v + position * InputStep, c = p + position * ProductStep, b = _u + (long)position * _g.C * _o;
        for (int panel = firstPanel; panel < endPanel; panel++)
        {
            int o = panel * tile.Columns;
            for (int k = 0; k < _g.C; k += MostDepth)
            {
                int depth = Math.Min(MostDepth, _g.C - k);
                float* start = k == 0 ? null : c + o;
                tile.Run(count, depth, a + k, InputRow, b + (long)o * _g.C + (long)k * tile.Columns, tile.Columns, c + o, ProductRow, start, ProductRow);
            }
        }
    }

    /// <summary>The image and the first output pixel of a tile.</summary>
    private readonly void Place(int tile, out int image, out int p, out int q)
    {
        int perImage = _down * _across, rest = tile % perImage;
        image = tile / perImage;
        p = rest / _across * _m;
        q = rest % _across * _m;
    }

    /// <summary>
    /// Addresses of the size x size pixels from (h,w) on; those whose row or column is not in lowest .. end - 1 are
    /// <paramref name="outside"/>.
    /// </summary>
    private static void Pixels(
        float* x, in ImageLayout layout, int image, int h, int w, int size, int lowest, int endH, int endW, float* outside, float** pixels)
    {
        bool inside = h >= lowest && h + size <= endH && w >= lowest && w + size <= endW;
        float* row = x + layout.At(image, h, w);
        for (int i = 0; i < size; i++, row += layout.RowStride)
        {
            float* pixel = row;
            for (int j = 0; j < size; j++, pixel += layout.PixelStride)
                *pixels++ = inside || (h + i >= lowest && h + i < endH && w + j >= lowest && w + j < endW) ? pixel : outside;
        }
    }

    /// <summary>One panel of output channels a chunk.</summary>
    private struct Packing : IChunkBody
    {
        public int M, C, O, Columns, Positions;
        public long Size;
        public float* W, Packed;

        public readonly void Run(int panel)
        {
            for (int o = panel * Columns; o < (panel + 1) * Columns; o++)
                Channel(o);
        }

        private readonly void Channel(int o)
        {
            double* u = stackalloc double[Positions];
            new Span<double>(u, Positions).Clear();
            long panel = (long)(o / Columns) * C * Columns + o % Columns;
            for (int c = 0; c < C; c++)
            {
                if (o < O)
                    WinogradTransforms.Filter(M, W + (long)o * 9 * C + c, C, u);
                for (int position = 0; position < Positions; position++)
                    Packed[position * Size + panel + (long)c * Columns] = (float)u[position];
            }
        }
    }
}
