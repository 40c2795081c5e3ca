using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>cuDNN pads both sides alike: for padding that is uneven it gets images that lie inside theirs, and pads nothing.</summary>
internal sealed class EvenPadding(CudaContext context, CudaPad2DKernels pad)
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

    /// <summary>Memory for images of the even sizes.</summary>
    public CudaScratch Block(in Conv2DGeometry even) => new(context, (long)even.N * even.H * even.W * even.C * sizeof(float));

    /// <summary>dx = beta dx + what of the gradient of the padded images lies inside.</summary>
    public void TakeInside(in Conv2DGeometry g, DevicePtr<float> padded, DevicePtr<float> dx, float beta) => pad.BackwardInput(Padding(g), padded, dx, beta);

    private static Pad2DGeometry Padding(in Conv2DGeometry g) => new(g.N, g.H, g.W, g.C, g.Padding);
}
