namespace Graft.Training;

/// <summary>What a tensor is held for.</summary>
public enum MemoryUse
{
    /// <summary>What a layer computed, held until backward reads it.</summary>
    Activation,

    /// <summary>Weights and moving statistics.</summary>
    Parameter,

    /// <summary>The gradient of a parameter, or the sum of several while gradients are accumulated.</summary>
    Gradient,

    /// <summary>What the optimizer remembers of a parameter.</summary>
    OptimizerSlot,

    /// <summary>Memory of the inference plan: its arena and its packed weights; and what an op needs while it runs.</summary>
    Scratch,
}

/// <summary>One tensor of a training step.</summary>
/// <param name="Path">Where it belongs: a parameter's path, with the slot behind it; a layer's path with the op that holds the tensor.</param>
/// <param name="Use">What it is held for.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Bytes">Bytes of its memory, which may be somewhat larger than its numbers.</param>
public sealed record HeldTensor(string Path, MemoryUse Use, Shape Shape, long Bytes);
