using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaPermuteKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : PermuteKernels
{
    private const int Tile = 64, TileThreads = 256, Pack = 4; // as in Permute.cu
    private const int Fewest = 16; // numbers along a side, for which a tile is worth its shared memory

    private readonly CudaStridedCopy _copy = new(context, stored);
    private readonly KernelFunction _turn = new(context, "Permute.cu", NarrowName.Of("turn", stored)), _turnPacks = new(context, "Permute.cu", NarrowName.Of("turn_packs", stored));

    public override void Forward(in PermuteGeometry g, DevicePtr<float> x, DevicePtr<float> y) => Run(g, x, y, 0);

    public override void BackwardInput(in PermuteGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) => Run(Inverse(g), dy, dx, beta);

    private void Run(in PermuteGeometry g, DevicePtr<float> from, DevicePtr<float> to, float beta)
    {
        if (g.Extents.Product == 0)
            return;
        if (Turning.Of(g) is not { } t)
        {
            _copy.Gather(g.Extents, g.Strides, from, to, beta);
            return;
        }
        int size = stored.IsNarrow() ? sizeof(ushort) : sizeof(float);
        bool packed = t.LiesInPacks && from.Address % (Pack * size) == 0 && to.Address % (Pack * size) == 0;
        (packed ? _turnPacks : _turn).Launch(t.Tiles, TileThreads, from, to, (int)t.Rows, (int)t.Columns, (int)t.FromStride, (int)t.ToStride, (int)t.RowTiles, (int)t.ColumnTiles,
            KernelArgument.Of(CudaWalk.Over(t.Batch)), CudaWalk.Strides(t.BatchFrom), CudaWalk.Strides(t.BatchTo), beta);
    }

    /// <summary>From y back to x: the axes as they follow each other in x.</summary>
    private static PermuteGeometry Inverse(in PermuteGeometry g)
    {
        int rank = g.Extents.Rank;
        var axes = new (long Stride, long Extent, long Back)[rank];
        for ((int axis, long next) = (rank - 1, 1); axis >= 0; axis--)
        {
            axes[axis] = (g.Strides[axis], g.Extents[axis], next);
            next *= g.Extents[axis];
        }
        Array.Sort(axes, (a, b) => b.Stride.CompareTo(a.Stride));
        return new(Axes.From(Array.ConvertAll(axes, a => a.Extent)), Axes.From(Array.ConvertAll(axes, a => a.Back)));
    }

    /// <summary>A permutation as a batch of turned matrices: the axis along which x has neighbours, and y's last one, along which y has.</summary>
    /// <param name="Rows">Extent of the former.</param>
    /// <param name="Columns">Extent of the latter.</param>
    /// <param name="FromStride">Numbers of x between columns.</param>
    /// <param name="ToStride">Numbers of y between rows.</param>
    /// <param name="Batch">The other axes.</param>
    /// <param name="BatchFrom">Their strides in x.</param>
    /// <param name="BatchTo">Their strides in y.</param>
    private readonly record struct Turning(long Rows, long Columns, long FromStride, long ToStride, Axes Batch, Axes BatchFrom, Axes BatchTo)
    {
        public long RowTiles => (Rows + Tile - 1) / Tile;

        public long ColumnTiles => (Columns + Tile - 1) / Tile;

        public long Tiles => Batch.Product * RowTiles * ColumnTiles;

        /// <summary>True where every pack of a line begins at a multiple of its size, if the arrays do.</summary>
        public bool LiesInPacks
        {
            get
            {
                bool all = Rows % Pack == 0 && Columns % Pack == 0 && FromStride % Pack == 0 && ToStride % Pack == 0;
                for (int axis = 0; axis < Batch.Rank; axis++)
                    all &= BatchFrom[axis] % Pack == 0 && BatchTo[axis] % Pack == 0;
                return all;
            }
        }

        /// <summary>Null where neighbours stay neighbours, a side has few numbers, or there are more than 32 bits count.</summary>
        public static Turning? Of(in PermuteGeometry g)
        {
            int last = g.Extents.Rank - 1, turned = -1;
            for (int axis = 0; axis < last; axis++)
                turned = g.Strides[axis] == 1 ? axis : turned;
            if (turned < 0 || g.Extents[turned] < Fewest || g.Extents[last] < Fewest || !CudaWalk.Fits(g.Extents, g.Strides))
                return null;
            var batch = new List<(long Extent, long From, long To)>(last);
            long next = 1, toStride = 0;
            for (int axis = last; axis >= 0; axis--)
            {
                if (axis == turned)
                    toStride = next;
                else if (axis != last)
                    batch.Insert(0, (g.Extents[axis], g.Strides[axis], next));
                next *= g.Extents[axis];
            }
            return new(g.Extents[turned], g.Extents[last], g.Strides[last], toStride,
                Axes.From([.. batch.Select(b => b.Extent)]), Axes.From([.. batch.Select(b => b.From)]), Axes.From([.. batch.Select(b => b.To)]));
        }
    }
}
