using System.Text.Json.Nodes;
using Graft.Weights;

namespace Graft.Importers.Onnx;

/// <summary>A model that was read from an ONNX file.</summary>
/// <param name="Model">The model; it is not compiled.</param>
/// <param name="Producer">The program that wrote the file; "" where it does not say.</param>
/// <param name="Opset">Version of the operators.</param>
/// <param name="InputNames">Names of the inputs, in the model's order.</param>
/// <param name="OutputNames">Names of the outputs, in the model's order.</param>
public sealed record OnnxNetwork(Model Model, string Producer, long Opset, IReadOnlyList<string> InputNames, IReadOnlyList<string> OutputNames);

/// <summary>Reads whole networks of ONNX files as layer graphs, with their weights: they can be run, cut, frozen and trained further.</summary>
/// <remarks>
/// Images lie in planes there and have their channels last here. Transposes between the two are no layers: it is noted in which order a value lies, and weights are
/// turned once. Inputs and outputs keep the file's order of axes. The first axis of every input counts the samples, whatever number the file has there.
/// docs/onnx.md lists the operators.
/// </remarks>
public sealed class OnnxImport
{
    /// <summary>Shapes of inputs by their names, without the axis of samples, for files that leave extents open; under "" that of the only input.</summary>
    public IReadOnlyDictionary<string, Shape> InputShapes { get; init; } = new Dictionary<string, Shape>();

    /// <summary>A model with its weights.</summary>
    /// <inheritdoc cref="Open"/>
    public static Model Load(string path) => new OnnxImport().Open(path).Model;

    /// <summary>Names of the inputs with their shapes, without the axis of samples, null for extents that the file leaves open.</summary>
    /// <exception cref="GraftException">The file is missing, truncated, or not an ONNX model.</exception>
    public static IReadOnlyList<(string Name, IReadOnlyList<int?>? Shape)> InputsOf(string path) =>
        [.. Inputs(OnnxModelFile.Open(path)).Select(i => (i.Name, i.Dims is null ? null : (IReadOnlyList<int?>?)[.. i.Numbers.Skip(1)]))];

    /// <summary>Reads a network.</summary>
    /// <exception cref="GraftException">The file is missing or damaged, or a node cannot be built: file, node, operator and reason are named.</exception>
    public OnnxNetwork Open(string path)
    {
        OnnxModelFile file = OnnxModelFile.Open(path);
        List<OnnxValueInfo> inputs = Inputs(file);
        string? unknown = InputShapes.Keys.FirstOrDefault(k => !(k.Length == 0 && inputs.Count == 1) && inputs.All(i => i.Name != k));
        if (unknown is not null)
            throw new GraftException($"{path}: has no input '{unknown}'; its inputs are {string.Join(", ", inputs)}.");
        var graph = new GraphImport(file);
        try
        {
            Model model = graph.Build([.. inputs.Select(i => (i.Name, ShapeOf(path, i, inputs.Count == 1)))]);
            Describe(model, file);
            return new OnnxNetwork(model, file.Facts.FirstOrDefault(f => f.Name == "producer_name").Value ?? "", file.Opset, [.. inputs.Select(i => i.Name)], [.. file.Outputs.Select(o => o.Name)]);
        }
        catch
        {
            graph.Release();
            throw;
        }
    }

    // Older files name their arrays among the inputs.
    private static List<OnnxValueInfo> Inputs(OnnxModelFile file)
    {
        HashSet<string> arrays = [.. file.Tensors.Select(t => t.Name)];
        return [.. file.Inputs.Where(i => !arrays.Contains(i.Name))];
    }

    private Shape ShapeOf(string path, OnnxValueInfo input, bool isOnly)
    {
        int?[] dims = input.Numbers;
        if (InputShapes.TryGetValue(input.Name, out Shape? given) || (isOnly && InputShapes.TryGetValue("", out given)))
        {
            bool fits = input.Dims is null || (dims.Length == given.Rank + 1 && dims.Skip(1).Zip(given).All(d => d.First is null || d.First == d.Second));
            return fits ? given : throw new ShapeException($"{path}: takes its input '{input}', where {given} does not fit behind the axis of samples; only extents that the file leaves open can be chosen.");
        }
        if (input.Dims is null || dims.Length == 0 || dims.Skip(1).Any(d => d is null))
        {
            throw new GraftException($"{path}: leaves extents of its input '{input}' open, and a graph here has one shape. "
                + "Give one: OnnxImport.InputShapes, or on the command line an input file, whose shape is taken.");
        }
        return new Shape([.. dims.Skip(1).Select(d => d!.Value)]);
    }

    /// <summary>Takes over what this program's exporter left in the file.</summary>
    private static void Describe(Model model, OnnxModelFile file)
    {
        if (file.Metadata.TryGetValue(OnnxMetadata.ClassNames, out string? names))
            model.ClassNames = [.. Parsed(file, OnnxMetadata.ClassNames, names).AsArray().Select(n => (string)n!)];
        if (file.Metadata.TryGetValue(OnnxMetadata.OutputKind, out string? kind))
            model.OutputKind = OutputKindText.Read(kind, file.FilePath);
        if (file.Metadata.TryGetValue(OnnxMetadata.Preprocessing, out string? preprocessing))
        {
            (Shape, float[])? mean = file.Metadata.TryGetValue(OnnxMetadata.MeanImage, out string? image) ? OnnxMetadata.ReadMean(Parsed(file, OnnxMetadata.MeanImage, image), file.FilePath) : null;
            model.Preprocessing = PreprocessingJson.Read(Parsed(file, OnnxMetadata.Preprocessing, preprocessing).AsObject(), model.Inputs[0].Shape, mean, file.FilePath);
        }
    }

    private static JsonNode Parsed(OnnxModelFile file, string key, string text)
    {
        try
        {
            return JsonNode.Parse(text)!;
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new GraftException($"{file.FilePath}: its metadata '{key}' is no JSON ({e.Message}); take it out, or export the model anew.", e);
        }
    }
}
