using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// The step of a dense weight within the product that is its gradient, dw = xᵀ dy: some rows of dw are made in registers and laid in the first-level cache, and their
/// weights move before the cache forgets them. Only weights and slots go through memory.
/// </summary>
/// <remarks>Each number of dw is one chain of multiply-adds in the order of n from 0, as <see cref="Gemm"/> makes it: to the bit the same.</remarks>
internal unsafe partial struct ProductStep<T, V> : IChunkBody
    where T : unmanaged, IStepFormula<V>
    where V : unmanaged, ILanes<V>
{
    private readonly T _formula;
    private readonly StepTensor* _tensor;
    private readonly float* _panels;
    private readonly bool _ownRows;

    /// <summary>Packs dy; what it needs for that was taken by <see cref="ProductSteps.Prepare"/>.</summary>
    public ProductStep(T formula, StepTensor* tensor)
    {
        _formula = formula;
        _tensor = tensor;
        _ownRows = WeightOwners.OwnRows(Geometry.O, WorkerPool.Threads);
        _panels = Scratch.Rent(ScratchSlot.PackedB, ProductSteps.PanelsSize(Geometry.O, Geometry.N));
        ParallelRows.Run((Geometry.O + TileColumns - 1) / TileColumns, ParallelRows.RowsPerChunk(TileColumns * Geometry.N), new Packing { Of = this });
    }

    /// <summary>Number of chunks: blocks of rows and columns.</summary>
    public readonly int Chunks => RowBlocks * ColumnBlocks;

    private readonly int ColumnBlocks => (Geometry.O + BlockColumns - 1) / BlockColumns;

    private readonly int RowBlocks => (Geometry.I + ProductSteps.BlockRows - 1) / ProductSteps.BlockRows;

    /// <summary>512-bit vectors come with twice the registers: enough for sixteen sums and a step at a time.</summary>
    private static bool MixesSteps => V.Count == 16;

    /// <summary>What makes sums that no steps are mixed with.</summary>
    private static GemmTile Tile => V.Count == 8 && GemmTile.V256.IsSupported ? GemmTile.V256 : GemmTile.Portable;

    private static int TileColumns => MixesSteps ? MixedVectors * V.Count : Tile.Columns;

    private static int BlockColumns => MixesSteps ? ProductSteps.MixedBlockColumns : ProductSteps.BlockColumns;

    private readonly DenseGeometry Geometry => _tensor->Product.Geometry;

    public readonly void Run(int chunk)
    {
        DenseGeometry g = Geometry;
        (int rowBlock, int columnBlock) = _ownRows ? (chunk / ColumnBlocks, chunk % ColumnBlocks) : (chunk % RowBlocks, chunk / RowBlocks);
        int row = rowBlock * ProductSteps.BlockRows, rows = Math.Min(ProductSteps.BlockRows, g.I - row);
        int column = columnBlock * BlockColumns, columns = Math.Min(BlockColumns, g.O - column);
        if (MixesSteps)
            MoveBetweenSums(row, rows, column, columns);
        else
            MoveAfterSums(row, rows, column, columns);
    }

    /// <summary>Moves the weights of some rows of dw, which lie <paramref name="stride"/> numbers apart; <paramref name="first"/> is the first one's place in the matrix.</summary>
    private readonly void Move(float* dw, int stride, long first, int rows, int columns)
    {
        int width = Geometry.O;
        if (columns == width && stride == width)
            (rows, columns) = (1, rows * columns); // without gaps
        StepStretch<T, V>.Move(_formula, _tensor, dw, stride, first, columns, width, rows);
    }

    /// <summary>dy [N,O] as [panels of a tile's columns][N][tile columns], the last one filled up with zeros.</summary>
    private struct Packing : IRowBody
    {
        public ProductStep<T, V> Of;

        public readonly void Run(int first, int end)
        {
            DenseGeometry g = Of.Geometry;
            for (int column = first * TileColumns; column < Math.Min(end * TileColumns, g.O); column += TileColumns)
            {
                int width = Math.Min(TileColumns, g.O - column);
                float* panel = Of._panels + (nint)column * g.N;
                GemmPacking.Copy(Of._tensor->Product.DY.Pointer + column, g.O, g.N, width, panel, TileColumns);
                if (width < TileColumns)
                    GemmPacking.ClearColumns(panel, TileColumns, g.N, width);
            }
        }
    }
}

/// <summary>Sizes of a <see cref="ProductStep{T, V}"/>, whatever the formula and the vectors.</summary>
internal static unsafe class ProductSteps
{
    /// <summary>Rows of a chunk: with 256 columns as many numbers as <see cref="Elementwise.Chunk"/>.</summary>
    public const int BlockRows = WeightOwners.BlockRows;

    /// <summary>Columns of a chunk with steps between its sums, and with steps after them. There, weights and slots come only while they move: from memory fastest in long runs.</summary>
    public const int MixedBlockColumns = 256, BlockColumns = 1024;

    /// <summary>Floats of the largest tile with steps between its sums.</summary>
    public const int MostNumbersOfMixedTile = 256;

    /// <summary>Rows of the largest tile with steps after its sums.</summary>
    public const int MostTileRows = 6;

    /// <summary>How many numbers further on weights and slots are asked for: the streams stand still while sums are made, and the processor loses them.</summary>
    public const int Ahead = 512;

    /// <summary>Floats of a cache line.</summary>
    public const int Line = 16;

    /// <summary>Most rows of x. With more, arithmetic is the limit and not memory, and larger tiles are faster.</summary>
    public const int MostRowsOfX = 64;

    private const int FewestNumbers = 1 << 16; // a smaller gradient stays in the cache until it is read

    /// <summary>True where a step within the product is faster than one after it.</summary>
    public static bool Serve(in DenseGeometry g) => g.N is > 0 and <= MostRowsOfX && (long)g.I * g.O >= FewestNumbers;

    /// <summary>Floats of all panels of dy, of any width of vector.</summary>
    public static long PanelsSize(int columns, int rows) => (columns + BlockColumns - 1L) / BlockColumns * BlockColumns * rows;

    /// <summary>Takes the memory for dy.</summary>
    public static void Prepare(in DenseGeometry g) => Scratch.Rent(ScratchSlot.PackedB, PanelsSize(g.O, g.N));

    /// <summary>The first cache line within a buffer.</summary>
    public static float* Align(float* buffer) => (float*)(((nint)buffer + (Line * sizeof(float) - 1)) & ~(nint)(Line * sizeof(float) - 1));
}
