using Graft.Kernels;
using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <summary>Makes this engine's layer of a Keras layer's attributes: one line a class.</summary>
internal static partial class KerasLayers
{
    private static readonly Dictionary<string, Func<KerasLayerConfig, Layer>> s_classes = new()
    {
        ["Activation"] = c => ActivationOf(c),
        ["Add"] = _ => new Add(),
        ["AveragePooling2D"] = c => new AveragePooling2D { PoolSize = c.Pair("pool_size", (2, 2)), Strides = PoolStrides(c), Padding = c.Padding() },
        ["BatchNormalization"] = Normalization,
        ["Concatenate"] = c => new Concatenate(c.Integer("axis", -1)),
        ["Conv1D"] = Convolution1D,
        ["Conv1DTranspose"] = Transposed1D,
        ["Conv2D"] = Convolution2D,
        ["Conv2DTranspose"] = Transposed2D,
        ["Conv3D"] = Convolution3D,
        ["Conv3DTranspose"] = Transposed3D,
        ["Cropping2D"] = c => new Cropping2D(Border(c, "cropping")),
        ["Dense"] = c => new Dense(c.Integer("units"), c.Activation())
        {
            UseBias = c.Flag("use_bias", true), KernelRegularizer = c.Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        },
        ["DepthwiseConv1D"] = Depthwise1D,
        ["DepthwiseConv2D"] = Depthwise2D,
        ["Dropout"] = c => Dropped(c),
        ["Embedding"] = Embedded,
        ["Flatten"] = _ => new Flatten(),
        ["GlobalAveragePooling2D"] = c => new GlobalAveragePooling2D { KeepDims = c.Flag("keepdims", false) },
        ["GlobalMaxPooling2D"] = c => new GlobalMaxPooling2D { KeepDims = c.Flag("keepdims", false) },
        ["GroupNormalization"] = c => new GroupNormalization(c.Integer("groups", 32))
        {
            Epsilon = c.Number("epsilon", 1e-3f), Scale = c.Flag("scale", true), Center = c.Flag("center", true),
        },
        ["GRU"] = Gated,
        ["LayerNormalization"] = c => new LayerNormalization
        {
            Axes = c.Integers("axis", [-1]), Epsilon = c.Number("epsilon", 1e-3f), Scale = c.Flag("scale", true), Center = c.Flag("center", true),
        },
        ["LeakyReLU"] = c => new LeakyReLU(c.NumberOrNull("negative_slope") ?? c.Number("alpha", 0.3f)),
        ["LSTM"] = LongShortTerm,
        ["LocallyConnected1D"] = Local1D,
        ["LocallyConnected2D"] = Local2D,
        ["MaxPooling2D"] = c => new MaxPooling2D { PoolSize = c.Pair("pool_size", (2, 2)), Strides = PoolStrides(c), Padding = c.Padding() },
        ["Multiply"] = _ => new Multiply(),
        ["Permute"] = c => new Permute(c.Integers("dims")),
        ["PReLU"] = c => new PReLU(c.Integers("shared_axes", [])),
        ["ReLU"] = c => new ReLU { MaxValue = c.NumberOrNull("max_value"), NegativeSlope = c.Number("negative_slope", 0), Threshold = c.Number("threshold", 0) },
        ["Reshape"] = c => new Reshape(c.Integers("target_shape")),
        ["RNN"] = OfCells,
        ["SeparableConv1D"] = Separable1D,
        ["SeparableConv2D"] = Separable2D,
        ["SimpleRNN"] = Simple,
        ["Softmax"] = c => new Softmax(c.Integer("axis", -1)),
        ["UpSampling2D"] = c => new UpSampling2D(c.Pair("size", (2, 2)).Height, c.Pair("size", (2, 2)).Width) { Interpolation = Interpolation(c) },
        ["ZeroPadding2D"] = c => new ZeroPadding2D(Border(c, "padding")),
    };

