using Graft.Importers.Keras.Architecture;

namespace Graft.Importers.Keras.Stored;

/// <summary>A nested model is one group of a legacy file, which holds the arrays of all its layers; their order changed between versions, so that names come first.</summary>
internal static class NestedArrays
{
    /// <summary>Adds each leaf layer of a nested model with its arrays.</summary>
    /// <exception cref="GraftException">Neither names nor any known order fit.</exception>
    public static void Assign(string file, KerasBuiltLayer model, List<StoredArray> arrays, List<(KerasBuiltLayer, IReadOnlyList<StoredArray>)> assigned)
    {
        KerasBuiltLayer[] leaves = [.. model.Leaves.Where(l => l.Layer is { Parameters.Count: > 0 })];
        List<(KerasBuiltLayer, IReadOnlyList<StoredArray>)>? found = ByName(leaves, arrays) ?? ByPlace(leaves, arrays);
        assigned.AddRange(found ?? throw new GraftException(
            $"{file}: nested model '{model.Path}' has {arrays.Count} arrays, which fit its {leaves.Length} layers with weights ({leaves.Sum(l => l.Layer!.Parameters.Count)} parameters) neither by name nor by place. "
            + "In Keras 2 or 3, load the model and save it as .keras, where every layer has its own place."));
    }

    // "base/conv1/kernel:0", "conv1_1/kernel:0", "conv1_W:0": each array to the layer whose name it carries.
    private static List<(KerasBuiltLayer, IReadOnlyList<StoredArray>)>? ByName(KerasBuiltLayer[] leaves, List<StoredArray> arrays)
    {
        ILookup<KerasBuiltLayer?, StoredArray> owners = arrays.ToLookup(a => OwnerOf(a.Name, leaves));
        return owners.Contains(null) || leaves.Any(l => !owners.Contains(l)) ? null : [.. leaves.Select(l => (l, (IReadOnlyList<StoredArray>)[.. owners[l]]))];
    }

    private static KerasBuiltLayer? OwnerOf(string array, KerasBuiltLayer[] leaves)
    {
        string path = $"/{array}";
        KerasBuiltLayer[] exact = [.. leaves.Where(l => path.Contains($"/{l.Spec.Name}/", StringComparison.Ordinal) || path.Contains($"/{l.Spec.Name}_W", StringComparison.Ordinal) || path.Contains($"/{l.Spec.Name}_b", StringComparison.Ordinal))];
        if (exact.Length == 0)
            exact = [.. leaves.Where(l => KerasName.Parse(array, l.Spec.Name, 0).Layer == l.Spec.Name && array.Contains(l.Spec.Name, StringComparison.Ordinal))];
        if (exact.Length > 1) // "conv" and "conv_bn": the longest name; models of equal layers: their own names in front
        {
            exact = [.. exact.Where(l => path.Contains($"/{l.Path[(l.Path.IndexOf('/', StringComparison.Ordinal) + 1)..]}/", StringComparison.Ordinal))];
        }
        return exact.Length == 1 ? exact[0] : null;
    }

    // Keras 2: what is trained, of all layers, then the statistics; Keras 3 with the base frozen: layer by layer.
    private static List<(KerasBuiltLayer, IReadOnlyList<StoredArray>)>? ByPlace(KerasBuiltLayer[] leaves, List<StoredArray> arrays)
    {
        var parameters = leaves.SelectMany(l => l.Layer!.Parameters.Select(p => (Leaf: l, Parameter: p))).ToList();
        if (parameters.Count != arrays.Count)
            return null;
        foreach (var order in new[] { parameters, [.. parameters.OrderBy(p => p.Parameter.IsStatistic)] })
        {
            if (!order.Zip(arrays).All(pair => pair.First.Parameter.Shape.Count == pair.Second.Shape.Count))
                continue;
            ILookup<KerasBuiltLayer, (Layers.Parameter Parameter, StoredArray Array)> own = order.Zip(arrays).ToLookup(p => p.First.Leaf, p => (p.First.Parameter, p.Second));
            return [.. leaves.Select(l => (l, (IReadOnlyList<StoredArray>)[.. own[l].OrderBy(p => p.Parameter.Position).Select(p => p.Array)]))];
        }
        return null;
    }
}
