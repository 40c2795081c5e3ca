using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// A convolution as matrix products over blocks of output pixels: rows are pixels, columns output channels, and the depth is cut into
/// segments (r, s, c) that are met in one order whatever the block. A segment's rows are read where x lies, a fixed number of floats
/// apart, wherever the geometry allows; else they are copied or gathered into a small buffer first.
/// </summary>
/// <remarks>
/// Pixels form runs that lie at equal distances in x and in y: a piece of a row of the output, or of all pixels of the batch where no
/// border separates the rows. A block is a few runs, a chunk a few blocks times a few panels of output channels.
/// </remarks>
internal unsafe struct FusedConv2DProduct : IChunkBody
{
    /// <summary>Runs below this many multiply-adds stay on the calling thread: handing out costs more than it saves.</summary>
    public const long SmallestThreadedRun = 1 << 19;

    /// <summary>Pixels of a block where panels of weights are met one after the other, each by the whole block.</summary>
    private const int BlockPixels = 196;

    /// <summary>
    /// Pixels of a block where the weights are few and stay in the second-level cache: all channels of a few pixels are written at a time,
    /// which memory likes better.
    /// </summary>
    private const int ThinBlockPixels = 28;

    private const int ThinBlocksPerChunk = 7;

    /// <summary>Weights up to this many floats (256 KiB) make thin blocks.</summary>
    private const long ThinWeights = 1 << 16;

    /// <summary>A sum is made in registers from beginning to end up to this depth; deeper ones are stored and go on.</summary>
    private const int MostJoinedDepth = 1152;

    /// <summary>Sums this deep take long enough to fetch the lines that they will be stored to.</summary>
    private const int ShortestFetchingDepth = 128;

    /// <summary>Deepest piece of a deeper sum: a panel of weights (32 x 384 floats) about fills the first-level cache.</summary>
    private const int MostDepth = 384;

    /// <summary>A copied row is this much longer than its piece, so that the rows of a tile do not meet in one cache set.</summary>
    private const int RowPadding = 16;

    /// <summary>Fewer chunks than this are cut further, along the output channels.</summary>
    private const int EnoughChunks = 16;

    private const int MostTileRows = 14, MostTileColumns = 32;

    private enum Source
    {
        InPlace,
        Copied,
        Patches,
    }

    private readonly FusedConv2DGeometry _g;
    private readonly Conv2DPatches _patches;
    private readonly Source _source;
    private readonly int _tileId, _k, _segments, _segmentK, _joined, _depth;
    private readonly int _rows, _width, _runLength, _runsPerRow, _runsPerBlock, _blocksPerChunk, _blocks, _panels, _panelsPerChunk, _panelChunks;
    private readonly bool _oneRow;
    private readonly float* _x, _packed, _b, _residual, _y;
    private readonly float _low, _high;

    public FusedConv2DProduct(
        in FusedConv2DGeometry g, ConvAlgorithm algorithm, GemmTile tile,
        float* x = null, float* packed = null, float* b = null, float* residual = null, float* y = null)
    {
        (_g, _tileId) = (g, tile.Id);
        _x = x;
        _packed = packed;
        _b = b;
        _residual = residual;
        _y = y;
        (_low, _high) = Limits(g.Activation);
        _patches = new Conv2DPatches(g, x);
        _k = g.R * g.S * g.C;
        _panels = tile.PaddedN(g.O) / tile.Columns;
        _source = Choose(g, algorithm, _panels);
        bool inX = _source != Source.Patches;

        // Neighbouring columns with all their channels are one run of memory, and so one segment.
        bool oneRun = g.DilationW == 1 && g.Input.PixelStride == g.C;
        _segmentK = !inX ? _k : oneRun ? g.S * g.C : g.C;
        _segments = _k / Math.Max(_segmentK, 1);
        // Segments a filter row apart can be met by one call of a tile.
        _joined = _source == Source.InPlace && _segments == g.R && _k <= MostJoinedDepth ? _segments : 1;
        int pieces = _joined > 1 || (_segments == 1 && _source == Source.InPlace && _k <= MostJoinedDepth) ? 1 : (_segmentK + MostDepth - 1) / MostDepth;
        _depth = ((_segmentK + pieces - 1) / pieces + 3) / 4 * 4;

        _oneRow = g.Output.IsOneRow(g.OutH, g.OutW) && (residual == null || g.Residual.IsOneRow(g.OutH, g.OutW))
            && (!inX || (g is { R: 1, S: 1, StrideH: 1, StrideW: 1 } && g.Padding == Padding2D.None && g.Input.IsOneRow(g.H, g.W)));
        (_rows, _width) = _oneRow ? (1, checked(g.N * g.OutH * g.OutW)) : (checked(g.N * g.OutH), g.OutW);
        bool thin = _joined == _segments && _depth >= _segmentK && (long)_k * _panels * tile.Columns <= ThinWeights;
        _runLength = Math.Min(_width, thin ? ThinBlockPixels : _oneRow ? BlockPixels : _width);
        _runsPerRow = (_width + _runLength - 1) / _runLength;
        _runsPerBlock = Math.Max(1, (thin ? ThinBlockPixels : BlockPixels) / _runLength);
        _blocksPerChunk = thin ? ThinBlocksPerChunk : 1;
        _blocks = (_rows * _runsPerRow + _runsPerBlock - 1) / _runsPerBlock;
        int blockChunks = (_blocks + _blocksPerChunk - 1) / _blocksPerChunk;
        int panelPieces = Math.Clamp((EnoughChunks + blockChunks - 1) / blockChunks, 1, Math.Max(1, _panels / 2));
        _panelsPerChunk = (_panels + panelPieces - 1) / panelPieces;
        _panelChunks = (_panels + _panelsPerChunk - 1) / _panelsPerChunk;
    }

