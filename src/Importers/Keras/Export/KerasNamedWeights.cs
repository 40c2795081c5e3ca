using System.Text;
using Graft.Importers.Hdf5;
using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <summary>Weights as Keras 2 stores them, and Keras 3 in its .h5 files: a group for each layer of the outermost model, with lists of names.</summary>
internal sealed class KerasNamedWeights(KerasDialect dialect, Model model)
{
    /// <summary>Writes layer_names, and weight_names with the arrays of each layer.</summary>
    public void Write(Hdf5Group group)
    {
        group.Add(Hdf5Attribute.Ascii("backend", "tensorflow"));
        group.Add(Hdf5Attribute.Ascii("keras_version", dialect.Version));
        Layer[] layers = [.. KerasOrder.Of(model)];
        AddList(group, KerasCatalog.LayerNames, [.. layers.Select(dialect.NameOf)]);
        foreach (Layer layer in layers)
            WriteLayer(group.Group(dialect.NameOf(layer)), layer);
        if (dialect.IsThree)
            AddList(group.Group("top_level_model_weights"), KerasCatalog.WeightNames, []);
    }

    /// <summary>What trains comes first, as in Keras's lists; a nested model is one layer here.</summary>
    private void WriteLayer(Hdf5Group group, Layer layer)
    {
        KerasWeight[] weights = [.. KerasWeight.Of(dialect, layer).OrderBy(w => !w.IsTrained)];
        AddList(group, KerasCatalog.WeightNames, [.. weights.Select(w => NameOf(layer, w))]);
        foreach (KerasWeight weight in weights)
            group.Add(NameOf(layer, weight), weight.Array(isLong: !dialect.IsThree));
    }

    /// <summary>"conv/kernel:0" in Keras 2; in Keras 3 without ":0", and behind the name of the Sequential in which a layer was built.</summary>
    public string NameOf(Layer layer, KerasWeight weight)
    {
        string path = layer is Model ? weight.Path : $"{dialect.NameOf(layer)}/{weight.Path}";
        if (!dialect.IsThree)
            return $"{path}:0";
        return KerasOrder.IsSequential(layer) ? $"{dialect.NameOf(layer)}/{path}" : layer is not Model && KerasOrder.IsSequential(model) ? $"{dialect.NameOf(model)}/{path}" : path;
    }

    /// <summary>A list of names, in several attributes where one would be too large: name0, name1, ...</summary>
    public void AddList(Hdf5Group group, string name, IReadOnlyList<string> texts)
    {
        int parts = 1;
        while (Parts(texts, parts).Any(p => Bytes(p) > Hdf5Attribute.LargestList))
            parts++;
        IReadOnlyList<string>[] lists = [.. Parts(texts, parts)];
        for (int i = 0; i < lists.Length; i++)
            group.Add(Hdf5Attribute.List(lists.Length == 1 ? name : $"{name}{i}", lists[i], isPadded: !dialect.IsThree || lists.Length > 1)); // h5py: str and bytes of a list have any length, numpy's pieces a fixed one
    }

    // numpy.array_split: the first parts take one more each
    private static IEnumerable<IReadOnlyList<string>> Parts(IReadOnlyList<string> texts, int count)
    {
        int at = 0;
        for (int i = 0; i < count; i++)
        {
            int length = texts.Count / count + (i < texts.Count % count ? 1 : 0);
            yield return [.. texts.Skip(at).Take(length)];
            at += length;
        }
    }

    // What numpy's array of them takes.
    private static int Bytes(IReadOnlyList<string> texts) => texts.Count == 0 ? 0 : texts.Count * texts.Max(Encoding.UTF8.GetByteCount);
}
