using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// The gradient of the weights of a 3x3 convolution of stride 1 by Winograd's algorithm, with 2.25 to 4 times fewer products:
/// <code>
/// for each tile t, input channel c:      v[i,j][t,c] = (B' d B)[i,j]                      its n x n inputs
/// for each tile t, output channel o:     p[i,j][t,o] = (A dy A')[i,j]                     its m x m outputs' gradient
/// for each position (i,j):               u[i,j][o,c] = sum over t of p[i,j][t,o] v[i,j][t,c]
/// dw[o,.,.,c] = beta dw[o,.,.,c] + G' u[.,.][o,c] G
/// </code>
/// </summary>
/// <remarks>
/// Tiles are taken in rounds whose v and p stay in the last-level cache. A chunk of the products owns some output and input channels at all positions,
/// so that sums of one round never leave the second-level cache, and each is made in the order of the tiles whatever the threads.
/// </remarks>
internal unsafe struct Conv2DWinogradGradient : IChunkBody
{
    /// <summary>Rows of v and p are this much longer than their channels, so that they do not meet in one cache set.</summary>
    private const int RowPadding = 16;

    /// <summary>Floats of v and p up to which all tiles are one round, 24 MiB.</summary>
    private const long MostInOneRound = 6 << 20;

    /// <summary>
    /// Fewest floats of v and p in a round where there are several: 1 MiB, the second-level cache. Where the sums are more, so is the round, since they
    /// are read and written once in each.
    /// </summary>
    private const long FewestInRound = 1 << 18;

    /// <summary>Tiles that are summed at a time: a panel of v (192 x 32 floats) and the lines of p that meet it about fill the first-level cache.</summary>
    private const int TilesAtOnce = 192;

    private const int StepTiles = 4, EnoughChunks = 8, MostRows = 56, MostColumns = 64;

    private enum Step
    {
        Input,
        Upstream,
        Multiply,
    }

    private readonly Conv2DGeometry _g;
    private readonly int _tileId, _m, _n, _outH, _outW, _down, _across, _tiles, _perRound, _rows, _columns, _rowBlocks, _columnBlocks;
    private readonly float* _x, _dy, _dw;
    private readonly float _beta;
    private Step _step;
    private int _first, _count;
    private float* _v, _p, _u, _matrix;

    public Conv2DWinogradGradient(in Conv2DGeometry g, int m, GemmTile tile, float* x, float* dy, float* dw, float beta)
    {
        (_g, _m, _n, _tileId, _beta, _outH, _outW) = (g, m, m + 2, tile.Id, beta, g.OutH, g.OutW);
        _x = x;
        _dy = dy;
        _dw = dw;
        (_down, _across) = ((_outH + m - 1) / m, (_outW + m - 1) / m);
        _tiles = checked(g.N * _down * _across);
        long perTile = (long)_n * _n * (g.C + g.O + 2 * RowPadding);
        long inRound = Math.Max(FewestInRound, 2L * _n * _n * g.C * g.O);
        int rounds = _tiles * perTile <= MostInOneRound ? 1 : (int)((_tiles * perTile + inRound - 1) / inRound);
        _perRound = (_tiles + rounds - 1) / rounds;
        (_rows, _columns) = (MostRows / tile.Rows * tile.Rows, MostColumns);
        while (Blocks(g.O, _rows) * Blocks(g.C, _columns) < EnoughChunks && (_rows > tile.Rows || _columns > tile.Columns))
        {
            if (_rows > tile.Rows)
                _rows = (_rows / 2 + tile.Rows - 1) / tile.Rows * tile.Rows;
            else
                _columns = Math.Max(tile.Columns, _columns / 2);
        }
        (_rowBlocks, _columnBlocks) = (Blocks(g.O, _rows), Blocks(g.C, _columns));
    }

    /// <summary>Those geometries that it takes.</summary>
    public static bool Supports(in Conv2DGeometry g) =>
        g is { R: 3, S: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, N: > 0 }
        && g.C % WinogradTransforms.ChannelMultiple == 0 && g.O % WinogradTransforms.ChannelMultiple == 0;

    private readonly int InputRow => _g.C + RowPadding;

    private readonly int UpstreamRow => _g.O + RowPadding;

    private readonly nint InputStep => (nint)_perRound * InputRow + RowPadding;

    private readonly nint UpstreamStep => (nint)_perRound * UpstreamRow + RowPadding;

    /// <summary>Floats of a chunk's sums: [n n][rows][columns].</summary>
    private readonly long ChunkSums => (long)_n * _n * _rows * _columns;

    public void Run()
    {
        _v = Scratch.Rent(ScratchSlot.WinogradInput, _n * _n * (long)InputStep + GemmTile.All[_tileId].Columns); // the last panel may read on
        _p = Scratch.Rent(ScratchSlot.WinogradProducts, _n * _n * (long)UpstreamStep);
        _u = _perRound >= _tiles ? null : Scratch.Rent(ScratchSlot.Partial, ChunkSums * _rowBlocks * _columnBlocks);
        float* matrix = stackalloc float[18];
        double[,] g = WinogradMatrices.Filter(_m);
        for (int i = 0; i < _n * 3; i++)
            matrix[i] = (float)g[i / 3, i % 3];
        _matrix = matrix;
        for (_first = 0; _first < _tiles; _first += _perRound)
        {
            _count = Math.Min(_perRound, _tiles - _first);
            int groups = (_count + StepTiles - 1) / StepTiles;
            _step = Step.Input;
            WorkerPool.For(groups, ref this);
            _step = Step.Upstream;
            WorkerPool.For(groups, ref this);
            _step = Step.Multiply;
            WorkerPool.For(_rowBlocks * _columnBlocks, ref this);
        }
    }

