using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// The step of a dense weight within the product that is its gradient, dw = xᵀ dy: a few rows of dw are made in a buffer of the first-level cache, and their
/// weights move while the next rows are made. Only weights and slots go through memory, as two or more streams that never pause for long.
/// </summary>
/// <remarks>Each number of dw is one chain of multiply-adds in the order of n from 0, as <see cref="Gemm"/> makes it: to the bit the same.</remarks>
internal unsafe struct ProductStep<T, V> : IChunkBody
    where T : unmanaged, IStepFormula
    where V : unmanaged, ILanes<V>
{
    private const int TileRows = 2, TileVectors = 4; // eight sums: enough not to wait for each other

    private readonly T _formula;
    private readonly StepTensor* _tensor;
    private readonly float* _panels;
    private readonly int _columnBlocks;

    /// <summary>Packs dy; what it needs for that was taken by <see cref="ProductSteps.Prepare"/>.</summary>
    public ProductStep(T formula, StepTensor* tensor)
    {
        _formula = formula;
        _tensor = tensor;
        _columnBlocks = (Geometry.O + ProductSteps.BlockColumns - 1) / ProductSteps.BlockColumns;
        _panels = Scratch.Rent(ScratchSlot.PackedB, ProductSteps.PanelsSize(Geometry.O, Geometry.N));
        ParallelRows.Run((Geometry.O + TileColumns - 1) / TileColumns, ParallelRows.RowsPerChunk(TileColumns * Geometry.N), new Packing { Of = this });
    }

    /// <summary>Number of chunks: blocks of rows and columns.</summary>
    public readonly int Chunks => (Geometry.I + ProductSteps.BlockRows - 1) / ProductSteps.BlockRows * _columnBlocks;

    private static int TileColumns => TileVectors * V.Count;

    private readonly DenseGeometry Geometry => _tensor->Product.Geometry;

    [SkipLocalsInit]
    public readonly void Run(int chunk)
    {
        const int Room = ProductSteps.GroupRows * ProductSteps.BlockColumns + ProductSteps.Overhang;
        DenseGeometry g = Geometry;
        int row = chunk / _columnBlocks * ProductSteps.BlockRows, end = Math.Min(row + ProductSteps.BlockRows, g.I);
        int column = chunk % _columnBlocks * ProductSteps.BlockColumns, columns = Math.Min(ProductSteps.BlockColumns, g.O - column);
        float* x = stackalloc float[ProductSteps.BlockRows * ProductSteps.MostRowsOfX];
        float* buffer = stackalloc float[2 * Room + ProductSteps.Line], next = ProductSteps.Align(buffer), last = next + Room;
        PackPairs(_tensor->Product.X.Pointer + row, g.I, g.N, end - row, x);
        ProductStretch due = default; // the group before, whose weights have still to move
        for (; row < end; row += ProductSteps.GroupRows, x += ProductSteps.GroupRows * g.N)
        {
            int rows = Math.Min(ProductSteps.GroupRows, end - row);
            Sums(x, _panels + (nint)column * g.N, rows, columns, next, ref due);
            MoveAll(ref due);
            due = new ProductStretch(next, (long)row * g.O + column, rows, columns, g.O);
            float* free = last;
            last = next;
            next = free;
        }
        MoveAll(ref due);
    }

    /// <summary>
    /// A few rows of the gradient, without a gap between them; behind each tile as many weights of the group before move. Tiles go from a row's last to its
    /// first: what one writes beyond the row's end is written over by what belongs there.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void Sums(float* x, float* panels, int rows, int columns, float* gradient, ref ProductStretch due)
    {
        int n = Geometry.N;
        for (int i = 0; i < rows; i += TileRows, x += TileRows * n, gradient += TileRows * columns)
        {
            for (int j = (columns - 1) / TileColumns * TileColumns; j >= 0; j -= TileColumns)
            {
                Tile(x, panels + (nint)j * n, n, gradient + j, columns);
                Move(ref due, TileRows * TileColumns);
            }
        }
    }

    private readonly void MoveAll(ref ProductStretch due)
    {
        while (due.Rows > 0)
            Move(ref due, due.Columns);
    }

    /// <summary>Moves the weights that come next, not beyond the end of their row.</summary>
    private readonly void Move(ref ProductStretch due, int most)
    {
        if (due.Rows == 0)
            return;
        (long first, int count) = (due.First + due.Done, Math.Min(most, due.Columns - due.Done));
        StepStretch<T, V>.Move(_formula, _tensor, due.Gradient + due.Done, first, first + count, ProductSteps.Ahead);
        due.Advance(count);
    }

    /// <summary>sums [2, 4 vectors] = n pairs of x times n rows of a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Tile(float* x, float* panel, int n, float* sums, int stride)
    {
        V s00 = V.Zero, s01 = s00, s02 = s00, s03 = s00, s10 = s00, s11 = s00, s12 = s00, s13 = s00;
        for (; n > 0; n--, x += TileRows, panel += TileColumns)
        {
            V b0 = V.Load(panel), b1 = V.Load(panel + V.Count), b2 = V.Load(panel + 2 * V.Count), b3 = V.Load(panel + 3 * V.Count), a = V.Create(x[0]);
            s00 = V.MultiplyAdd(a, b0, s00);
            s01 = V.MultiplyAdd(a, b1, s01);
            s02 = V.MultiplyAdd(a, b2, s02);
            s03 = V.MultiplyAdd(a, b3, s03);
            a = V.Create(x[1]);
            s10 = V.MultiplyAdd(a, b0, s10);
            s11 = V.MultiplyAdd(a, b1, s11);
            s12 = V.MultiplyAdd(a, b2, s12);
            s13 = V.MultiplyAdd(a, b3, s13);
        }
        s00.Store(sums);
        s01.Store(sums + V.Count);
        s02.Store(sums + 2 * V.Count);
        s03.Store(sums + 3 * V.Count);
        sums += stride;
        s10.Store(sums);
        s11.Store(sums + V.Count);
        s12.Store(sums + 2 * V.Count);
        s13.Store(sums + 3 * V.Count);
    }

    /// <summary>x [n,rows] as [pairs of rows][n][2], an odd last row beside zeros.</summary>
    private static void PackPairs(float* x, nint ldx, int n, int rows, float* to)
    {
        for (int k = 0; k < n; k++, x += ldx, to += TileRows)
        {
            float* pair = to;
            int i = 0;
            for (; i + TileRows <= rows; i += TileRows, pair += TileRows * n)
                *(long*)pair = *(long*)(x + i);
            if (i < rows)
                (pair[0], pair[1]) = (x[i], 0);
        }
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

/// <summary>Weights whose gradient is made and that have still to move: rows of the matrix, or of a part of its columns.</summary>
internal unsafe struct ProductStretch
{
    private readonly int _width;

    /// <param name="gradient">The gradient, row by row without a gap.</param>
    /// <param name="first">Number of the first weight in the matrix.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns of the part.</param>
    /// <param name="width">Columns of the matrix.</param>
    public ProductStretch(float* gradient, long first, int rows, int columns, int width)
    {
        (First, _width) = (first, width);
        (Rows, Columns) = columns == width ? (1, rows * columns) : (rows, columns); // whole rows are one
        Gradient = gradient;
    }

    /// <summary>Gradient of the row's first weight.</summary>
    public float* Gradient { get; private set; }

    /// <summary>Number of the row's first weight.</summary>
    public long First { get; private set; }

    /// <summary>Rows that are left, the one that is begun among them.</summary>
    public int Rows { get; private set; }

    /// <summary>Weights of a row.</summary>
    public readonly int Columns { get; }

    /// <summary>Weights of this row that have moved.</summary>
    public int Done { get; private set; }

    /// <summary>Goes on, at most to the end of the row.</summary>
    public void Advance(int count)
    {
        Done += count;
        if (Done < Columns)
            return;
        Gradient += Columns;
        First += _width;
        Rows--;
        Done = 0;
    }
}

/// <summary>Sizes of a <see cref="ProductStep{T, V}"/>, whatever the formula and the vectors.</summary>
internal static unsafe class ProductSteps
{
    /// <summary>Rows and columns of a chunk: as many numbers as <see cref="Elementwise.Chunk"/>; a multiple of every tile.</summary>
    public const int BlockRows = 64, BlockColumns = 256;

    /// <summary>Rows of the gradient that are made while those before move.</summary>
    public const int GroupRows = 4;

    /// <summary>Floats that the last tile of a group may write beyond it.</summary>
    public const int Overhang = 64;

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
