namespace Graft.Importers.Keras;

/// <summary>A model that was read from a Keras file.</summary>
/// <param name="Model">The model, compiled where the file was and all of it is known here.</param>
/// <param name="Format">"Keras archive", "HDF5 model", "HDF5 weights and JSON".</param>
/// <param name="KerasVersion">The version that wrote it; null where the file does not say.</param>
/// <param name="InputNames">Names of the inputs, in the model's order.</param>
/// <param name="OutputNames">Names of the layers that give the outputs, in the model's order.</param>
public sealed record KerasModel(Model Model, string Format, string? KerasVersion, IReadOnlyList<string> InputNames, IReadOnlyList<string> OutputNames)
{
    /// <summary>What training in Keras would have felt and is not kept: constraints, a loss of one's own, slots that fit no weight.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
