using Graft.Kernels;
using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <content>Layers that change images at random in training and leave them alone in inference.</content>
internal static partial class KerasLayers
{
    private static RandomFlip Flip(KerasLayerConfig c)
    {
        c.Ignore("value_range");
        string mode = c.Text("mode", "horizontal_and_vertical");
        return new RandomFlip(mode.Contains("horizontal", StringComparison.Ordinal), mode.Contains("vertical", StringComparison.Ordinal));
    }

    private static RandomRotation Rotation(KerasLayerConfig c) => new(Range(c, "factor", symmetric: true))
    {
        FillMode = Fill(c), FillValue = c.Number("fill_value", 0), Interpolation = Blend(c),
    };

    private static RandomTranslation Translation(KerasLayerConfig c) => new(Range(c, "height_factor", symmetric: true), Range(c, "width_factor", symmetric: true))
    {
        FillMode = Fill(c), FillValue = c.Number("fill_value", 0), Interpolation = Blend(c),
    };

    private static RandomZoom Zoom(KerasLayerConfig c) => new(Range(c, "height_factor", symmetric: true), c.Has("width_factor") ? Range(c, "width_factor", symmetric: true) : null)
    {
        FillMode = Fill(c), FillValue = c.Number("fill_value", 0), Interpolation = Blend(c),
    };

    private static RandomContrast Contrast(KerasLayerConfig c) => new(Range(c, "factor", symmetric: false)) { ValueRange = c.Has("value_range") ? Range(c, "value_range", symmetric: true) : (0, 255) };

    private static RandomBrightness Brightness(KerasLayerConfig c) => new(Range(c, "factor", symmetric: true)) { ValueRange = c.Has("value_range") ? Range(c, "value_range", symmetric: true) : (0, 255) };

    // Two numbers, or one that stands for both: from its negative where the range is symmetric.
    private static (float, float) Range(KerasLayerConfig c, string attribute, bool symmetric)
    {
        float[] values = c.Numbers(attribute);
        return values.Length > 1 ? (values[0], values[1]) : (symmetric ? -values[0] : values[0], values[0]);
    }

    private static WarpFill Fill(KerasLayerConfig c)
    {
        c.Ignore("value_range");
        return c.Text("fill_mode", "reflect") switch
        {
            "reflect" => WarpFill.Reflect,
            "constant" => WarpFill.Constant,
            "wrap" => WarpFill.Wrap,
            "nearest" => WarpFill.Nearest,
            _ => throw c.Refuse("fill_mode", "is not known", "Take reflect, constant, wrap or nearest"),
        };
    }

    private static ResizeInterpolation Blend(KerasLayerConfig c) => c.Text("interpolation", "bilinear") switch
    {
        "bilinear" => ResizeInterpolation.Bilinear,
        "nearest" => ResizeInterpolation.Nearest,
        _ => throw c.Refuse("interpolation", "is not known", "Take bilinear or nearest"),
    };
}
