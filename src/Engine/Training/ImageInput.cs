namespace Graft.Training;

/// <summary>The resampling filters of Pillow.</summary>
public enum ResizeFilter
{
    /// <summary>The pixel under the centre: Keras's default.</summary>
    Nearest,

    /// <summary>Triangle of width 2.</summary>
    Bilinear,

    /// <summary>Cubic of width 4, a = -0.5. Keys 1981.</summary>
    Bicubic,

    /// <summary>Windowed sinc of width 6.</summary>
    Lanczos,
}

/// <summary>The channels of an image, as Keras's color_mode.</summary>
public enum ColorMode
{
    /// <summary>Red, green, blue.</summary>
    Rgb,

    /// <summary>One channel: ITU-R 601-2 luma, (19595 R + 38470 G + 7471 B + 32768) / 65536, as Pillow's mode L.</summary>
    Grayscale,
}

/// <summary>How an image file becomes the pixels that <see cref="Preprocessing"/> takes; training and prediction do the same.</summary>
/// <param name="Height">Rows that images are resized to.</param>
/// <param name="Width">Columns that images are resized to.</param>
/// <param name="Resize">Resampling filter.</param>
/// <param name="ColorMode">Channels.</param>
/// <param name="AppliesOrientation">True turns an image upright as its EXIF orientation says; Keras does not.</param>
/// <param name="Draft">
/// True decodes a JPEG at the half, quarter or eighth of its size that is no smaller than what is asked for, as Pillow's draft mode: several times faster for photographs of many megapixels, and the pixels differ by
/// a few levels. Keras decodes it whole.
/// </param>
public sealed record ImageInput(int Height, int Width, ResizeFilter Resize = ResizeFilter.Nearest, ColorMode ColorMode = ColorMode.Rgb, bool AppliesOrientation = false, bool Draft = false)
{
    /// <summary>Numbers a pixel.</summary>
    public int Channels => ColorMode == ColorMode.Grayscale ? 1 : 3;

    /// <summary>The same in words: "resized by bilinear to 224 x 224, turned upright by EXIF".</summary>
    public string Describe() => $"resized by {Resize.ToString().ToLowerInvariant()} to {Height} x {Width}{(ColorMode == ColorMode.Grayscale ? ", in gray" : "")}{(AppliesOrientation ? ", turned upright by EXIF" : "")}{(Draft ? ", large JPEG files decoded at a reduced size" : "")}";

    /// <summary>Shape of one image: [H,W,C].</summary>
    public Shape Shape => new(Height, Width, Channels);
}
