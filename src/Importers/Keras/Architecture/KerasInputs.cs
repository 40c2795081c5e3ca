namespace Graft.Importers.Keras.Architecture;

/// <summary>Shapes of inputs: what the file leaves open, the caller says.</summary>
internal static class KerasInputs
{
    /// <summary>A shape without the batch axis.</summary>
    /// <exception cref="GraftException">An extent is open and not given, or what is given does not fit.</exception>
    public static Shape Resolved(string source, KerasLayerSpec layer, int?[]? known, Shape? given)
    {
        if (layer.Config["dtype"]?.ToString() == "string")
            throw new GraftException($"{source}: input '{layer.Name}' is of texts; tensors here are numbers. Cut the model behind its text layers (in Keras) and save what follows.");
        if (given is null)
        {
            if (known is not null && Array.TrueForAll(known, d => d is not null))
                return new Shape([.. known.Select(d => d!.Value)]);
            throw new GraftException($"{source}: input '{layer.Name}' has shape {Shown(known)}, which leaves an extent open; graphs here have fixed shapes. "
                + "Give one: KerasImport.InputShapes, or on the command line an input file, whose shape is taken.");
        }
        bool fits = known is null || (known.Length == given.Rank && known.Zip(given).All(p => p.First is null || p.First == p.Second));
        return fits ? given : throw new GraftException($"{source}: input '{layer.Name}' takes {Shown(known)} a sample and cannot take {given}; the axis of samples is not counted.");
    }

    /// <summary>The shape that a model says it takes, where it has one input; null where it does not say.</summary>
    public static int?[]? Of(KerasModelSpec model)
    {
        if (!model.IsSequential)
            return model.Inputs.Count == 1 ? model.Layers.FirstOrDefault(l => l.Name == model.Inputs[0].Layer)?.SampleShape : null;
        KerasLayerSpec? first = model.Layers.Count > 0 ? model.Layers[0] : null;
        return first is null ? null : first.SampleShape ?? (first.Nested is { } inner ? Of(inner) : null) ?? model.BuiltFor?[1..] ?? first.BuiltFor?[1..];
    }

    /// <summary>The inputs of a model, by name, with their shapes as far as the file says them.</summary>
    public static IReadOnlyList<(string Name, int?[]? Shape)> All(KerasModelSpec model) => model.IsSequential
        ? [(model.Layers.Count > 0 ? model.Layers[0].Name : "input", Of(model))]
        : [.. model.Inputs.Select(i => (i.Layer, model.Layers.FirstOrDefault(l => l.Name == i.Layer)?.SampleShape))];

    /// <summary>"[3,none,1]".</summary>
    public static string Shown(int?[]? shape) => shape is null ? "of its own choice" : $"[{string.Join(',', shape.Select(d => d is null ? "none" : $"{d}"))}]";
}
