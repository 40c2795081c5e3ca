using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaWarp2DKernels(CudaContext context) : Warp2DKernels
{
    private const int Tile = 16; // as in Warp2D.cu

    private readonly KernelFunction _forward = new(context, "Warp2D.cu", "warp2d_forward"), _backward = new(context, "Warp2D.cu", "warp2d_backward");

    public override void Forward(in Warp2DGeometry g, DevicePtr<float> x, DevicePtr<float> m, DevicePtr<float> y)
    {
        long count = (long)g.N * g.OutH * g.OutW * g.C;
        _forward.Over(count, x, m, y, count, Sizes(g));
    }

    public override void BackwardInput(in Warp2DGeometry g, DevicePtr<float> m, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        int tilesH = (g.H + Tile - 1) / Tile, tilesW = (g.W + Tile - 1) / Tile;
        _backward.Launch((long)g.N * tilesH * tilesW, Tile * Tile, m, dy, dx, Sizes(g), tilesH, tilesW, beta);
    }

    private static KernelArgument Sizes(in Warp2DGeometry g) => KernelArgument.Of(new Warp(g.H, g.W, g.C, g.OutH, g.OutW, g.Blends ? 1 : 0, (int)g.Fill, g.FillValue));

    /// <summary>Laid out as Warp of Warp2D.cu.</summary>
    private readonly record struct Warp(int H, int W, int C, int OutH, int OutW, int Blends, int Fill, float FillValue);
}
