using System.Text.Json.Nodes;

namespace Graft.Importers.Keras.Architecture;

/// <summary>A tensor of a graph as Keras's JSON names it: the n-th use of a layer, and which of its outputs.</summary>
/// <param name="Layer">Name of the layer.</param>
/// <param name="Call">Which use of the layer, from 0.</param>
/// <param name="Output">Which of its outputs.</param>
internal readonly record struct KerasTensorReference(string Layer, int Call, int Output);

/// <summary>One use of a layer: what it is called with.</summary>
/// <param name="Arguments">Positional arguments: references, lists of them, or plain values.</param>
/// <param name="Named">Arguments by name: "training", "mask", "initial_state", ...</param>
internal sealed record KerasCall(IReadOnlyList<object?> Arguments, IReadOnlyDictionary<string, object?> Named)
{
    // Arguments by name in the order in which layers take them.
    private static readonly string[] s_order = ["inputs", "sequence", "query", "value", "key", "initial_state", "states"];

    /// <summary>All tensors that are read, positional ones first.</summary>
    public IEnumerable<KerasTensorReference> Tensors => Arguments.Concat(Named.OrderBy(n => Array.IndexOf(s_order, n.Key) is var i && i < 0 ? s_order.Length : i).Select(n => n.Value)).SelectMany(References);

    /// <summary>The tensors of one argument.</summary>
    public static IEnumerable<KerasTensorReference> References(object? argument) => argument switch
    {
        KerasTensorReference reference => [reference],
        IReadOnlyList<object?> list => list.SelectMany(References),
        _ => [],
    };
}

/// <summary>A layer in Keras's JSON, whichever generation wrote it.</summary>
internal sealed record KerasLayerSpec
{
    /// <summary>Unique within its model.</summary>
    public required string Name { get; init; }

    /// <summary>The class, without the package it was registered under.</summary>
    public required string ClassName { get; init; }

    /// <summary>Module of Keras 3 ("keras.layers", "keras.src.ops.numpy"); empty where the file has none.</summary>
    public string Module { get; init; } = "";

    /// <summary>The layer's attributes; empty for nested models.</summary>
    public JsonObject Config { get; init; } = [];

    /// <summary>Uses, in order; in a Sequential none are listed.</summary>
    public IReadOnlyList<KerasCall> Calls { get; init; } = [];

    /// <summary>The model that this layer is; null for a layer.</summary>
    public KerasModelSpec? Nested { get; init; }

    /// <summary>Shape with the batch axis that Keras 3 says the layer was built for, null where it does not say.</summary>
    public int?[]? BuiltFor { get; init; }

    /// <summary>Shape without the batch axis that the layer says it takes; null where it does not. Unknown extents are null.</summary>
    public int?[]? SampleShape { get; init; }
}

/// <summary>A model in Keras's JSON.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsSequential">True where each layer reads the one before.</param>
/// <param name="Layers">The layers in the file's order, which is also the order of weights.</param>
/// <param name="Inputs">Where inputs enter; empty in a Sequential.</param>
/// <param name="Outputs">What is returned; empty in a Sequential.</param>
internal sealed record KerasModelSpec(string Name, bool IsSequential, IReadOnlyList<KerasLayerSpec> Layers, IReadOnlyList<KerasTensorReference> Inputs, IReadOnlyList<KerasTensorReference> Outputs)
{
    /// <summary>Shape with the batch axis that a Sequential was built for; null where the file does not say.</summary>
    public int?[]? BuiltFor { get; init; }
}
