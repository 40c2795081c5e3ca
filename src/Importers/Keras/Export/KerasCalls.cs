using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <summary>How Keras calls layers: what is a list, what has a name.</summary>
internal static class KerasCalls
{
    private static readonly string[] s_builtAtOnce =
    [
        "InputLayer", "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "UnitNormalization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization", "Masking",
        "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    ];

    /// <summary>True where all inputs are one list.</summary>
    public static bool TakesList(Layer layer) => layer is MergeLayer or Dot or Concatenate or AttentionLayer;

    /// <summary>True where inputs behind the first are states.</summary>
    public static bool TakesStates(Layer layer) => layer is RecurrentLayer or Bidirectional;

    /// <summary>True for layers that Keras 3 builds before it knows a shape, and whose shape it does not write down.</summary>
    public static bool IsBuiltAtOnce(Layer layer) => s_builtAtOnce.Contains(layer.ClassName) || layer is GlobalPooling or Pooling1D or Pooling2D or Pooling3D;

    /// <summary>The arguments by name.</summary>
    /// <param name="layer">What is called.</param>
    /// <param name="maskIsNone">True where a mask that is not given is written as null, as Keras 3 does.</param>
    public static JsonObject Arguments(Layer layer, bool maskIsNone)
    {
        var named = new JsonObject();
        (bool causal, bool scores) = layer switch
        {
            AttentionLayer a => (a.UseCausalMask, a.ReturnAttentionScores),
            HeadAttention h => (h.UseCausalMask, h.ReturnAttentionScores),
            _ => (false, false),
        };
        if (causal)
            named["use_causal_mask"] = true;
        if (scores)
            named["return_attention_scores"] = true;
        if (maskIsNone && layer is BatchNormalization)
            named["mask"] = null;
        return named;
    }
}