    private readonly int Chunks => checked((_blocks + _blocksPerChunk - 1) / _blocksPerChunk * _panelChunks);

    /// <summary>True where a sum starts at the residual and the bias is added last, false where it starts at the bias; see <see cref="Tiles"/>.</summary>
    public readonly bool SumsFromResidual => _residual != null && _joined * _depth < _k;

    private readonly int BufferStride => (_depth + 15) / 16 * 16 + RowPadding;

    /// <summary>An estimate of the time, in multiply-adds, to compare with Winograd's.</summary>
    public static double Cost(in FusedConv2DGeometry g, GemmTile tile)
    {
        double weights = (double)g.R * g.S * g.C * tile.PaddedN(g.O);
        return weights * ((double)g.N * g.OutH * g.OutW + FusedConv2DWinograd.FloatFromMemory);
    }

    /// <summary>What the activation clamps to.</summary>
    public static (float Low, float High) Limits(FusedActivation activation) => activation switch
    {
        FusedActivation.ReLU => (0, float.PositiveInfinity),
        FusedActivation.ReLU6 => (0, 6),
        _ => (float.NegativeInfinity, float.PositiveInfinity),
    };

    /// <summary>Rows a multiple of 1 KiB apart crowd into few cache sets; a copy pays where enough columns use it.</summary>
    private static Source Choose(in FusedConv2DGeometry g, ConvAlgorithm algorithm, int panels) => algorithm switch
    {
        ConvAlgorithm.General => Source.Patches,
        _ => g.StrideW * g.Input.PixelStride is var step && step % 256 == 0 && step > 256 && panels >= 4 ? Source.Copied : Source.InPlace,
    };

    public void Run()
    {
        if (_g.Flops / 2 >= SmallestThreadedRun)
        {
            WorkerPool.For(Chunks, ref this);
            return;
        }
        for (int chunk = 0; chunk < Chunks; chunk++)
            Run(chunk);
    }

    public readonly void Run(int chunk)
    {
        int firstPanel = chunk % _panelChunks * _panelsPerChunk, endPanel = Math.Min(firstPanel + _panelsPerChunk, _panels);
        int firstBlock = chunk / _panelChunks * _blocksPerChunk, endBlock = Math.Min(firstBlock + _blocksPerChunk, _blocks);
        float* buffer = _source == Source.InPlace ? null : Scratch.Rent(ScratchSlot.Patches, (long)_runsPerBlock * _runLength * BufferStride);
        for (int block = firstBlock; block < endBlock; block++)
        {
            int firstRun = block * _runsPerBlock, endRun = Math.Min(firstRun + _runsPerBlock, _rows * _runsPerRow);
            for (int segment = 0; segment < _segments; segment += _joined)
            {
                for (int k0 = 0; k0 < _segmentK; k0 += _depth)
                    Segment(segment, k0, firstRun, endRun, firstPanel, endPanel, buffer);
            }
        }
    }

    /// <summary>Adds one piece of the depth to all sums of a block.</summary>
    private readonly void Segment(int segment, int k0, int firstRun, int endRun, int firstPanel, int endPanel, float* buffer)
    {
        GemmTile tile = GemmTile.All[_tileId];
        int depth = Math.Min(_depth, _segmentK - k0), k = segment * _segmentK + k0;
        if (buffer != null)
        {
            for (int run = firstRun; run < endRun; run++)
                Fill(run, segment, k0, depth, buffer + (long)(run - firstRun) * _runLength * BufferStride);
        }
        for (int panel = firstPanel; panel < endPanel; panel++)
        {
            int o = panel * tile.Columns;
            float* weights = _packed + (long)o * _k + (long)k * tile.Columns;
            for (int run = firstRun; run < endRun; run++)
            {
                Place(run, out int n, out int p, out int q, out int length);
                float* a = buffer;
                nint lda = BufferStride;
                if (buffer == null)
                    a = Input(segment, k0, n, p, q, out lda);
                else
                    a += (long)(run - firstRun) * _runLength * BufferStride;
                var product = new Tiles
                {
                    Rows = length, Depth = depth, Segments = _joined, SegmentStep = (nint)(_g.DilationH * _g.Input.RowStride), A = a, Lda = lda, Weights = weights,
                    Width = Math.Min(tile.Columns, _g.O - o), First = k == 0, Last = k + _joined * depth == _k,
                    C = _y + _g.Output.At(n, p, q) + o, Ldc = _g.Output.PixelStride,
                    Residual = _residual == null ? null : _residual + _g.Residual.At(n, p, q) + o, ResidualStride = _g.Residual.PixelStride,
                    B = _b == null ? null : _b + o, Low = _low, High = _high,
                };
                product.Run(tile);
            }
        }
    }

