using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <summary>Writes layers as class_name and config.</summary>
/// <param name="dialect">Whose words.</param>
/// <param name="target">The file, for errors.</param>
internal sealed partial class KerasLayerWriter(KerasDialect dialect, string target)
{
    // One line a class: the reverse of KerasLayers. What a class has from every version of Keras comes first.
    private static readonly Dictionary<string, Action<KerasAttributes>> s_classes = new()
    {
        ["Activation"] = a => a.Activation(),
        ["ActivityRegularization"] = ActivityCost,
        ["Add"] = _ => { },
        ["AdditiveAttention"] = a => a.Copy("use_scale").Number("dropout"),
        ["AlphaDropout"] = a => a.Number("rate").None("noise_shape", "seed"),
        ["Attention"] = DotAttention,
        ["Average"] = _ => { },
        ["AveragePooling1D"] = a => Pool(a, 1),
        ["AveragePooling2D"] = a => Pool(a, 2),
        ["AveragePooling3D"] = a => Pool(a, 3),
        ["BatchNormalization"] = a => Statistics(a.Set("axis", -1).Number("momentum")).InThree("synchronized", false),
        ["Bidirectional"] = BothWays,
        ["CenterCrop"] = a => Size(a).Set("data_format", "channels_last"),
        ["Concatenate"] = a => a.Copy("axis"),
        ["Conv1D"] = a => Convolution(a, 1),
        ["Conv1DTranspose"] = a => Convolution(a, 1),
        ["Conv2D"] = a => Convolution(a, 2),
        ["Conv2DTranspose"] = a => Convolution(a, 2),
        ["Conv3D"] = a => Convolution(a, 3),
        ["Conv3DTranspose"] = a => Convolution(a, 3),
        ["ConvLSTM1D"] = a => RecurrentConvolution(a, 1),
        ["ConvLSTM2D"] = a => RecurrentConvolution(a, 2),
        ["ConvLSTM3D"] = a => RecurrentConvolution(a, 3),
        ["Cropping1D"] = a => a.Set("cropping", KerasNumbers.Whole(a.Wholes("border"))),
        ["Cropping2D"] = a => Borders(a, "cropping"),
        ["Cropping3D"] = a => Borders(a, "cropping"),
        ["Dense"] = Dense,
        ["DepthwiseConv1D"] = a => Depthwise(a, 1),
        ["DepthwiseConv2D"] = a => Depthwise(a, 2),
        ["Dot"] = a => a.Copy("axes", "normalize"),
        ["Dropout"] = a => a.Number("rate").Set("noise_shape", NoiseShape(a)).None("seed"),
        ["ELU"] = a => a.Number("alpha"),
        ["Embedding"] = Embedding,
        ["Flatten"] = a => a.Set("data_format", "channels_last"),
        ["GaussianDropout"] = a => a.Number("rate").InThree("seed", null),
        ["GaussianNoise"] = a => a.Number("stddev").InThree("seed", null),
        ["GlobalAveragePooling1D"] = GlobalPool,
        ["GlobalAveragePooling2D"] = GlobalPool,
        ["GlobalAveragePooling3D"] = GlobalPool,
        ["GlobalMaxPooling1D"] = GlobalPool,
        ["GlobalMaxPooling2D"] = GlobalPool,
        ["GlobalMaxPooling3D"] = GlobalPool,
        ["GroupedQueryAttention"] = a => Heads(a.Copy("head_dim", "num_query_heads", "num_key_value_heads", "use_bias").Number("dropout")),
        ["GroupNormalization"] = a => Statistics(a.Copy("groups").Set("axis", -1)),
        ["GRU"] = a => Gates(Loop(a)).Copy("reset_after"),
        ["GRUCell"] = a => Gates(a).Copy("reset_after"),
        ["InputLayer"] = Input,
        ["LayerNormalization"] = a => Statistics(a.Set("axis", KerasNumbers.Whole(a.Wholes("axes")))).InThree("rms_scaling", false),
        ["LeakyReLU"] = a => a.Number(a.Dialect.IsThree ? "negative_slope" : "alpha", "negative_slope"),
        ["LocallyConnected1D"] = a => Local(a, 1),
        ["LocallyConnected2D"] = a => Local(a, 2),
        ["LSTM"] = a => Gates(Loop(a)).Copy("unit_forget_bias"),
        ["LSTMCell"] = a => Gates(a).Copy("unit_forget_bias"),
        ["Masking"] = a => a.Number("mask_value"),
        ["Maximum"] = _ => { },
        ["MaxPooling1D"] = a => Pool(a, 1),
        ["MaxPooling2D"] = a => Pool(a, 2),
        ["MaxPooling3D"] = a => Pool(a, 3),
        ["Minimum"] = _ => { },
        ["MultiHeadAttention"] = ManyHeads,
        ["Multiply"] = _ => { },
        ["Normalization"] = a => a.Set("axis", Axes(a)).Copy("invert").Numbers("mean").Numbers("variance"),
        ["Permute"] = a => a.Set("dims", KerasNumbers.Whole(a.Wholes("axes"))),
        ["PReLU"] = a => a.Initializer("alpha_initializer", "Zeros").Regularizer("alpha_regularizer").None("alpha_constraint").Set("shared_axes", a.Wholes("shared_axes") is { Length: > 0 } axes ? KerasNumbers.Whole(axes) : null),
        ["RandomBrightness"] = a => a.Numbers("factor").Numbers("value_range").None("seed"),
        ["RandomContrast"] = RandomContrast,
        ["RandomCrop"] = a => Size(a).None("seed").InThree("data_format", "channels_last"),
        ["RandomFlip"] = a => a.Set("mode", FlipMode(a)).None("seed").InThree("data_format", "channels_last"),
        ["RandomRotation"] = a => Warp(a.Numbers("factor")),
        ["RandomTranslation"] = a => Warp(a.Numbers("height_factor", "height").Numbers("width_factor", "width")),
        ["RandomZoom"] = a => Warp(a.Numbers("height_factor", "height").Numbers("width_factor", "width")),
        ["ReLU"] = a => a.Number("max_value").Number("negative_slope").Number("threshold"),
        ["RepeatVector"] = a => a.Set("n", a.Whole("count")),
        ["Rescaling"] = a => a.Set("scale", OneOrMany(a.Floats("scale"))).Set("offset", OneOrMany(a.Floats("offset"))),
        ["Reshape"] = a => a.Set("target_shape", KerasNumbers.Whole(a.Wholes("target"))),
        ["Resizing"] = Resize,
        ["RNN"] = Cells,
        ["SeparableConv1D"] = a => Separable(a, 1),
        ["SeparableConv2D"] = a => Separable(a, 2),
        ["SimpleRNN"] = a => Gates(Loop(a)),
        ["SimpleRNNCell"] = a => Gates(a),
        ["Softmax"] = a => a.Set("axis", a.Wholes("axis") is [var axis] ? axis : KerasNumbers.Whole(a.Wholes("axis"))),
        ["SpatialDropout1D"] = a => SpatialDropout(a),
        ["SpatialDropout2D"] = a => SpatialDropout(a).Set("data_format", "channels_last"),
        ["SpatialDropout3D"] = a => SpatialDropout(a).Set("data_format", "channels_last"),
        ["Subtract"] = _ => { },
        ["ThresholdedReLU"] = a => _ = a.Dialect.IsThree ? a.None("max_value").Set("negative_slope", KerasNumbers.Of(0)).Number("threshold", "theta") : a.Number("theta"),
        ["TimeDistributed"] = a => a.Inner("layer", ((TimeDistributed)a.Layer).Layer),
        ["UnitNormalization"] = a => a.Set("axis", KerasNumbers.Whole(a.Wholes("axis"))),
        ["UpSampling1D"] = a => a.Set("size", a.Whole("factor")),
        ["UpSampling2D"] = a => a.Set("size", KerasNumbers.Whole(a.Wholes("factor"))).Set("data_format", "channels_last").Set("interpolation", Lower(a.Text("interpolation"))),
        ["UpSampling3D"] = a => a.Set("size", KerasNumbers.Whole(a.Wholes("factor"))).Set("data_format", "channels_last"),
        ["ZeroPadding1D"] = a => a.Set("padding", KerasNumbers.Whole(a.Wholes("border"))).InThree("data_format", "channels_last"),
        ["ZeroPadding2D"] = a => Borders(a, "padding"),
        ["ZeroPadding3D"] = a => Borders(a, "padding"),
    };

