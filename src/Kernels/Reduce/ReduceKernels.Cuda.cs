using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaReduceKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : ReduceKernels
{
    private const int Columns = 32, ColumnRows = 8; // as in Reduce.cu
    private const int CountTies = 4;
    private const int ManyBlocks = 1024; // fill any GPU: beyond them nothing is cut
    private const int RowSegment = 1 << 15, ColumnSegment = 1 << 11, MostSegments = 1024; // elements of an output in one block
    private const int DenseSegment = 1 << 13; // the same where rows lie densely
    private const int ShortRow = 1024, Warps = Threads / 32; // rows that a warp has, and warps of a block
    private const int ManyOutputs = 1 << 15, ManySegments = 8; // where a thread joins the segments of an output alone, or threads share them
    private const int MostGrid = 1 << 16, FewElements = 1 << 11; // small sums that are many are not worth a block each
    private const int Threads = KernelFunction.Threads;

    private readonly KernelFunction _rows = new(context, "Reduce.cu", NarrowName.Of("reduce_rows", stored)), _columns = new(context, "Reduce.cu", NarrowName.Of("reduce_columns", stored)),
        _shortRows = new(context, "Reduce.cu", NarrowName.Of("reduce_short_rows", stored)), _longRows = new(context, "Reduce.cu", NarrowName.Of("reduce_long_rows", stored)),
        _denseColumns = new(context, "Reduce.cu", NarrowName.Of("reduce_dense_columns", stored)), _parts = new(context, "Reduce.cu", NarrowName.Of("reduce_parts", stored)),
        _fewParts = new(context, "Reduce.cu", NarrowName.Of("reduce_few_parts", stored)), _backward = new(context, "Reduce.cu", NarrowName.Of("reduce_backward", stored)),
        _spread = new(context, "Reduce.cu", NarrowName.Of("reduce_spread_columns", stored));

    public override void Forward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, float beta) => Run(g, (int)g.Formula, x, DevicePtr<float>.Null, y, beta);

    public override void BackwardInput(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        DevicePtr<float> none = DevicePtr<float>.Null;
        if (g.Formula is ReduceFormula.Sum or ReduceFormula.Mean)
        {
            double scale = g.Formula == ReduceFormula.Mean ? g.Reduced : 1;
            if (Dense(g) is { } dense && dense.Kind == DenseKind.Columns)
            {
                CudaColumns columns = CudaColumns.Of(dense.Inner);
                int chunks = checked((int)columns.Steps(g.Reduced));
                _spread.Launch(dense.Outer * columns.Blocks * chunks, Threads, dy, dx, g.Reduced, (int)dense.Inner, columns.Log, columns.Blocks, chunks, scale, beta);
                return;
            }
            _backward.Over(g.Extents.Product, none, none, none, dy, dx, g.Extents.Product, (int)g.Formula, g.Extents, g.OutputStrides(), scale, beta);
            return;
        }
        if (stored.IsNarrow())
            throw new NotSupportedException($"The gradient of {g.Formula} counts equal numbers, which 16 bits do not.");
        using var ties = new CudaScratch(context, g.Kept * sizeof(float));
        Run(g, CountTies, x, y, new DevicePtr<float>(ties.Address), 0);
        _backward.Over(g.Extents.Product, x, y, ties.Address, dy, dx, g.Extents.Product, (int)g.Formula, g.Extents, g.OutputStrides(), 1.0, beta);
    }

    /// <summary>y [columns] = beta y + the sums of the columns of x [rows,columns]: a bias's gradient.</summary>
    public void SumRows(long rows, int columns, DevicePtr<float> x, DevicePtr<float> y, float beta) =>
        Forward(ReduceGeometry.Of(ReduceFormula.Sum, [checked((int)rows), columns], [true, false]), x, y, beta);

    /// <summary>Sums of the columns of x [rows,columns] in double, [segments,columns]; <see cref="JoinParts"/> joins them.</summary>
    public CudaScratch SumParts(int rows, int columns, nint x, out int segments)
    {
        CudaColumns over = CudaColumns.Of(columns);
        int cut = over.Segments(rows);
        segments = cut;
        return CudaScratch.Filled(context, (long)cut * columns * sizeof(double),
            parts => _denseColumns.Launch((long)over.Blocks * cut, Threads, x, (nint)0, parts, (int)ReduceFormula.Sum, (long)columns, (long)rows, columns, over.Log, over.Blocks, cut, 0f));
    }

    /// <summary>y [columns] = beta y + the sums of the columns of x [rows,columns], which has 16 bits; y is float32.</summary>
    public void SumRows(CudaReduceKernels exact, int rows, int columns, nint x, DevicePtr<float> y, float beta)
    {
        using CudaScratch parts = SumParts(rows, columns, x, out int segments);
        exact.JoinParts(parts.Address, y, columns, segments, beta);
    }

    /// <summary>y = beta y + the sum of parts [segments,count] of doubles, in an order that the sizes decide: what kernels of other ops summed by segments.</summary>
    public void JoinParts(nint parts, DevicePtr<float> y, long count, int segments, float beta) => Join((int)ReduceFormula.Sum, parts, y, count, segments, segments, beta);

    private void Join(int formula, nint parts, DevicePtr<float> y, long kept, int segments, long reduced, float beta)
    {
        if (kept >= ManyOutputs || segments < ManySegments)
        {
            _parts.Over(kept, parts, y, formula, kept, segments, reduced, beta);
            return;
        }
        CudaJoin join = CudaJoin.Of(kept);
        _fewParts.Launch(join.Blocks, Threads, parts, y, formula, kept, segments, reduced, join.Log, beta);
    }

    private enum DenseKind
    {
        Rows, Columns,
    }

    /// <summary>x as [Outer,reduced] or [Outer,reduced,Inner], where it lies so and that fills blocks; else null.</summary>
    private static (DenseKind Kind, long Outer, long Inner)? Dense(in ReduceGeometry g)
    {
        (DenseKind Kind, long Outer, long Inner)? dense = (g.Extents.Rank, g.FirstReduced) switch
        {
            (1, true) => (DenseKind.Rows, 1, 1),
            (2, false) => (DenseKind.Rows, g.Extents[0], 1),
            (2, true) => (DenseKind.Columns, 1, g.Extents[1]),
            (3, false) => (DenseKind.Columns, g.Extents[0], g.Extents[2]),
            _ => null,
        };
        if (dense is not { } found || g.Kept == 0 || found.Inner > int.MaxValue - 4)
            return null;
        return found.Kind == DenseKind.Rows || g.Reduced * found.Inner >= FewElements || found.Outer * CudaColumns.Of(found.Inner).Blocks <= MostGrid ? dense : null;
    }

    private bool RunDense(in ReduceGeometry g, int formula, DevicePtr<float> x, DevicePtr<float> y, float beta)
    {
        if (formula == CountTies || Dense(g) is not { } dense)
            return false;
        long kept = g.Kept, reduced = g.Reduced;
        if (dense.Kind == DenseKind.Columns)
        {
            CudaColumns columns = CudaColumns.Of(dense.Inner);
            int cut = columns.Segments(reduced, dense.Outer);
            using CudaScratch sums = cut > 1 ? new CudaScratch(context, cut * kept * sizeof(double)) : default;
            _denseColumns.Launch(dense.Outer * columns.Blocks * cut, Threads, x, y, sums.Address, formula, kept, reduced, (int)dense.Inner, columns.Log, columns.Blocks, cut, beta);
            if (cut > 1)
                Join(formula, sums.Address, y, kept, cut, reduced, beta);
            return true;
        }
        if (reduced <= ShortRow && kept >= ManyBlocks)
        {
            _shortRows.Launch((kept + Warps - 1) / Warps, Threads, x, y, formula, kept, reduced, beta);
            return true;
        }
        int segments = kept >= ManyBlocks ? 1 : (int)Math.Clamp((reduced + DenseSegment - 1) / DenseSegment, 1, MostSegments);
        long length = ((reduced + segments - 1) / segments + 3) / 4 * 4;
        using CudaScratch parts = segments > 1 ? new CudaScratch(context, segments * kept * sizeof(double)) : default;
        _longRows.Launch(kept, segments, CudaRows.Threads((length + 3) / 4), 1, x, y, parts.Address, formula, kept, reduced, length, beta);
        if (segments > 1)
            Join(formula, parts.Address, y, kept, segments, reduced, beta);
        return true;
    }

    private void Run(in ReduceGeometry g, int formula, DevicePtr<float> x, DevicePtr<float> extremes, DevicePtr<float> y, float beta)
    {
        long kept = g.Kept, reduced = g.Reduced;
        if (kept == 0 || RunDense(g, formula, x, y, beta))
            return;
        bool rows = g.Extents.Rank == 0 || g.IsReduced(g.Extents.Rank - 1);
        long blocks = rows ? kept : (kept + Columns - 1) / Columns;
        int segment = rows ? RowSegment : ColumnSegment;
        int segments = blocks >= ManyBlocks ? 1 : (int)Math.Clamp((reduced + segment - 1) / segment, 1, MostSegments);
        long length = (reduced + segments - 1) / segments;
        using CudaScratch parts = segments > 1 ? new CudaScratch(context, segments * kept * sizeof(double)) : default;
        (Axes keptExtents, Axes keptStrides) = Part(g, reduced: false);
        (Axes extents, Axes strides) = Part(g, reduced: true);
        if (rows)
            _rows.Launch(blocks, segments, CudaRows.Threads(length), 1, x, extremes, y, parts.Address, formula, keptExtents, keptStrides, extents, strides, kept, reduced, length, beta);
        else
            _columns.Launch(blocks, segments, Columns, ColumnRows, x, extremes, y, parts.Address, formula, keptExtents, keptStrides, extents, strides, kept, reduced, length, beta);
        if (segments > 1)
            Join(formula, parts.Address, y, kept, segments, reduced, beta);
    }

    /// <summary>Extents of the kept or the reduced axes, and x's strides along them.</summary>
    private static (Axes Extents, Axes Strides) Part(in ReduceGeometry g, bool reduced)
    {
        Span<long> extents = stackalloc long[g.Extents.Rank], strides = stackalloc long[g.Extents.Rank];
        long stride = 1;
        int used = g.Extents.Rank;
        for (int i = g.Extents.Rank - 1; i >= 0; i--)
        {
            if (g.IsReduced(i) == reduced)
            {
                used--;
                (extents[used], strides[used]) = (g.Extents[i], stride);
            }
            stride *= g.Extents[i];
        }
        return (Axes.From(extents[used..]), Axes.From(strides[used..]));
    }
}
