using Graft.Layers;

namespace Graft.Adapters;

/// <summary>A layer with an adapter.</summary>
/// <param name="Name">What Hugging Face's model calls it: "transformer.h.0.attn.c_attn".</param>
/// <param name="Layer">The layer.</param>
/// <param name="IsConv1D">True where that model keeps the weight as [in,out]: transformers' Conv1D.</param>
public sealed record LoraModule(string Name, Dense Layer, bool IsConv1D)
{
    /// <summary>Its adapter.</summary>
    /// <exception cref="GraftException">It was taken off since.</exception>
    public LoraAdapter Adapter => Layer.Adapter ?? throw new GraftException($"Layer '{Layer.Name}' has no adapter any more.");
}