    private static readonly string[] s_ofTwoAlone = ["LocallyConnected1D", "LocallyConnected2D"];

    /// <summary>Names of all classes that are known.</summary>
    public static IEnumerable<string> Known => s_classes.Keys;

    /// <summary>Whose words.</summary>
    public KerasDialect Dialect { get; } = dialect;

    /// <summary>Borders that are given by numbers, in Keras's ways.</summary>
    public KerasBorders OwnBorders { get; init; } = new();

    /// <summary>The attributes of a layer.</summary>
    /// <exception cref="GraftException">Keras has no such layer, or none with such attributes.</exception>
    public JsonObject Config(Layer layer)
    {
        if (layer.IsCustom || !s_classes.TryGetValue(layer.ClassName, out Action<KerasAttributes>? write))
            throw Refuse(layer, "is no layer of Keras", "Export as safetensors (weights alone) or onnx, or build the model without it");
        if (Dialect.IsThree && s_ofTwoAlone.Contains(layer.ClassName))
            throw Refuse(layer, "is a layer of Keras 2 that Keras 3 has no more", "Export as keras-h5");
        var attributes = new KerasAttributes(this, layer);
        write(attributes);
        return attributes.Json;
    }

    /// <summary>A layer or a model as class_name and config.</summary>
    public JsonObject Layer(Layer layer) => layer is Model model ? new KerasModelWriter(this).Write(model) : Wrapped(layer, Config(layer));

    /// <summary>A layer among the attributes of another one: Keras 3 writes it in its .h5 files as it does in archives.</summary>
    public JsonObject Inside(Layer layer) => Dialect.IsThree && !Dialect.IsArchive ? new KerasLayerWriter(KerasDialect.Three, target) { OwnBorders = OwnBorders }.Layer(layer) : Layer(layer);

    /// <summary>An error that names the file and the layer.</summary>
    public GraftException Refuse(Layer layer, string reason, string mend) => new($"{target}: layer '{layer.Name}' ({layer.ClassName}) {reason}. {mend}.");

    private JsonObject Wrapped(Layer layer, JsonObject config)
    {
        string kind = Dialect.ClassOf(layer);
        if (!Dialect.IsArchive)
            return new JsonObject { ["class_name"] = kind, ["config"] = config };
        return new JsonObject { ["module"] = "keras.layers", ["class_name"] = kind, ["config"] = config, ["registered_name"] = null };
    }

    private static string Lower(string word) => word.ToLowerInvariant();
}
