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
        ["Add"] = _ => new Add(),
        ["AveragePooling2D"] = c => Pooling2D.Read(PoolKind.Average, c),
        ["BatchNormalization"] = BatchNormalization.Read,
        ["Concatenate"] = Concatenate.Read,
        ["Conv2D"] = Conv2D.Read,
        ["Dense"] = Dense.Read,
        ["DepthwiseConv2D"] = DepthwiseConv2D.Read,
        ["Dropout"] = Dropout.Read,
        ["Embedding"] = Embedding.Read,
        ["Flatten"] = _ => new Flatten(),
        ["GlobalAveragePooling2D"] = _ => new GlobalAveragePooling2D(),
        ["GlobalMaxPooling2D"] = _ => new GlobalMaxPooling2D(),
        ["LayerNormalization"] = LayerNormalization.Read,
        ["LeakyReLU"] = LeakyReLU.Read,
        ["MaxPooling2D"] = c => Pooling2D.Read(PoolKind.Max, c),
        ["Multiply"] = _ => new Multiply(),
        ["Permute"] = Permute.Read,
        ["ReLU"] = _ => new ReLU(),
        ["Reshape"] = Reshape.Read,
        ["Softmax"] = _ => new Softmax(),
        ["ZeroPadding2D"] = ZeroPadding2D.Read,
    };

    /// <summary>A layer of a class with the attributes that its WriteConfig wrote.</summary>
    /// <exception cref="GraftException">No layer class has that name.</exception>
    public static Layer Create(string className, JsonNode config) =>
        Classes.TryGetValue(className, out Func<JsonNode, Layer>? create) ? create(config)
            : throw new GraftException($"Unknown layer class '{className}'; this version knows {string.Join(", ", Classes.Keys.Order(StringComparer.Ordinal))}.");
}
