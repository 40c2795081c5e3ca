using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaReduceKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : ReduceKernels
{
    private const int Columns = 32, ColumnRows = 8; // as in Reduce.cu
    private const int CountTies = 4;
    private const int ManyBlocks = 1024; // fill any GPU: beyond them nothing is cut
    private const int RowSegment = 1 << 15, ColumnSegment = 1 << 11, MostSegments = 1024; // elements of an output in one block

    private readonly KernelFunction _rows = new(context, "Reduce.cu", NarrowName.Of("reduce_rows", stored)), _columns = new(context, "Reduce.cu", NarrowName.Of("reduce_columns", stored)),
        _parts = new(context, "Reduce.cu", NarrowName.Of("reduce_parts", stored)), _backward = new(context, "Reduce.cu", "reduce_backward");

    public override void Forward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, float beta) => Run(g, (int)g.Formula, x, DevicePtr<float>.Null, y, beta);

    public override void BackwardInput(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        DevicePtr<float> none = DevicePtr<float>.Null;
        if (g.Formula is ReduceFormula.Sum or ReduceFormula.Mean)
        {
            double scale = g.Formula == ReduceFormula.Mean ? g.Reduced : 1;
            _backward.Over(g.Extents.Product, none, none, none, dy, dx, g.Extents.Product, (int)g.Formula, g.Extents, g.OutputStrides(), scale, beta);
            return;
        }
        using var ties = new CudaScratch(context, g.Kept * sizeof(float));
        Run(g, CountTies, x, y, new DevicePtr<float>(ties.Address), 0);
        _backward.Over(g.Extents.Product, x, y, ties.Address, dy, dx, g.Extents.Product, (int)g.Formula, g.Extents, g.OutputStrides(), 1.0, beta);
    }

    /// <summary>y [columns] = beta y + the sums of the columns of x [rows,columns]: a bias's gradient.</summary>
    public void SumRows(long rows, int columns, DevicePtr<float> x, DevicePtr<float> y, float beta) =>
        Forward(ReduceGeometry.Of(ReduceFormula.Sum, [checked((int)rows), columns], [true, false]), x, y, beta);

    /// <summary>y = beta y + the sum of parts [segments,count] of doubles, in order: what kernels of other ops summed by segments.</summary>
    public void JoinParts(nint parts, DevicePtr<float> y, long count, int segments, float beta) =>
        _parts.Over(count, parts, y, (int)ReduceFormula.Sum, count, segments, (long)segments, beta);

    private void Run(in ReduceGeometry g, int formula, DevicePtr<float> x, DevicePtr<float> extremes, DevicePtr<float> y, float beta)
    {
        long kept = g.Kept, reduced = g.Reduced;
        if (kept == 0)
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
            _parts.Over(kept, parts.Address, y, formula, kept, segments, reduced, beta);
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
