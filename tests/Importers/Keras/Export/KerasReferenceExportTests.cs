using System.IO.Compression;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Weights;
using PureHDF;
using PureHDF.VOL.Native;
using Xunit;

namespace Graft.Tests.Importers.Keras.Export;

/// <summary>Models that real Keras saved, read and written again: the file has the groups, arrays, types, attributes and JSON of Keras's own, but for what is named here.</summary>
public sealed partial class KerasReferenceExportTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("keras2_theano/small_vgg_unfrozen_sgdm.h5", 2)]
    [InlineData("keras2_theano/small_vgg_rmsprop.h5", 2)]
    [InlineData("keras2_theano/small_resnet_adam.h5", 2)]
    [InlineData("keras2_theano/full_vgg16_rmsprop.h5.gz", 2)]
    [InlineData("keras3/small_vgg_unfrozen_sgdm.h5", 3)]
    [InlineData("keras3/small_vgg_rmsprop.h5", 3)]
    [InlineData("keras3/small_resnet_adam.h5", 3)]
    public void Hdf5_has_all_that_Keras_wrote(string file, int generation)
    {
        string path = Reference(file), written = _files["written.h5"];
        Model model = KerasImport.Load(path);
        KerasExport.SaveHdf5(model, written, generation);
        bool isFrozen = model.Layers.OfType<Model>().Any(m => !m.Trainable);
        Release(model);
        byte[] expected = File.ReadAllBytes(path), found = File.ReadAllBytes(written);
        Compare(expected, found, (place, text) => Known(place, text, generation, isFrozen));
        foreach (string attribute in (string[])["layer_names", "weight_names", "backend", "keras_version", "model_config", "training_config"])
            Assert.Equal(Hdf5Outline.TypesOf(expected, attribute), Hdf5Outline.TypesOf(found, attribute));
    }

    [Theory]
    [InlineData("keras3/small_vgg_unfrozen_sgdm.keras")]
    [InlineData("keras3/small_vgg_rmsprop.keras")]
    [InlineData("keras3/small_resnet_adam.keras")]
    [InlineData("keras3/small_resnet_adam_public_optimizer_name.keras")]
    [InlineData("keras3/full_resnet50_adam.keras.gz")]
    public void An_archive_has_all_that_Keras_wrote(string file)
    {
        string path = Reference(file), written = _files["written.keras"];
        Model model = KerasImport.Load(path);
        Assert.Empty(KerasExport.SaveArchive(model, written));
        Release(model);
        Dictionary<string, byte[]> expected = Entries(path), found = Entries(written);
        Assert.Equal(expected.Keys, found.Keys);
        // Whoever shares an object in Python's memory is numbered; the reference was made with classes that Keras picks for PyTorch, whose public names are others.
        Assert.Equal([], JsonDifference.Between(JsonNode.Parse(expected["config.json"]), JsonNode.Parse(found["config.json"]))
            .Where(d => !d.Contains("/shared_object_id", StringComparison.Ordinal) && !d.EndsWith("/axis: 3, -1", StringComparison.Ordinal) // Keras's ResNet counts from the front
                && (file.Contains("public", StringComparison.Ordinal) || !PrivateOptimizer().IsMatch(d))));
        Assert.Equal(["date_saved", "keras_version"], JsonNode.Parse(found["metadata.json"])!.AsObject().Select(p => p.Key).Order());
        Compare(expected["model.weights.h5"], found["model.weights.h5"], (_, _) => false);
        Assert.Equal(Hdf5Outline.TypesOf(expected["model.weights.h5"], "name"), Hdf5Outline.TypesOf(found["model.weights.h5"], "name"));
    }

    [Theory]
    [InlineData("keras2_theano/chunked_layer_names.h5.gz", 2)]
    [InlineData("keras2_theano/chunked_weight_names.h5.gz", 2)]
    [InlineData("keras3/chunked_layer_names.h5.gz", 3)]
    [InlineData("keras3/chunked_weight_names.h5.gz", 3)]
    public void Lists_over_64_KB_are_split_as_Keras_splits_them(string file, int generation)
    {
        string path = Reference(file), written = _files["written.h5"];
        Model model = Chunked(path, generation);
        WeightLoader.Load(model, KerasHdf5.Open(path));
        KerasExport.SaveHdf5(model, written, generation);
        model.Release();
        byte[] expected = File.ReadAllBytes(path), found = File.ReadAllBytes(written);
        // A file of weights has at its root what a whole model has in model_weights. That of Keras 2 is Theano's: it lacks the ":0" behind names, and turns no kernel of a Dense.
        const string Weights = "/model_weights";
        SortedDictionary<string, string> outline = Hdf5Outline.Of(expected);
        string Line(string key, string value) => $"{key} {(generation == 2 ? value[(value.IndexOf(' ', StringComparison.Ordinal) + 1)..] : value)}";
        string[] due = [.. outline.Select(l => Line(l.Key, l.Value)).Where(l => Compares(l, generation))];
        string[] has = [.. Hdf5Outline.Of(found).Where(l => l.Key.StartsWith(Weights, StringComparison.Ordinal)).Select(l => Line(l.Key[Weights.Length..], l.Value)).Where(l => Compares(l, generation))];
        Assert.Equal(due, generation == 2 ? [.. has.Select(l => l.Replace(":0", "", StringComparison.Ordinal))] : has);
        Assert.True(due.Length > 1);
        foreach (string attribute in (string[])["layer_names0", "layer_names1"])
            Assert.Equal(Hdf5Outline.TypesOf(expected, attribute), Hdf5Outline.TypesOf(found, attribute));
    }

    // Of Keras 2 the split lists alone, whose types are compared where no ":0" is; of Keras 3 everything.
    private static bool Compares(string line, int generation) => generation == 3 ? !line.StartsWith("@backend", StringComparison.Ordinal) : SplitList().IsMatch(line);

    /// <summary>The model of the chunked files: Dense layers, or a model of them and a Dense.</summary>
    private static Sequential Chunked(string path, int generation)
    {
        using NativeFile file = H5File.OpenRead(path);
        string[] layers = KerasCatalog.List(file, KerasCatalog.LayerNames);
        string first = KerasCatalog.List(file.Group(layers[^1]), KerasCatalog.WeightNames)[0];
        Sequential Of(string name, IEnumerable<string> dense)
        {
            var inner = new Sequential(4) { Name = name };
            foreach (string layer in dense)
                inner.Add(new Dense(3, Activation.Tanh) { Name = layer });
            return inner;
        }
        string outer = generation == 3 ? first.Split('/')[0] : "sequential";
        if (layers.Length > 2)
            return Of(outer, layers);
        string[] inside = [.. KerasCatalog.List(file.Group(layers[0]), KerasCatalog.WeightNames).Select(n => n.Split('/')[^2]).Distinct()];
        var model = new Sequential(4) { Of(layers[0], inside), new Dense(2) { Name = layers[1] } };
        model.Name = outer;
        return model;
    }

    /// <summary>What may differ, each with its reason.</summary>
    private static bool Known(string place, string text, int generation, bool isFrozen) =>
        (place.EndsWith("@backend", StringComparison.Ordinal) && generation == 3) // made with PyTorch; the form is that of TensorFlow, the only one that all versions read
        || (generation == 2 && isFrozen && (place.EndsWith("/trainable", StringComparison.Ordinal) // Keras 2 did not store that a nested model was frozen: here its layers say it,
            || (place.StartsWith("/model_weights/", StringComparison.Ordinal) && place.EndsWith("@weight_names", StringComparison.Ordinal) && text.Length > 0))); // and Keras then counts their weights layer by layer

    private static void Compare(byte[] expected, byte[] found, Func<string, string, bool> isKnown)
    {
        SortedDictionary<string, string> a = Hdf5Outline.Of(expected), b = Hdf5Outline.Of(found);
        var differences = new List<string>();
        foreach (string place in a.Keys.Union(b.Keys))
        {
            string due = a.GetValueOrDefault(place) ?? "absent", has = b.GetValueOrDefault(place) ?? "absent";
            if (due == has)
                continue;
            if (place is "@model_config" or "@training_config")
                differences.AddRange(JsonDifference.Between(Json(due), Json(has), place).Where(d => !isKnown(d[..d.IndexOf(": ", StringComparison.Ordinal)], d)));
            else if (!isKnown(place, due) || Sorted(due) != Sorted(has) && !place.EndsWith("@backend", StringComparison.Ordinal))
                differences.Add($"{place}: {due}, {has}");
        }
        Assert.Equal([], differences);
    }

    private static string Sorted(string list) => string.Join(' ', list.Split(' ').Order(StringComparer.Ordinal));

    private static JsonNode? Json(string line) => JsonNode.Parse(line[line.IndexOf('{', StringComparison.Ordinal)..]);

    private static Dictionary<string, byte[]> Entries(string path)
    {
        using ZipArchive zip = ZipFile.OpenRead(path);
        Assert.All(zip.Entries, e => Assert.Equal(e.Length, e.CompressedLength)); // stored, as Keras does
        return zip.Entries.ToDictionary(e => e.FullName, e =>
        {
            using var bytes = new MemoryStream();
            using Stream entry = e.Open();
            entry.CopyTo(bytes);
            return bytes.ToArray();
        });
    }

    private string Reference(string file)
    {
        string path = GraftShared.Path(["reference", "keras", "whole_models", .. file.Split('/')]);
        return path.EndsWith(".gz", StringComparison.Ordinal) ? _files.Unpack(path) : path;
    }

    private static void Release(Model model)
    {
        model.Optimizer?.Dispose();
        model.Release();
    }

    [GeneratedRegex("^/compile_config/optimizer/(module|registered_name):")]
    private static partial Regex PrivateOptimizer();

    [GeneratedRegex("@(layer|weight)_names\\d ")]
    private static partial Regex SplitList();
}