    public readonly void Run(int chunk)
    {
        if (_step == Step.Multiply)
        {
            float* sums = _u == null ? Scratch.Rent(ScratchSlot.Rows, ChunkSums) : _u + chunk * ChunkSums;
            Multiply(chunk, sums);
            if (_first + _count == _tiles)
                LaneWidth.Run(GemmTile.All[_tileId].Columns * 16, new Finish { Of = this, Chunk = chunk, Sums = sums });
            return;
        }
        Transform(chunk * StepTiles, Math.Min(StepTiles, _count - chunk * StepTiles));
    }

    private readonly void Transform(int first, int count)
    {
        bool isInput = _step == Step.Input;
        int size = isInput ? _n : _m, channels = isInput ? _g.C : _g.O;
        float* buffer = Scratch.Rent(ScratchSlot.WinogradRow, WinogradTransforms.BufferSize + channels), zeros = buffer + WinogradTransforms.BufferSize;
        new Span<float>(zeros, channels).Clear();
        float** pixels = stackalloc float*[_n * _n];
        for (int i = first; i < first + count; i++)
        {
            int tile = _first + i, perImage = _down * _across, rest = tile % perImage, image = tile / perImage, p = rest / _across * _m, q = rest % _across * _m;
            if (isInput)
            {
                Pixels(_x + (long)image * _g.H * _g.W * channels, _g.H, _g.W, channels, p - _g.Padding.Top, q - _g.Padding.Left, size, zeros, pixels);
                WinogradTransforms.For(_tileId, _m).Input(pixels, channels, _v + (nint)i * InputRow, InputStep, buffer);
                continue;
            }
            Pixels(_dy + (long)image * _outH * _outW * channels, _outH, _outW, channels, p, q, size, zeros, pixels);
            WinogradGradients.Upstream(_tileId, _m, pixels, channels, _p + (nint)i * UpstreamRow, UpstreamStep, buffer);
        }
    }

    /// <summary>Addresses of size x size pixels from (h,w) on; those outside the image are zeros.</summary>
    private static void Pixels(float* image, int height, int width, int channels, int h, int w, int size, float* zeros, float** pixels)
    {
        for (int i = h; i < h + size; i++)
        {
            for (int j = w; j < w + size; j++)
                *pixels++ = i >= 0 && i < height && j >= 0 && j < width ? image + ((long)i * width + j) * channels : zeros;
        }
    }

    /// <summary>The sums of a chunk over the tiles of this round. Columns beyond the channels hold what nobody reads.</summary>
    private readonly void Multiply(int chunk, float* sums)
    {
        GemmTile tile = GemmTile.All[_tileId];
        int o0 = chunk / _columnBlocks * _rows, o1 = Math.Min(_g.O, o0 + _rows), c0 = chunk % _columnBlocks * _columns, c1 = Math.Min(_g.C, c0 + _columns);
        for (int position = 0; position < _n * _n; position++, sums += _rows * _columns)
        {
            for (int c = c0; c < c1; c += tile.Columns)
            {
                for (int t = 0; t < _count; t += TilesAtOnce)
                {
                    int depth = Math.Min(TilesAtOnce, _count - t);
                    float* v = _v + position * InputStep + (nint)t * InputRow + c;
                    for (int o = o0; o < o1; o += tile.Rows)
                    {
                        float* p = _p + position * UpstreamStep + (nint)t * UpstreamRow + o, sum = sums + (o - o0) * _columns + c - c0;
                        Gemm.RunOuter(tile, Math.Min(tile.Rows, o1 - o), depth, p, UpstreamRow, v, InputRow, sum, _columns, _first + t == 0 ? null : sum, _columns);
                    }
                }
            }
        }
    }

    private static int Blocks(int channels, int size) => (channels + size - 1) / size;

    /// <summary>The sums of a chunk to the gradient.</summary>
    private struct Finish : ILaneWork
    {
        public Conv2DWinogradGradient Of;
        public int Chunk;
        public float* Sums;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            int o0 = Chunk / Of._columnBlocks * Of._rows, c0 = Chunk % Of._columnBlocks * Of._columns;
            int rows = Math.Min(Of._rows, Of._g.O - o0), columns = Math.Min(Of._columns, Of._g.C - c0);
            for (int i = 0; i < rows; i++)
            {
                float* to = Of._dw + (long)(o0 + i) * 9 * Of._g.C + c0;
                for (int j = 0; j < columns; j += V.Count)
                    WinogradGradients.Filter<V>(Of._m, Of._matrix, Sums + i * Of._columns + j, (nint)Of._rows * Of._columns, to + j, Of._g.C, Of._beta);
            }
        }
    }
}