    // Other names of the same classes: Keras's own short ones, and those that TensorFlow numbers.
    private static readonly Dictionary<string, string> s_aliases = new()
    {
        ["AvgPool1D"] = "AveragePooling1D", ["AvgPool2D"] = "AveragePooling2D", ["AvgPool3D"] = "AveragePooling3D", ["BatchNormalizationV1"] = "BatchNormalization",
        ["BatchNormalizationV2"] = "BatchNormalization", ["Conv2DTransposeV1"] = "Conv2DTranspose", ["Convolution1D"] = "Conv1D", ["CuDNNGRU"] = "GRU", ["CuDNNLSTM"] = "LSTM", ["Convolution2D"] = "Conv2D", ["Convolution3D"] = "Conv3D",
        ["Convolution1DTranspose"] = "Conv1DTranspose", ["Convolution2DTranspose"] = "Conv2DTranspose", ["Convolution3DTranspose"] = "Conv3DTranspose",
        ["DepthwiseConvolution1D"] = "DepthwiseConv1D", ["DepthwiseConvolution2D"] = "DepthwiseConv2D", ["GlobalAvgPool1D"] = "GlobalAveragePooling1D",
        ["GlobalAvgPool2D"] = "GlobalAveragePooling2D", ["GlobalAvgPool3D"] = "GlobalAveragePooling3D", ["GlobalMaxPool1D"] = "GlobalMaxPooling1D", ["GlobalMaxPool2D"] = "GlobalMaxPooling2D",
        ["GlobalMaxPool3D"] = "GlobalMaxPooling3D", ["GRUV1"] = "GRU", ["GRUV2"] = "GRU", ["LSTMV1"] = "LSTM", ["LSTMV2"] = "LSTM", ["MaxPool1D"] = "MaxPooling1D",
        ["MaxPool2D"] = "MaxPooling2D", ["MaxPool3D"] = "MaxPooling3D", ["SeparableConvolution1D"] = "SeparableConv1D", ["SeparableConvolution2D"] = "SeparableConv2D",
        ["SyncBatchNormalization"] = "BatchNormalization",
    };

    /// <summary>Names of all classes that are known.</summary>
    public static IEnumerable<string> Known => s_classes.Keys;

    /// <summary>A class under the name that <see cref="Known"/> has it.</summary>
    public static string Plain(string className) => s_aliases.GetValueOrDefault(className, className);

    /// <summary>The layer; null where neither the importer nor the registrations know the class.</summary>
    public static Layer? Create(KerasLayerConfig config, IReadOnlyDictionary<string, Func<KerasLayerConfig, Layer>>? registered)
    {
        Func<KerasLayerConfig, Layer>? own = registered?.GetValueOrDefault(config.Name) ?? registered?.GetValueOrDefault(config.ClassName);
        Layer? layer = own is not null ? own(config) : s_classes.TryGetValue(Plain(config.ClassName), out Func<KerasLayerConfig, Layer>? make) ? make(config) : null;
        if (layer is not null && own is not null)
            config.Ignore([.. config.Attributes]);
        return layer;
    }

    private static ActivationLayer ActivationOf(KerasLayerConfig c) => new(c.Activation());

    private static Dropout Dropped(KerasLayerConfig c)
    {
        c.Ignore("seed");
        return c.Has("noise_shape") ? throw c.Refuse("noise_shape", "masks that several elements share are not built here", "Leave it out: inference does not depend on it") : new Dropout(c.Number("rate"));
    }

    private static Embedding Embedded(KerasLayerConfig c)
    {
        c.Ignore("input_length", "dropout");
        return new Embedding(c.Integer("input_dim"), c.Integer("output_dim"));
    }

    private static BatchNormalization Normalization(KerasLayerConfig c)
    {
        c.Ignore("axis"); // the importer brings that axis to the end
        if (c.Integer("mode", 0) is not (0 or 2))
            throw c.Refuse("mode", "statistics of each sample (Keras 1) are not built here", "Train it anew with mode 0");
        if (c.Flag("renorm", false))
            throw c.Refuse("renorm", "batch renormalisation is not built here", "In inference it is the same without: take it out of the file's config");
        foreach (string attribute in (string[])["beta_regularizer", "gamma_regularizer"])
            c.Ignore(attribute);
        return new BatchNormalization
        {
            Epsilon = c.Number("epsilon", 1e-3f), Momentum = c.Number("momentum", 0.99f), Scale = c.Flag("scale", true), Center = c.Flag("center", true),
            UnbiasedMovingVariance = c.Generation < 3, // Keras 2 and TensorFlow's fused kernel correct it by n / (n - 1)
        };
    }

    private static (int, int) PoolStrides(KerasLayerConfig c) => c.Has("strides") ? c.Pair("strides") : c.Pair("pool_size", (2, 2));

    private static Padding2D Border(KerasLayerConfig c, string attribute)
    {
        (int Before, int Behind)[] b = c.Borders(attribute, 2);
        return new Padding2D(b[0].Before, b[0].Behind, b[1].Before, b[1].Behind);
    }

    private static UpsampleKind Interpolation(KerasLayerConfig c) => c.Text("interpolation", "nearest") switch
    {
        "nearest" => UpsampleKind.Nearest,
        "bilinear" => UpsampleKind.Bilinear,
        _ => throw c.Refuse("interpolation", "is not built here", "Take 'nearest' or 'bilinear'"),
    };
}
