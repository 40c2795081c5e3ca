using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Weights lie as [O,K]: up to eight rows are multiplied in float32, whatever more are multiplied in, by an own kernel that reads each output's in one stream; more by cuBLASLt or cuBLAS.</summary>
internal sealed class CudaFrozenDenseKernels(CudaContext context, CudaAffine affine, UnaryKernels unary) : FrozenDenseKernels
{
    private const int MostRows = 8;
    private const int Side = 32, Lines = 8; // of the transpose's blocks
    private const int Vector = 4; // numbers of a load
    private const string File = "FrozenDense.cu";

    private readonly KernelFunction _transpose = new(context, File, "transpose");
    private readonly KernelFunction[] _rows = [.. Array.ConvertAll(["dense_row", "dense_row_normed", "dense_rows", "dense_rows_normed"], name => new KernelFunction(context, File, name) { SharedBytes = FewRowsLaunch.MostShared })];

    private volatile bool _hasPacked; // since the last product: chained kernels read weights before the work ahead of them is done

    public override string Routine => $"Dense by {affine.Name}";

    public override bool ReadsTransposed => true;

    public override long PackedSize(int k, int o) => (long)k * o;

    public override void Pack(int k, int o, DevicePtr<float> w, DevicePtr<float> packed)
    {
        _transpose.Launch((long)Tiles(k) * Tiles(o), 1, Side, Lines, w, packed, k, o);
        _hasPacked = true;
    }

    public override void Run(in FrozenDenseGeometry g, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (!TryRun(g, default, x, packed, b, residual, y))
            affine.Run(g, x.Address, packed.Address, b.Address, residual.Address, y.Address, isTurned: true);
    }

    public override bool RunNormed(
        in FrozenDenseGeometry g, in RowNorm norm, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y) =>
        TryRun(g, norm, x, packed, b, residual, y);

    private static int Tiles(int count) => (count + Side - 1) / Side;

    private bool TryRun(in FrozenDenseGeometry g, in RowNorm norm, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        bool isNormed = !norm.Scale.IsNull;
        if (g.M > MostRows || g.K % Vector != 0 || !FewRowsLaunch.IsAligned(x.Address, packed.Address, norm.Scale.Address, norm.Shift.Address)
            || FewRowsLaunch.Of(context, g.M, g.K, g.O, FewRowsLaunch.FewOutputs, 0, isNormed) is not { } launch)
            return false;
        int formula = FewRowsLaunch.Fused(g.Activation);
        _rows[FewRowsLaunch.Kernel(g.M, isNormed)].LaunchChained(launch.Blocks, 1, FewRowsLaunch.Threads, launch.SharedBytes, !_hasPacked, packed, x, norm.Scale, norm.Shift, norm.Epsilon, b, residual, y,
            g.M, g.K, g.O, formula, launch.Parts, launch.Group);
        _hasPacked = false;
        if (formula < 0 && g.Activation is { } other)
            unary.Forward(new UnaryGeometry((long)g.M * g.O, other), y, y);
        return true;
    }
}
