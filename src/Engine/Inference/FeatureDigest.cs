using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft.Inference;

/// <summary>Says what features belong to: the frozen ops with their layers' attributes and shapes, the weights, how they are computed, and the data.</summary>
internal static class FeatureDigest
{
    private const string Version = "graft features 2";

    /// <summary>
    /// Why a digest cannot say what features belong to: null where it can. Of code from outside, it would be the same before and after that was changed, and features of the old code
    /// would be taken for those of the new.
    /// </summary>
    public static string? Obstacle(Model model, FrozenPart part)
    {
        var layers = new Dictionary<string, Layer>();
        Collect(model, "", layers);
        for (int i = 0; i < part.IsIncluded.Length; i++)
        {
            if (!part.IsFrozen(i))
                continue;
            string path = part.Trace.Ops[i].Layer;
            if (layers.FirstOrDefault(l => l.Value.IsCustom && (path == l.Key || path.StartsWith($"{l.Key}/", StringComparison.Ordinal))).Value is { } custom)
                return $"layer '{custom.Name}' is of the class {custom.ClassName}, whose code is not the engine's and may change";
        }
        return null;
    }

    /// <summary>32 bytes (SHA-256) that differ where any of it differs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="part">Its frozen part.</param>
    /// <param name="weights">The tensors that the features depend on.</param>
    /// <param name="options">How the plan computes.</param>
    /// <param name="device">Where.</param>
    /// <param name="data">What the samples are: a digest by the data set itself.</param>
    public static byte[] Of(Model model, FrozenPart part, IEnumerable<Tensor> weights, PlanOptions options, Device device, string data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
        Add(string.Create(CultureInfo.InvariantCulture, $"{Version} {options} {device.Name} {data}"));
        var layers = new Dictionary<string, Layer>();
        Collect(model, "", layers);
        Dictionary<Tensor, string> places = part.Trace.Inputs.Select((t, i) => (t, $"input {i}")).Concat(part.Trace.Ops.Select((op, i) => (op.Output, $"op {i}"))).ToDictionary();
        for (int i = 0; i < part.IsIncluded.Length; i++)
        {
            if (!part.IsFrozen(i))
                continue;
            TracedOp op = part.Trace.Ops[i];
            var config = new JsonObject();
            if (layers.TryGetValue(op.Layer, out Layer? layer))
                layer.WriteConfig(config);
            Add($"{i} {op.Op.Name} {string.Join(' ', op.Inputs.Select(t => $"{places.GetValueOrDefault(t, "weight")} {Tail(t.Shape)}"))} {Tail(op.Output.Shape)} {config.ToJsonString()}");
        }
        Add(string.Join(' ', part.Boundary.Select(t => places[t])));
        foreach (Tensor tensor in weights)
            hash.AppendData(MemoryMarshal.AsBytes(tensor.ToArray().AsSpan()));
        return hash.GetHashAndReset();
    }

    // The batch axis is not what features depend on.
    private static string Tail(Shape shape) => shape.Rank == 0 ? "" : shape.Tail().ToString();

    private static void Collect(Layer outer, string prefix, Dictionary<string, Layer> layers)
    {
        foreach (Layer layer in outer.Inner)
        {
            if (layer is not Model)
                layers[prefix + layer.Name] = layer;
            Collect(layer, $"{prefix}{layer.Name}/", layers);
        }
    }
}
