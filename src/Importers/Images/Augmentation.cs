namespace Graft.Importers.Images;

/// <summary>What stands where a transformed image has no pixel: SciPy's modes.</summary>
public enum FillMode
{
    /// <summary>The nearest pixel of the border: aaaa|abcd|dddd.</summary>
    Nearest,

    /// <summary>A fixed value: kkkk|abcd|kkkk.</summary>
    Constant,

    /// <summary>The image mirrored at its border: dcba|abcd|dcba.</summary>
    Reflect,

    /// <summary>The image again, as SciPy's 'wrap' has it: its first and last pixel coincide.</summary>
    Wrap,
}

/// <summary>Ranges that random transforms are drawn from, with the meaning of Keras's ImageDataGenerator.</summary>
public sealed record Augmentation
{
    /// <summary>Rotation by up to this many degrees either way.</summary>
    public double RotationRange { get; init; }

    /// <summary>Shift along columns by up to this share of the width.</summary>
    public double WidthShiftRange { get; init; }

    /// <summary>Shift along rows by up to this share of the height.</summary>
    public double HeightShiftRange { get; init; }

    /// <summary>Shear by up to this many degrees either way.</summary>
    public double ShearRange { get; init; }

    /// <summary>Zoom of rows and of columns by a factor from 1 - this to 1 + this, each its own.</summary>
    public double ZoomRange { get; init; }

    /// <summary>Mirrors columns at random.</summary>
    public bool HorizontalFlip { get; init; }

    /// <summary>Mirrors rows at random.</summary>
    public bool VerticalFlip { get; init; }

    /// <summary>Adds up to this much to all channels, limited to the image's own range.</summary>
    public double ChannelShiftRange { get; init; }

    /// <summary>Factor on the brightness, from and to; null leaves it.</summary>
    public (double From, double To)? BrightnessRange { get; init; }

    /// <summary>What stands where there is no pixel.</summary>
    public FillMode FillMode { get; init; }

    /// <summary>The value of <see cref="Images.FillMode.Constant"/>.</summary>
    public float FillValue { get; init; }

    /// <summary>The ranges of Keras's transfer-learning examples: rotation 40, shifts, shear and zoom 0.2, horizontal flip.</summary>
    public static Augmentation Standard { get; } = new()
    {
        RotationRange = 40, WidthShiftRange = 0.2, HeightShiftRange = 0.2, ShearRange = 0.2, ZoomRange = 0.2, HorizontalFlip = true,
    };

    /// <summary>Draws one transform.</summary>
    public ImageTransform Draw(Random random, int height, int width)
    {
        double Either(double range) => range == 0 ? 0 : (random.NextDouble() * 2 - 1) * range;
        return new ImageTransform
        {
            Theta = Either(RotationRange),
            Tx = Either(HeightShiftRange) * height,
            Ty = Either(WidthShiftRange) * width,
            Shear = Either(ShearRange),
            Zx = 1 + Either(ZoomRange),
            Zy = 1 + Either(ZoomRange),
            FlipHorizontal = HorizontalFlip && random.NextDouble() < 0.5,
            FlipVertical = VerticalFlip && random.NextDouble() < 0.5,
            ChannelShift = Either(ChannelShiftRange),
            Brightness = BrightnessRange is { } b ? b.From + random.NextDouble() * (b.To - b.From) : null,
            FillMode = FillMode,
            FillValue = FillValue,
        };
    }
}
