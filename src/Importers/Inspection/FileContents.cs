namespace Graft.Importers.Inspection;

/// <summary>What a model or weight file holds.</summary>
/// <param name="Path">The file.</param>
/// <param name="Format">"Keras HDF5", "Keras archive", "safetensors", "PyTorch zip", "PyTorch legacy", "ONNX", "Graft model", "HDF5" of others, or shards or a folder of these.</param>
/// <param name="Bytes">Size of the file.</param>
public sealed record FileContents(string Path, string Format, long Bytes)
{
    /// <summary>What holds for the whole file: versions, inputs and outputs, class names, preprocessing, history.</summary>
    public required IReadOnlyList<(string Name, string Value)> Facts { get; init; }

    /// <summary>The layers or nodes, where the file says which there are, in its order.</summary>
    public required IReadOnlyList<LayerEntry> Layers { get; init; }

    /// <summary>The model's table as Keras prints it, where the file describes a model that can be built here; else null.</summary>
    public string? Summary { get; init; }

    /// <summary>The arrays, in the file's order.</summary>
    public required IReadOnlyList<ArrayEntry> Arrays { get; init; }

    /// <summary>Attributes of groups and arrays inside; those of the whole file are among the facts.</summary>
    public IReadOnlyList<AttributeEntry> Attributes { get; init; } = [];

    /// <summary>Numbers in all arrays.</summary>
    public long Numbers => Arrays.Sum(a => a.Shape.Count);

    /// <summary>Bytes of all arrays.</summary>
    public long ArrayBytes => Arrays.Sum(a => a.Bytes);
}

/// <summary>A layer of a network, or a node of a graph.</summary>
/// <param name="Name">Its name, with those of the models around it.</param>
/// <param name="Type">"Conv2D", "Gemm", ...; empty where the file does not say.</param>
/// <param name="Detail">Its settings, inputs and outputs, as far as the file has them.</param>
public sealed record LayerEntry(string Name, string Type, string Detail);

/// <summary>An array.</summary>
/// <param name="Name">Its name or path.</param>
/// <param name="Type">"float32", "int64", ...</param>
/// <param name="Shape">Its shape, as the file has it.</param>
/// <param name="Bytes">Bytes of its numbers.</param>
public sealed record ArrayEntry(string Name, string Type, Shape Shape, long Bytes);

/// <summary>An attribute of something inside a file.</summary>
/// <param name="Owner">Path of the group or array.</param>
/// <param name="Name">The attribute's name.</param>
/// <param name="Value">Its value; long ones are shortened.</param>
public sealed record AttributeEntry(string Owner, string Name, string Value);
