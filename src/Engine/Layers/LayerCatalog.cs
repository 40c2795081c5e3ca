using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Layers;

/// <summary>Every layer class by the name a model file gives it.</summary>
internal static class LayerCatalog
{
    private static readonly Dictionary<string, Func<JsonNode, Layer>> Classes = new()
    {
        ["InputLayer"] = c => new InputLayer(new Shape([.. c["shape"]!.AsArray().Select(d => (int)d!)])),
        ["Activation"] = ActivationLayer.Read,
        ["ActivityRegularization"] = ActivityRegularization.Read,
        ["Add"] = _ => new Add(),
        ["AdditiveAttention"] = AdditiveAttention.Read,
        ["AlphaDropout"] = AlphaDropout.Read,
        ["Attention"] = Attention.Read,
        ["Average"] = _ => new Average(),
        ["AveragePooling1D"] = c => Pooling1D.Read(PoolKind.Average, c),
        ["AveragePooling2D"] = c => Pooling2D.Read(PoolKind.Average, c),
        ["AveragePooling3D"] = c => Pooling3D.Read(PoolKind.Average, c),
        ["BatchNormalization"] = BatchNormalization.Read,
        ["Bidirectional"] = Bidirectional.Read,
        ["CausalAttention"] = CausalAttention.Read,
        ["CenterCrop"] = CenterCrop.Read,
        ["Concatenate"] = Concatenate.Read,
        ["Conv1D"] = Conv1D.Read,
        ["Conv1DTranspose"] = Conv1DTranspose.Read,
        ["Conv2D"] = Conv2D.Read,
        ["Conv2DTranspose"] = Conv2DTranspose.Read,
        ["Conv3D"] = Conv3D.Read,
        ["Conv3DTranspose"] = Conv3DTranspose.Read,
        ["ConvLSTM1D"] = c => new ConvLSTM1D(c),
        ["ConvLSTM2D"] = c => new ConvLSTM2D(c),
        ["ConvLSTM3D"] = c => new ConvLSTM3D(c),
        ["Cropping1D"] = Cropping1D.Read,
        ["Cropping2D"] = Cropping2D.Read,
        ["Cropping3D"] = Cropping3D.Read,
        ["Dense"] = Dense.Read,
        ["DepthwiseConv1D"] = DepthwiseConv1D.Read,
        ["DepthwiseConv2D"] = DepthwiseConv2D.Read,
        ["Dot"] = Dot.Read,
        ["Dropout"] = Dropout.Read,
        ["ELU"] = ELU.Read,
        ["Elementwise"] = Elementwise.Read,
        ["Embedding"] = Embedding.Read,
        ["Flatten"] = _ => new Flatten(),
        ["GRU"] = c => new GRU(c),
        ["GRUCell"] = c => new GRUCell(c),
        ["GaussianDropout"] = GaussianDropout.Read,
        ["GaussianNoise"] = GaussianNoise.Read,
        ["GlobalAveragePooling1D"] = c => new GlobalAveragePooling1D { KeepDims = (bool)c["keepdims"]! },
        ["GlobalAveragePooling2D"] = c => new GlobalAveragePooling2D { KeepDims = (bool?)c["keepdims"] ?? false },
        ["GlobalAveragePooling3D"] = c => new GlobalAveragePooling3D { KeepDims = (bool)c["keepdims"]! },
        ["GlobalMaxPooling1D"] = c => new GlobalMaxPooling1D { KeepDims = (bool)c["keepdims"]! },
        ["GlobalMaxPooling2D"] = c => new GlobalMaxPooling2D { KeepDims = (bool?)c["keepdims"] ?? false },
        ["GlobalMaxPooling3D"] = c => new GlobalMaxPooling3D { KeepDims = (bool)c["keepdims"]! },
        ["GroupNormalization"] = GroupNormalization.Read,
        ["GroupedQueryAttention"] = c => new GroupedQueryAttention(c),
        ["LSTM"] = c => new LSTM(c),
        ["LSTMCell"] = c => new LSTMCell(c),
        ["LastToken"] = LastToken.Read,
        ["LayerNormalization"] = LayerNormalization.Read,
        ["LeakyReLU"] = LeakyReLU.Read,
        ["LocallyConnected1D"] = LocallyConnected1D.Read,
        ["LocallyConnected2D"] = LocallyConnected2D.Read,
        ["Masking"] = Masking.Read,
        ["MaxPooling1D"] = c => Pooling1D.Read(PoolKind.Max, c),
        ["MaxPooling2D"] = c => Pooling2D.Read(PoolKind.Max, c),
        ["MaxPooling3D"] = c => Pooling3D.Read(PoolKind.Max, c),
        ["Maximum"] = _ => new Maximum(),
        ["Minimum"] = _ => new Minimum(),
        ["MultiHeadAttention"] = c => new MultiHeadAttention(c),
        ["Multiply"] = _ => new Multiply(),
        ["Normalization"] = Normalization.Read,
        ["PReLU"] = PReLU.Read,
        ["Permute"] = Permute.Read,
        ["PositionEmbedding"] = PositionEmbedding.Read,
        ["RNN"] = c => new RNN(c),
        ["RandomBrightness"] = RandomBrightness.Read,
        ["RandomContrast"] = RandomContrast.Read,
        ["RandomCrop"] = RandomCrop.Read,
        ["RandomFlip"] = RandomFlip.Read,
        ["RandomRotation"] = RandomRotation.Read,
        ["RandomTranslation"] = RandomTranslation.Read,
        ["RandomZoom"] = RandomZoom.Read,
        ["ReLU"] = ReLU.Read,
        ["RepeatVector"] = RepeatVector.Read,
        ["Rescaling"] = Rescaling.Read,
        ["Reshape"] = Reshape.Read,
        ["Resizing"] = Resizing.Read,
        ["Reverse"] = Reverse.Read,
        ["SeparableConv1D"] = SeparableConv1D.Read,
        ["SeparableConv2D"] = SeparableConv2D.Read,
        ["SimpleRNN"] = c => new SimpleRNN(c),
        ["SimpleRNNCell"] = c => new SimpleRNNCell(c),
        ["Slice"] = Slice.Read,
        ["Softmax"] = Softmax.Read,
        ["SpatialDropout1D"] = c => new SpatialDropout1D((float)c["rate"]!),
        ["SpatialDropout2D"] = c => new SpatialDropout2D((float)c["rate"]!),
        ["SpatialDropout3D"] = c => new SpatialDropout3D((float)c["rate"]!),
        ["Subtract"] = _ => new Subtract(),
        ["ThresholdedReLU"] = ThresholdedReLU.Read,
        ["TiedDense"] = TiedDense.Read,
        ["UnitNormalization"] = UnitNormalization.Read,
        ["UpSampling1D"] = UpSampling1D.Read,
        ["UpSampling2D"] = UpSampling2D.Read,
        ["UpSampling3D"] = UpSampling3D.Read,
        ["ZeroPadding1D"] = ZeroPadding1D.Read,
        ["ZeroPadding2D"] = ZeroPadding2D.Read,
        ["ZeroPadding3D"] = ZeroPadding3D.Read,
    };

    /// <summary>Those that hold a layer of any class.</summary>
    private static readonly Dictionary<string, Func<JsonNode, CustomLayers?, Layer>> Wrappers = new()
    {
        ["TimeDistributed"] = TimeDistributed.Read,
    };

    /// <summary>True for a name that is taken in model files.</summary>
    public static bool Knows(string className) => Classes.ContainsKey(className) || Wrappers.ContainsKey(className) || className is nameof(Model) or nameof(Lambda);

    /// <summary>A layer of a class with the attributes that its WriteConfig wrote.</summary>
    /// <param name="className">The name in the file.</param>
    /// <param name="config">The attributes.</param>
    /// <param name="custom">Makes layers of the user's classes; null where there are none.</param>
    /// <returns>Null where no layer class has that name.</returns>
    public static Layer? Create(string className, JsonNode config, CustomLayers? custom = null) =>
        Classes.TryGetValue(className, out Func<JsonNode, Layer>? create) ? create(config)
            : Wrappers.TryGetValue(className, out Func<JsonNode, CustomLayers?, Layer>? wrap) ? wrap(config, custom)
            : custom?.Create(className, config);
}
