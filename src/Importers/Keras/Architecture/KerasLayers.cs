using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <summary>Makes this engine's layer of a Keras layer's attributes: one line a class.</summary>
internal static partial class KerasLayers
{
    private static readonly Dictionary<string, Func<KerasLayerConfig, Layer>> s_classes = new()
    {
        ["Activation"] = c => ActivationOf(c),
        ["ActivityRegularization"] = c => new ActivityRegularization(c.Number("l1", 0), c.Number("l2", 0)),
        ["Add"] = _ => new Add(),
        ["AdditiveAttention"] = SumAttention,
        ["AlphaDropout"] = c => new AlphaDropout(c.Number("rate")),
        ["Attention"] = DotAttention,
        ["Average"] = _ => new Average(),
        ["AveragePooling1D"] = c => new AveragePooling1D(One(c, "pool_size", 2), PoolStride(c)) { Padding = c.Padding() },
        ["AveragePooling2D"] = c => new AveragePooling2D { PoolSize = c.Pair("pool_size", (2, 2)), Strides = PoolStrides(c), Padding = c.Padding() },
        ["AveragePooling3D"] = AveragePool3D,
        ["BatchNormalization"] = Normalization,
        ["Bidirectional"] = BothWays,
        ["CenterCrop"] = c => new CenterCrop(c.Integer("height"), c.Integer("width")),
        ["Concatenate"] = c => new Concatenate(c.Integer("axis", -1)),
        ["Conv1D"] = Convolution1D,
        ["Conv1DTranspose"] = Transposed1D,
        ["Conv2D"] = Convolution2D,
        ["Conv2DTranspose"] = Transposed2D,
        ["Conv3D"] = Convolution3D,
        ["Conv3DTranspose"] = Transposed3D,
        ["ConvLSTM1D"] = Recurrent1D,
        ["ConvLSTM2D"] = Recurrent2D,
        ["ConvLSTM3D"] = Recurrent3D,
        ["Cropping1D"] = c => new Cropping1D(c.Borders("cropping", 1)[0].Before, c.Borders("cropping", 1)[0].Behind),
        ["Cropping2D"] = c => new Cropping2D(Border(c, "cropping")),
        ["Cropping3D"] = c => new Cropping3D(Border3D(c, "cropping")),
        ["Dense"] = c => new Dense(c.Integer("units"), c.Activation())
        {
            UseBias = c.Flag("use_bias", true), KernelRegularizer = c.Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        },
        ["DepthwiseConv1D"] = Depthwise1D,
        ["DepthwiseConv2D"] = Depthwise2D,
        ["Dot"] = DotOf,
        ["Dropout"] = c => Dropped(c),
        ["ELU"] = c => new ELU(c.Number("alpha", 1)),
        ["Embedding"] = Embedded,
        ["Flatten"] = _ => new Flatten(),
        ["GaussianDropout"] = c => new GaussianDropout(c.Number("rate")),
        ["GaussianNoise"] = c => new GaussianNoise(c.Number("stddev")),
        ["GlobalAveragePooling1D"] = c => new GlobalAveragePooling1D { KeepDims = c.Flag("keepdims", false) },
        ["GlobalAveragePooling2D"] = c => new GlobalAveragePooling2D { KeepDims = c.Flag("keepdims", false) },
        ["GlobalAveragePooling3D"] = c => new GlobalAveragePooling3D { KeepDims = c.Flag("keepdims", false) },
        ["GlobalMaxPooling1D"] = c => new GlobalMaxPooling1D { KeepDims = c.Flag("keepdims", false) },
        ["GlobalMaxPooling2D"] = c => new GlobalMaxPooling2D { KeepDims = c.Flag("keepdims", false) },
        ["GlobalMaxPooling3D"] = c => new GlobalMaxPooling3D { KeepDims = c.Flag("keepdims", false) },
        ["GroupedQueryAttention"] = GroupedHeads,
        ["GroupNormalization"] = Grouped,
        ["GroupQueryAttention"] = GroupedHeads,
        ["GRU"] = Gated,
        ["Identity"] = _ => new ActivationLayer(Activation.Linear),
        ["LayerNormalization"] = c => new LayerNormalization
        {
            Axes = c.Integers("axis", [-1]), Epsilon = c.Number("epsilon", 1e-3f), Scale = c.Flag("scale", true), Center = c.Flag("center", true),
        },
        ["LeakyReLU"] = c => new LeakyReLU(c.NumberOrNull("negative_slope") ?? c.Number("alpha", 0.3f)),
        ["LocallyConnected1D"] = Local1D,
        ["LocallyConnected2D"] = Local2D,
        ["LSTM"] = LongShortTerm,
        ["Masking"] = c => new Masking(c.Number("mask_value", 0)),
        ["Maximum"] = _ => new Maximum(),
        ["MaxPooling1D"] = c => new MaxPooling1D(One(c, "pool_size", 2), PoolStride(c)) { Padding = c.Padding() },
        ["MaxPooling2D"] = c => new MaxPooling2D { PoolSize = c.Pair("pool_size", (2, 2)), Strides = PoolStrides(c), Padding = c.Padding() },
        ["MaxPooling3D"] = MaxPool3D,
        ["Minimum"] = _ => new Minimum(),
        ["MultiHeadAttention"] = ManyHeads,
        ["Multiply"] = _ => new Multiply(),
        ["Normalization"] = Normalized,
        ["Permute"] = c => new Permute(c.Integers("dims")),
        ["PReLU"] = c => new PReLU(c.Integers("shared_axes", [])) { AlphaRegularizer = c.Regularizer("alpha_regularizer") },
        ["RandomBrightness"] = Brightness,
        ["RandomContrast"] = Contrast,
        ["RandomCrop"] = c => new RandomCrop(c.Integer("height"), c.Integer("width")),
        ["RandomFlip"] = Flip,
        ["RandomRotation"] = Rotation,
        ["RandomTranslation"] = Translation,
        ["RandomZoom"] = Zoom,
        ["ReLU"] = c => new ReLU { MaxValue = c.NumberOrNull("max_value"), NegativeSlope = c.Number("negative_slope", 0), Threshold = c.Number("threshold", 0) },
        ["RepeatVector"] = c => new RepeatVector(c.Integer("n")),
        ["Rescaling"] = Rescaled,
        ["Reshape"] = c => new Reshape(c.Integers("target_shape")),
        ["Resizing"] = Resized,
        ["RNN"] = OfCells,
        ["SeparableConv1D"] = Separable1D,
        ["SeparableConv2D"] = Separable2D,
        ["SimpleRNN"] = Simple,
        ["Softmax"] = c => new Softmax(c.Integers("axis", [-1])),
        ["SpatialDropout1D"] = c => new SpatialDropout1D(c.Number("rate")),
        ["SpatialDropout2D"] = c => new SpatialDropout2D(c.Number("rate")),
        ["SpatialDropout3D"] = c => new SpatialDropout3D(c.Number("rate")),
        ["Subtract"] = _ => new Subtract(),
        ["ThresholdedReLU"] = c => new ThresholdedReLU(c.Number("theta", 1)),
        ["TimeDistributed"] = EachStep,
        ["UnitNormalization"] = c => new UnitNormalization(c.Integers("axis", [-1])),
        ["UpSampling1D"] = c => new UpSampling1D(One(c, "size", 2)),
        ["UpSampling2D"] = c => new UpSampling2D(c.Pair("size", (2, 2)).Height, c.Pair("size", (2, 2)).Width) { Interpolation = Interpolation(c) },
        ["UpSampling3D"] = UpSample3D,
        ["ZeroPadding1D"] = c => new ZeroPadding1D(c.Borders("padding", 1)[0].Before, c.Borders("padding", 1)[0].Behind),
        ["ZeroPadding2D"] = c => new ZeroPadding2D(Border(c, "padding")),
        ["ZeroPadding3D"] = c => new ZeroPadding3D(Border3D(c, "padding")),
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
        config.Registered = registered;
        Func<KerasLayerConfig, Layer>? own = registered?.GetValueOrDefault(config.Name) ?? registered?.GetValueOrDefault(config.ClassName);
        Layer? layer = own is not null ? own(config) : s_classes.TryGetValue(Plain(config.ClassName), out Func<KerasLayerConfig, Layer>? make) ? make(config) : null;
        if (layer is not null && own is not null)
            config.Ignore([.. config.Attributes]);
        return layer;
    }

    private static ActivationLayer ActivationOf(KerasLayerConfig c) => new(c.Activation());

    private static Embedding Embedded(KerasLayerConfig c)
    {
        c.Ignore("input_length");
        if (c.Number("dropout", 0) != 0)
            c.Ignore("dropout"); // Keras 1: of training alone
        return new Embedding(c.Integer("input_dim"), c.Integer("output_dim")) { MaskZero = c.Flag("mask_zero", false) };
    }

    private static GroupNormalization Grouped(KerasLayerConfig c)
    {
        c.Ignore("axis"); // the importer brings that axis to the end
        return new GroupNormalization(c.Integer("groups", 32)) { Epsilon = c.Number("epsilon", 1e-3f), Scale = c.Flag("scale", true), Center = c.Flag("center", true) };
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
}
