using Graft.Kernels;
using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <content>Pooling, borders, sizes, joins and what prepares inputs.</content>
internal static partial class KerasLayers
{
    private static MaxPooling3D MaxPool3D(KerasLayerConfig c) =>
        new() { PoolSize = Three(c, "pool_size", 2), Strides = c.Has("strides") ? Three(c, "strides") : Three(c, "pool_size", 2), Padding = c.Padding() };

    private static AveragePooling3D AveragePool3D(KerasLayerConfig c) =>
        new() { PoolSize = Three(c, "pool_size", 2), Strides = c.Has("strides") ? Three(c, "strides") : Three(c, "pool_size", 2), Padding = c.Padding() };

    private static int? PoolStride(KerasLayerConfig c) => c.Has("strides") ? One(c, "strides") : null;

    private static (int, int) PoolStrides(KerasLayerConfig c) => c.Has("strides") ? c.Pair("strides") : c.Pair("pool_size", (2, 2));

    private static Padding2D Border(KerasLayerConfig c, string attribute)
    {
        (int Before, int Behind)[] b = c.Borders(attribute, 2);
        return new Padding2D(b[0].Before, b[0].Behind, b[1].Before, b[1].Behind);
    }

    private static Padding3D Border3D(KerasLayerConfig c, string attribute)
    {
        (int Before, int Behind)[] b = c.Borders(attribute, 3);
        return new Padding3D(b[0].Before, b[0].Behind, new Padding2D(b[1].Before, b[1].Behind, b[2].Before, b[2].Behind));
    }

    private static UpSampling3D UpSample3D(KerasLayerConfig c)
    {
        (int d, int h, int w) = Three(c, "size", 2);
        return new UpSampling3D(d, h, w);
    }

    private static UpsampleKind Interpolation(KerasLayerConfig c) => c.Text("interpolation", "nearest") switch
    {
        "nearest" => UpsampleKind.Nearest,
        "bilinear" => UpsampleKind.Bilinear,
        _ => throw c.Refuse("interpolation", "is not built here for a whole factor", "Take 'nearest' or 'bilinear', or a Resizing layer"),
    };

    private static Dot DotOf(KerasLayerConfig c)
    {
        int[] axes = c.Integers("axes");
        return new Dot(axes[0], axes[^1]) { Normalize = c.Flag("normalize", false) };
    }

    private static Dropout Dropped(KerasLayerConfig c)
    {
        if (!c.Has("noise_shape"))
            return new Dropout(c.Number("rate"));
        return new Dropout(c.Number("rate")) { NoiseShape = [.. c.IntegersOrNone("noise_shape").Select(d => d ?? 0)] };
    }

    private static Rescaling Rescaled(KerasLayerConfig c) => new(c.Numbers("scale"), c.Has("offset") ? c.Numbers("offset") : [0]);

    private static Normalization Normalized(KerasLayerConfig c) => new()
    {
        Axes = c.Has("axis") ? c.Integers("axis") : [], Mean = c.Has("mean") ? c.Numbers("mean") : null, Variance = c.Has("variance") ? c.Numbers("variance") : null, Invert = c.Flag("invert", false),
    };

    private static Resizing Resized(KerasLayerConfig c)
    {
        if (c.Flag("antialias", false))
            throw c.Refuse("antialias", "resizing with a low-pass filter is not built here", "Take antialias = false, or resize the images before");
        if (c.Text("fill_mode", "constant") != "constant")
            throw c.Refuse("fill_mode", "is not known", "Take 'constant'");
        return new Resizing(c.Integer("height"), c.Integer("width"))
        {
            CropToAspectRatio = c.Flag("crop_to_aspect_ratio", false), PadToAspectRatio = c.Flag("pad_to_aspect_ratio", false), FillValue = c.Number("fill_value", 0),
            Interpolation = c.Text("interpolation", "bilinear") switch
            {
                "bilinear" => ResizeInterpolation.Bilinear,
                "nearest" => ResizeInterpolation.Nearest,
                "bicubic" => ResizeInterpolation.Bicubic,
                "lanczos3" => ResizeInterpolation.Lanczos3,
                "lanczos5" => ResizeInterpolation.Lanczos5,
                "gaussian" => ResizeInterpolation.Gaussian,
                "mitchellcubic" => ResizeInterpolation.MitchellCubic,
                "area" => ResizeInterpolation.Area,
                _ => throw c.Refuse("interpolation", "is not known", "Take bilinear, nearest, bicubic, lanczos3, lanczos5, gaussian, mitchellcubic or area"),
            },
        };
    }
}
