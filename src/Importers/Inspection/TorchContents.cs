using System.Globalization;
using Graft.Importers.PyTorch;

namespace Graft.Importers.Inspection;

/// <summary>A file of torch.save: its tensors, and the plain values beside them.</summary>
internal static class TorchContents
{
    private const int LongestValue = 160; // characters of a value that are shown

    public static FileContents Inspect(string path)
    {
        TorchFile file = TorchFile.Open(path);
        return new FileContents(path, file.IsZip ? "PyTorch zip" : "PyTorch legacy", new FileInfo(path).Length)
        {
            Facts = [.. Facts(file.Root)],
            Layers = [],
            Arrays = [.. file.Tensors().Select(t => new ArrayEntry(t.Name, t.Tensor.Type.Name(), t.Tensor.Shape, t.Tensor.Bytes))],
        };
    }

    private static IEnumerable<(string, string)> Facts(object? root) => root is OrderedDictionary<object, object?> dictionary
        ? dictionary.Where(p => p.Value is not TorchTensor).Select(p => (Text(p.Key), Text(p.Value)))
        : root is TorchTensor ? [] : [("value", Text(root))];

    // Containers by their size alone: what is in them may be anything.
    private static string Text(object? value)
    {
        string text = value switch
        {
            null or DBNull => "None",
            OrderedDictionary<object, object?> d => $"dictionary of {d.Count}",
            List<object?> l => $"list of {l.Count}",
            object?[] t => $"tuple of {t.Length}",
            HashSet<object?> s => $"set of {s.Count}",
            byte[] b => $"{b.Length} bytes",
            StoredType type => type.Name(),
            _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
        };
        return text.Length <= LongestValue ? text : $"{text.AsSpan(0, LongestValue)}...";
    }
}
