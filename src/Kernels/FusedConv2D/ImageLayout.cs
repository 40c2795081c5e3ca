namespace Graft.Kernels;

/// <summary>
/// Where the pixels of a batch of images lie: channel c of pixel (h,w) of image n is at n ImageStride + h RowStride + w PixelStride + c,
/// counted in floats from the first pixel of the first image. Channels of a pixel are neighbours.
/// </summary>
/// <param name="ImageStride">Floats from an image to the next.</param>
/// <param name="RowStride">Floats from a row to the next.</param>
/// <param name="PixelStride">Floats from a pixel to its right neighbour; more than the channels where a pixel also holds other things.</param>
public readonly record struct ImageLayout(long ImageStride, long RowStride, int PixelStride)
{
    /// <summary>[N,H,W,C] without gaps.</summary>
    public static ImageLayout Dense(int h, int w, int c) => new((long)h * w * c, (long)w * c, c);

    /// <summary>
    /// The inner part of [N,H + 2 border,W + 2 border,C]. Its first pixel is <see cref="BorderOffset"/> floats into the block; the block is
    /// <see cref="ImageStride"/> floats an image.
    /// </summary>
    public static ImageLayout Bordered(int h, int w, int c, int border) => Dense(h + 2 * border, w + 2 * border, c);

    /// <summary>Floats from the start of a block with a border to its first pixel.</summary>
    public long BorderOffset(int border) => border * (RowStride + PixelStride);

    /// <summary>Floats from the first pixel of the first image to pixel (h,w) of image n.</summary>
    public long At(long n, int h, int w) => n * ImageStride + h * RowStride + (long)w * PixelStride;

    /// <summary>True where all pixels of the batch lie one <see cref="PixelStride"/> apart: one long row.</summary>
    public bool IsOneRow(int h, int w) => RowStride == (long)w * PixelStride && ImageStride == h * RowStride;
}
