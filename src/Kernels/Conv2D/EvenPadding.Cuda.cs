using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>cuDNN pads both sides alike: for padding that is uneven it gets images that lie inside theirs, and pads nothing.</summary>
internal sealed class EvenPadding(CudaContext context, CudaPad2DKernels pad, int numberSize = sizeof(float))
{
    /// <summary>The sizes of the same convolution with even padding.</summary>
    public static Conv2DGeometry Of(in Conv2DGeometry g) => g.Padding.Top == g.Padding.Bottom && g.Padding.Left == g.Padding.Right
        ? g
        : g with { H = g.H + g.Padding.Top + g.Padding.Bottom, W = g.W + g.Padding.Left + g.Padding.Right, Padding = Padding2D.None };

    /// <summary>x, or a copy of it inside its padding.</summary>
    /// <param name="g">The convolution.</param>
    /// <param name="x">Its images.</param>
    /// <param name="even">Its sizes on what is returned in <paramref name="from"/>.</param>
    /// <param name="from">The images.</param>
    /// <returns>The copy's block, to be disposed of; nothing where there is none.</returns>
    public CudaScratch Copy(in Conv2DGeometry g, DevicePtr<float> x, out Conv2DGeometry even, out DevicePtr<float> from)
    {
        (even, from) = (Of(g), x);
        if (even == g)
            return default;
        CudaScratch block = Block(even);
        from = new DevicePtr<float>(block.Address);
        try
        {
            pad.Forward(Padding(g), x, from);
        }
        catch
        {
            block.Dispose();
            throw;
        }
        return block;
    }

    /// <summary>dx = beta dx + the gradient of the images, by way of that of the padded ones where the padding is uneven.</summary>
    /// <returns>False where cuDNN does not take it.</returns>
    public bool BackwardInput(CudaConvolutions convolutions, in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        if (!convolutions.Takes(g))
            return false;
        Conv2DGeometry even = Of(g);
        if (even == g)
            return convolutions.Run(CudnnDirection.BackwardInput, g, w, dy, dx, beta);
        using CudaScratch block = Block(even);
        var padded = new DevicePtr<float>(block.Address);
        if (!convolutions.Run(CudnnDirection.BackwardInput, even, w, dy, padded, 0))
            return false;
        pad.BackwardInput(Padding(g), padded, dx, beta);
        return true;
    }

    private CudaScratch Block(in Conv2DGeometry even) => new(context, (long)even.N * even.H * even.W * even.C * numberSize);

    private static Pad2DGeometry Padding(in Conv2DGeometry g) => new(g.N, g.H, g.W, g.C, g.Padding);
}
