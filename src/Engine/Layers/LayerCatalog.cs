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
        ["AlphaDropout"] = AlphaDropout.Read,
        ["Average"] = _ => new Average(),
        ["AveragePooling1D"] = c => Pooling1D.Read(PoolKind.Average, c),
        ["AveragePooling2D"] = c => Pooling2D.Read(PoolKind.Average, c),
        ["AveragePooling3D"] = c => Pooling3D.Read(PoolKind.Average, c),
        ["BatchNormalization"] = BatchNormalization.Read,
        ["CausalAttention"] = CausalAttention.Read,
        ["CenterCrop"] = CenterCrop.Read,
        ["Concatenate"] = Concatenate.Read,
        ["Conv1D"] = Conv1D.Read,
        ["Conv1DTranspose"] = Conv1DTranspose.Read,
        ["Conv2D"] = Conv2D.Read,
        ["Conv2DTranspose"] = Conv2DTranspose.Read,
        ["Conv3D"] = Conv3D.Read,
        ["Conv3DTranspose"] = Conv3DTranspose.Read,
        ["Cropping1D"] = Cropping1D.Read,
        ["Cropping2D"] = Cropping2D.Read,
        ["Cropping3D"] = Cropping3D.Read,
        ["Dense"] = Dense.Read,
        ["DepthwiseConv1D"] = DepthwiseConv1D.Read,
        ["DepthwiseConv2D"] = DepthwiseConv2D.Read,
        ["Dot"] = Dot.Read,
        ["Dropout"] = Dropout.Read,
        ["ELU"] = ELU.Read,
        ["Embedding"] = Embedding.Read,
        ["Flatten"] = _ => new Flatten(),
        ["GaussianDropout"] = GaussianDropout.Read,
        ["GaussianNoise"] = GaussianNoise.Read,
        ["GlobalAveragePooling1D"] = c => new GlobalAveragePooling1D { KeepDims = (bool)c["keepdims"]! },
        ["GlobalAveragePooling2D"] = c => new GlobalAveragePooling2D { KeepDims = (bool?)c["keepdims"] ?? false },
        ["GlobalAveragePooling3D"] = c => new GlobalAveragePooling3D { KeepDims = (bool)c["keepdims"]! },
        ["GlobalMaxPooling1D"] = c => new GlobalMaxPooling1D { KeepDims = (bool)c["keepdims"]! },
        ["GlobalMaxPooling2D"] = c => new GlobalMaxPooling2D { KeepDims = (bool?)c["keepdims"] ?? false },
        ["GlobalMaxPooling3D"] = c => new GlobalMaxPooling3D { KeepDims = (bool)c["keepdims"]! },
        ["GroupNormalization"] = GroupNormalization.Read,
        ["LayerNormalization"] = LayerNormalization.Read,
        ["LeakyReLU"] = LeakyReLU.Read,
        ["LocallyConnected1D"] = LocallyConnected1D.Read,
        ["LocallyConnected2D"] = LocallyConnected2D.Read,
        ["Maximum"] = _ => new Maximum(),
        ["MaxPooling1D"] = c => Pooling1D.Read(PoolKind.Max, c),
        ["MaxPooling2D"] = c => Pooling2D.Read(PoolKind.Max, c),
        ["MaxPooling3D"] = c => Pooling3D.Read(PoolKind.Max, c),
        ["Minimum"] = _ => new Minimum(),
        ["Multiply"] = _ => new Multiply(),
        ["Normalization"] = Normalization.Read,
        ["Permute"] = Permute.Read,
        ["PositionEmbedding"] = PositionEmbedding.Read,
        ["PReLU"] = PReLU.Read,
        ["ReLU"] = ReLU.Read,
        ["RepeatVector"] = RepeatVector.Read,
        ["Rescaling"] = Rescaling.Read,
        ["Reshape"] = Reshape.Read,
        ["Resizing"] = Resizing.Read,
        ["SeparableConv1D"] = SeparableConv1D.Read,
        ["SeparableConv2D"] = SeparableConv2D.Read,
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

    /// <summary>A layer of a class with the attributes that its WriteConfig wrote.</summary>
    /// <exception cref="GraftException">No layer class has that name.</exception>
    public static Layer Create(string className, JsonNode config) =>
        Classes.TryGetValue(className, out Func<JsonNode, Layer>? create) ? create(config)
            : throw new GraftException($"Unknown layer class '{className}'; this version knows {string.Join(", ", Classes.Keys.Order(StringComparer.Ordinal))}.");
}
