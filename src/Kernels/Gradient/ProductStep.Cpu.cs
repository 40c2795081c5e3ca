using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// The step of a dense weight within the product that is its gradient, dw = xᵀ dy: a tile of dw is made in registers and laid in the first-level cache, and its
/// weights move while the next tile is made. Only weights and slots go through memory, as two or more streams that never pause for long.
/// </summary>
/// <remarks>Each number of dw is one chain of multiply-adds in the order of n from 0, as <see cref="Gemm"/> makes it: to the bit the same.</remarks>
internal unsafe struct ProductStep<T, V> : IChunkBody
    where T : unmanaged, IStepFormula<V>
    where V : unmanaged, ILanes<V>
{
    private const int TileVectors = 4;
    private const long None = -1;

    private readonly T _formula;
    private readonly StepTensor* _tensor;
    private readonly float* _panels;
    private readonly int _columnBlocks, _threads;

    /// <summary>Packs dy; what it needs for that was taken by <see cref="ProductSteps.Prepare"/>.</summary>
    public ProductStep(T formula, StepTensor* tensor)
    {
        _formula = formula;
        _tensor = tensor;
        _threads = WorkerPool.Threads;
        _columnBlocks = (Geometry.O + ProductSteps.BlockColumns - 1) / ProductSteps.BlockColumns;
        _panels = Scratch.Rent(ScratchSlot.PackedB, ProductSteps.PanelsSize(Geometry.O, Geometry.N));
        ParallelRows.Run((Geometry.O + TileColumns - 1) / TileColumns, ParallelRows.RowsPerChunk(TileColumns * Geometry.N), new Packing { Of = this });
    }

    /// <summary>Number of chunks: blocks of rows and columns.</summary>
    public readonly int Chunks => (Geometry.I + ProductSteps.BlockRows - 1) / ProductSteps.BlockRows * _columnBlocks;

    /// <summary>Sixteen sums where there are registers for them; eight are enough not to wait for each other.</summary>
    private static bool IsTall => V.Count == 16;

    private static int TileRows => IsTall ? 4 : 2;

    private static int TileColumns => TileVectors * V.Count;

    private readonly DenseGeometry Geometry => _tensor->Product.Geometry;

    [SkipLocalsInit]
    public readonly void Run(int chunk)
    {
        DenseGeometry g = Geometry;
        chunk = Spread(chunk);
        int row = chunk / _columnBlocks * ProductSteps.BlockRows, rows = Math.Min(ProductSteps.BlockRows, g.I - row);
        int column = chunk % _columnBlocks * ProductSteps.BlockColumns, columns = Math.Min(ProductSteps.BlockColumns, g.O - column);
        float* x = stackalloc float[ProductSteps.BlockRows * ProductSteps.MostRowsOfX], sums = stackalloc float[2 * ProductSteps.MostNumbersOfTile + ProductSteps.Line];
        GemmPacking.Copy(_tensor->Product.X.Pointer + row, g.I, g.N, rows, x, ProductSteps.BlockRows);
        Move(x, ProductSteps.Align(sums), row, rows, column, columns);
    }

    /// <summary>
    /// Which piece of the weight a chunk is: threads take chunks in turn, and so each walks through a stretch of its own. Side by side they would ask ahead for the very lines that
    /// the other one writes.
    /// </summary>
    private readonly int Spread(int chunk)
    {
        int each = Chunks / _threads;
        return chunk < each * _threads ? chunk % _threads * each + chunk / _threads : chunk;
    }

    /// <summary>
    /// Tile by tile: between the sums of one tile the numbers of the tile before move, one vector after the other. A processor looks only a few hundred instructions ahead; so it makes
    /// sums while it waits for roots and quotients.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void Move(float* x, float* sums, int row, int rows, int column, int columns)
    {
        int vectors = TileRows * TileVectors;
        T formula = _formula; // in registers
        var stretch = new StepStretch<T, V>(_tensor);
        int n = Geometry.N, width = Geometry.O;
        long ahead = (long)(ProductSteps.Ahead / columns + 1) * TileRows * width; // weights wait in memory while sums are made
        float* gradient = sums + TileRows * TileColumns; // of the tile before, whose first number in the matrix is:
        long due = None;
        for (int i = 0; i < rows; i += TileRows)
        {
            for (int j = 0; j < columns; j += TileColumns)
            {
                V s00 = V.Zero, s01 = s00, s02 = s00, s03 = s00, s10 = s00, s11 = s00, s12 = s00, s13 = s00;
                V s20 = s00, s21 = s00, s22 = s00, s23 = s00, s30 = s00, s31 = s00, s32 = s00, s33 = s00;
                float* pair = x + i, panel = _panels + (nint)(column + j) * n;
                int v = 0, last = due == None ? 0 : vectors;
                long at = due;
                for (int k = 0; k < n; k++, pair += ProductSteps.BlockRows, panel += TileColumns)
                {
                    V b0 = V.Load(panel), b1 = V.Load(panel + V.Count), b2 = V.Load(panel + 2 * V.Count), b3 = V.Load(panel + 3 * V.Count);
                    AddRow(pair[0], b0, b1, b2, b3, ref s00, ref s01, ref s02, ref s03);
                    AddRow(pair[1], b0, b1, b2, b3, ref s10, ref s11, ref s12, ref s13);
                    if (IsTall)
                    {
                        AddRow(pair[2], b0, b1, b2, b3, ref s20, ref s21, ref s22, ref s23);
                        AddRow(pair[3], b0, b1, b2, b3, ref s30, ref s31, ref s32, ref s33);
                    }
                    if (v == last || (!IsTall && k % 2 == 0)) // one vector for eight multiply-adds of vectors, or sixteen
                        continue;
                    stretch.Ask(at + ahead);
                    stretch.Move(formula, V.Load(gradient + v * V.Count), at);
                    at += ++v % TileVectors == 0 ? width - TileColumns + V.Count : V.Count;
                }
                for (; v < last; v++, at += v % TileVectors == 0 ? width - TileColumns + V.Count : V.Count)
                    stretch.Move(formula, V.Load(gradient + v * V.Count), at);
                StoreRow(sums, s00, s01, s02, s03);
                StoreRow(sums + TileColumns, s10, s11, s12, s13);
                if (IsTall)
                {
                    StoreRow(sums + 2 * TileColumns, s20, s21, s22, s23);
                    StoreRow(sums + 3 * TileColumns, s30, s31, s32, s33);
                }
                float* free = gradient;
                gradient = sums;
                sums = free;
                due = (long)(row + i) * width + column + j;
                if (i + TileRows <= rows && j + TileColumns <= columns)
                    continue;
                Move(gradient, due, Math.Min(TileRows, rows - i), Math.Min(TileColumns, columns - j));
                due = None;
            }
        }
        if (due != None)
            Move(gradient, due, TileRows, TileColumns);
    }

    /// <summary>Adds x times four vectors to the sums of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(float x, V b0, V b1, V b2, V b3, ref V s0, ref V s1, ref V s2, ref V s3)
    {
        V a = V.Create(x);
        s0 = V.MultiplyAdd(a, b0, s0);
        s1 = V.MultiplyAdd(a, b1, s1);
        s2 = V.MultiplyAdd(a, b2, s2);
        s3 = V.MultiplyAdd(a, b3, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow(float* to, V s0, V s1, V s2, V s3)
    {
        s0.Store(to);
        s1.Store(to + V.Count);
        s2.Store(to + 2 * V.Count);
        s3.Store(to + 3 * V.Count);
    }

    /// <summary>Moves the numbers of a tile, or of its part within the matrix.</summary>
    private readonly void Move(float* gradient, long first, int rows, int columns)
    {
        for (; rows > 0; rows--, first += Geometry.O, gradient += TileColumns)
            StepStretch<T, V>.Move(_formula, _tensor, gradient, first, first + columns);
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
    /// <summary>Rows and columns of a chunk: as many numbers as <see cref="Elementwise.Chunk"/>; a multiple of every tile.</summary>
    public const int BlockRows = 64, BlockColumns = 256;

    /// <summary>Floats of the largest tile.</summary>
    public const int MostNumbersOfTile = 256;

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
