namespace Graft;

/// <summary>A tensor as it travels from layer to layer: with the mask of its steps, where it has one.</summary>
/// <param name="Value">The numbers: [N,T,..] where there is a mask.</param>
/// <param name="Mask">[N,T], 1 for a step that counts and 0 for one that is padding; null where all count. It lives as long as the tape.</param>
internal readonly record struct MaskedTensor(Tensor Value, Tensor? Mask = null)
{
    /// <summary>Tensors all of whose steps count.</summary>
    public static MaskedTensor[] Of(ReadOnlySpan<Tensor> tensors)
    {
        var masked = new MaskedTensor[tensors.Length];
        for (int i = 0; i < masked.Length; i++)
            masked[i] = new MaskedTensor(tensors[i]);
        return masked;
    }

    /// <summary>The numbers without their masks.</summary>
    public static Tensor[] Values(ReadOnlySpan<MaskedTensor> tensors)
    {
        var values = new Tensor[tensors.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = tensors[i].Value;
        return values;
    }
}
