using System.Globalization;
using Graft.Importers.Onnx;

namespace Graft.Importers.Inspection;

/// <summary>An ONNX model: versions, inputs and outputs, nodes, initialisers.</summary>
internal static class OnnxContents
{
    /// <summary>Reads a file; null where it is well-formed but has no graph.</summary>
    /// <exception cref="GraftException">It is not a message of the format, or cut.</exception>
    public static FileContents? Inspect(string path)
    {
        OnnxModelFile file = OnnxModelFile.Read(path);
        if (!file.HasGraph)
            return null;
        try
        {
            string ops = string.Join(", ", file.Nodes.GroupBy(n => n.Op).OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} {g.Key}"));
            return new FileContents(path, "ONNX", new FileInfo(path).Length) { Facts = [.. file.Facts, ("nodes", ops)], Layers = [.. file.Nodes.Select(Entry)], Arrays = [.. file.Tensors.Select(Entry)] };
        }
        catch (Exception e) when (e is OverflowException or ArgumentOutOfRangeException) // extents that no array has
        {
            throw new GraftException($"{path}: not an ONNX model, or truncated ({e.Message}).", e);
        }
    }

    private static LayerEntry Entry(OnnxModelNode node)
    {
        string settings = node.Attributes.Count == 0 ? "" : $"; {string.Join(", ", node.Attributes.Select(Shown))}";
        return new LayerEntry(node.Name, node.Op, $"{string.Join(", ", node.Inputs)} -> {string.Join(", ", node.Outputs)}{settings}");
    }

    private static string Shown(OnnxAttribute attribute)
    {
        static string Number(float value) => value.ToString("G6", CultureInfo.InvariantCulture);
        string? one = attribute.Float is float f ? Number(f) : attribute.Integer is long i ? i.ToString(CultureInfo.InvariantCulture) : attribute.Text ?? (attribute.Tensor is { } t ? $"tensor {t.Shape}" : null);
        return one is not null ? $"{attribute.Name} {one}" : $"{attribute.Name} [{string.Join(",", [.. attribute.Floats.Select(Number), .. attribute.Integers.Select(n => n.ToString(CultureInfo.InvariantCulture)), .. attribute.Texts])}]";
    }

    private static ArrayEntry Entry(OnnxTensor tensor)
    {
        string type = OnnxTypes.NameOf(tensor.Type);
        return new ArrayEntry(tensor.Name, tensor.IsExternal ? $"{type} in another file" : type, tensor.Shape, tensor.Shape.Count * OnnxTypes.BytesOf(tensor.Type));
    }
}
