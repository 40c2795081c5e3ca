using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaPermuteKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : PermuteKernels
{
    private const int Tile = 32, TileRows = 8; // as in Permute.cu

    private readonly CudaStridedCopy _copy = new(context, stored);
    private readonly KernelFunction _turn = new(context, "Permute.cu", NarrowName.Of("turn", stored));

    public override void Forward(in PermuteGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        if (Turned(g) is { } m)
            Turn(m.Batch, m.Rows, m.Columns, x, y, 0);
        else
            _copy.Gather(g.Extents, g.Strides, x, y, 0);
    }

    public override void BackwardInput(in PermuteGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        if (Turned(g) is { } m)
            Turn(m.Batch, m.Columns, m.Rows, dy, dx, beta);
        else
            _copy.Scatter(g.Extents, g.Strides, dy, dx, beta);
    }

    /// <summary>Where y is a batch of transposed matrices: y [batch,rows,columns], x [batch,columns,rows].</summary>
    private static (int Batch, int Rows, int Columns)? Turned(in PermuteGeometry g)
    {
        int rank = g.Extents.Rank;
        if (rank is < 2 or > 3)
            return null;
        long rows = g.Extents[rank - 2], columns = g.Extents[rank - 1], batch = rank == 3 ? g.Extents[0] : 1;
        bool isTurned = g.Strides[rank - 2] == 1 && g.Strides[rank - 1] == rows && (rank == 2 || g.Strides[0] == rows * columns);
        bool fits = batch * ((rows + Tile - 1) / Tile) <= int.MaxValue && (columns + Tile - 1) / Tile <= ushort.MaxValue
            && (rows + Tile - 1) / Tile <= ushort.MaxValue && batch * ((columns + Tile - 1) / Tile) <= int.MaxValue;
        return isTurned && fits ? ((int)batch, (int)rows, (int)columns) : null;
    }

    /// <summary>to [batch,rows,columns] from [batch,columns,rows].</summary>
    private void Turn(int batch, int rows, int columns, DevicePtr<float> from, DevicePtr<float> to, float beta)
    {
        int rowTiles = (rows + Tile - 1) / Tile;
        _turn.Launch((long)batch * rowTiles, (columns + Tile - 1) / Tile, Tile, TileRows, from, to, rows, columns, rowTiles, beta);
    }
}

/// <summary>Copies between a dense array and one that lies in strides.</summary>
internal sealed class CudaStridedCopy(CudaContext context, ComputePrecision stored = ComputePrecision.Float32)
{
    private readonly KernelFunction _gather = new(context, "Permute.cu", NarrowName.Of("gather", stored)), _scatter = new(context, "Permute.cu", NarrowName.Of("scatter", stored));

    /// <summary>dense [extents] = beta dense + strided.</summary>
    public void Gather(in Axes extents, in Axes strides, DevicePtr<float> strided, DevicePtr<float> dense, float beta) =>
        _gather.Over(extents.Product, strided, dense, extents.Product, extents, strides, beta);

    /// <summary>strided = beta strided + dense [extents]; what lies between is left alone.</summary>
    public void Scatter(in Axes extents, in Axes strides, DevicePtr<float> dense, DevicePtr<float> strided, float beta) =>
        _scatter.Over(extents.Product, dense, strided, extents.Product, extents, strides, beta);

    /// <summary>Extents and strides of a part [outer,part] of the columns of [outer,total].</summary>
    public static (Axes Extents, Axes Strides) Columns(long outer, long total, long part) => (new Axes(2, outer, part), new Axes(2, total, 1));
}