    /// <summary>First pixel and number of pixels of a run.</summary>
    private readonly void Place(int run, out int n, out int p, out int q, out int length)
    {
        int row = run / _runsPerRow;
        q = (run - row * _runsPerRow) * _runLength;
        length = Math.Min(_runLength, _width - q);
        (n, p) = _oneRow ? (0, 0) : (row / _g.OutH, row % _g.OutH);
    }

    /// <summary>Where the segment's numbers of an output pixel begin in x, and the floats from there to its right neighbour's.</summary>
    private readonly float* Input(int segment, int k0, int n, int p, int q, out nint step)
    {
        int perRow = _segmentK == _g.C ? _g.S : 1;
        int r = segment / perRow, s = segment % perRow;
        step = (nint)_g.StrideW * _g.Input.PixelStride;
        return _x + n * _g.Input.ImageStride + (p * _g.StrideH + r * _g.DilationH - _g.Padding.Top) * _g.Input.RowStride
            + ((long)q * _g.StrideW + s * _g.DilationW - _g.Padding.Left) * _g.Input.PixelStride + k0;
    }

    private readonly void Fill(int run, int segment, int k0, int depth, float* to)
    {
        Place(run, out int n, out int p, out int q, out int length);
        if (_source == Source.Copied)
        {
            float* from = Input(segment, k0, n, p, q, out nint step);
            GemmPacking.Copy(from, step, length, depth, to, BufferStride);
            return;
        }
        long first = _oneRow ? q : ((long)n * _g.OutH + p) * _g.OutW + q;
        _patches.Fill(first, length, 0, k0, k0 + depth, to, BufferStride);
    }

    /// <summary>A column of register tiles: the pixels of one run times one panel of weights.</summary>
    private struct Tiles
    {
        public int Rows, Depth, Segments, Width;
        public bool First, Last;
        public float* A, Weights, C, Residual, B;
        public nint SegmentStep, Lda, Ldc, ResidualStride;
        public float Low, High;

        public readonly void Run(GemmTile tile)
        {
            if (Width < tile.Columns)
            {
                RunNarrow(tile);
                return;
            }
            // y may lie where the residual does: it is read before anything is stored, at the end of a sum that never leaves the
            // registers (by then it has been fetched), else at the beginning.
            bool late = First && Last && Residual != null, early = Residual != null && !late;
            float* start = !First ? C : early ? Residual : B;
            nint startStride = !First ? Ldc : early ? ResidualStride : 0;
            var end = new TileEpilogue { Add = late ? Residual : early ? B : null, AddStride = late ? ResidualStride : 0, Low = Low, High = High, FetchOutput = First && !late && Depth * Segments >= ShortestFetchingDepth };
            tile.Run(Rows, Depth, A, Lda, Weights, tile.Columns, C, Ldc, start, startStride, Last ? &end : null, Segments, SegmentStep);
        }

        /// <summary>The last panel, with fewer columns than the kernels write: through a buffer of full width.</summary>
        private readonly void RunNarrow(GemmTile tile)
        {
            float* buffer = stackalloc float[MostTileRows * MostTileColumns];
            float* bias = stackalloc float[MostTileColumns];
            int columns = tile.Columns;
            for (int j = 0; j < columns; j++)
                bias[j] = B != null && j < Width ? B[j] : 0;
            var end = new TileEpilogue { Add = Residual == null ? null : bias, Low = Low, High = High };
            for (int row = 0; row < Rows; row += tile.Rows)
            {
                int height = Math.Min(tile.Rows, Rows - row);
                float* c = C + row * Ldc;
                if (!First)
                    Copy(height, c, Ldc, buffer, columns);
                else if (Residual != null)
                    Copy(height, Residual + row * ResidualStride, ResidualStride, buffer, columns);
                bool fromBias = First && Residual == null;
                tile.Run(height, Depth, A + row * Lda, Lda, Weights, columns, buffer, columns, fromBias ? bias : buffer, fromBias ? 0 : columns, Last ? &end : null, Segments, SegmentStep);
                Copy(height, buffer, columns, c, Ldc);
            }
        }

        private readonly void Copy(int rows, float* from, nint fromStride, float* to, nint toStride)
        {
            for (int i = 0; i < rows; i++, from += fromStride, to += toStride)
            {
                int j = 0;
                for (; j + 8 <= Width; j += 8)
                    Vector256.Load(from + j).Store(to + j);
                for (; j < Width; j++)
                    to[j] = from[j];
            }
        }
    }
}
