using System.Text;
using Graft.Importers;
using Graft.Importers.HuggingFace;
using Graft.Importers.Keras;
using Graft.Importers.Safetensors;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

public sealed class HuggingFaceFolderErrorTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    private string Folder => Path.GetDirectoryName(_files["x"])!;

    [Fact]
    public void A_folder_without_config_or_without_weights_says_what_is_missing()
    {
        Refused("config.json: no such file", () => HuggingFaceFolder.Open(Folder));
        _files.Write("config.json", "{\"model_type\":\"gpt2\"}"u8);
        _files.Write("vocab.json", "{}"u8);
        Refused("has no weights: none of model.safetensors, model.safetensors.index.json, pytorch_model.bin", () => HuggingFaceFolder.OpenWeights(Folder));
        Refused("it holds config.json, vocab.json", () => WeightFiles.Open(Folder));
        Refused("no such folder", () => HuggingFaceFolder.Open(_files["nowhere"]));
        Refused("is a file", () => HuggingFaceFolder.Open(_files["config.json"]));
        _files.Write("config.json", "{\"model_type\":"u8);
        Save("model.safetensors");
        Refused("config.json: is no JSON object", () => HuggingFaceFolder.Open(Folder));
    }

    [Fact]
    public void An_index_that_names_a_missing_shard_is_refused_with_both_names()
    {
        Save("model-00001-of-00002.safetensors");
        string index = Index(("wte.weight", "model-00001-of-00002.safetensors"), ("h.0.ln_1.weight", "model-00002-of-00002.safetensors"));
        Refused("names the shard 'model-00002-of-00002.safetensors', which is not beside it", () => WeightFiles.Open(index));
        Refused("'h.0.ln_1.weight'", () => WeightFiles.Open(Folder));
    }

    [Fact]
    public void A_truncated_shard_is_refused_by_its_name()
    {
        Save("model-00001-of-00001.safetensors");
        string index = Index(("wte.weight", "model-00001-of-00001.safetensors"));
        Assert.Contains("wte.weight", WeightFiles.Open(index).Names);
        byte[] whole = File.ReadAllBytes(_files["model-00001-of-00001.safetensors"]);
        _files.Write("model-00001-of-00001.safetensors", whole.AsSpan(0, whole.Length - 100));
        Refused("model-00001-of-00001.safetensors: its tensors take", () => WeightFiles.Open(index));
        Refused("truncated", () => WeightFiles.Open(Folder));
    }

    [Fact]
    public void Shards_and_index_of_different_models_are_refused()
    {
        Save("a.safetensors");
        Save("b.safetensors");
        Refused("lacks 1 arrays that model.safetensors.index.json says are in it: h.9.ln_1.weight", () => WeightFiles.Open(Index(("wte.weight", "a.safetensors"), ("h.9.ln_1.weight", "a.safetensors"))));
        Refused("which a.safetensors has too", () => WeightFiles.Open(Index(("wte.weight", "a.safetensors"), ("wpe.weight", "b.safetensors"))));
        Refused("a file beside the index is due", () => WeightFiles.Open(Index(("wte.weight", "../a.safetensors"))));
        Refused("is no index of shards", () => WeightFiles.Open(_files.Write("other.json", "{\"weights\":[]}"u8)));
        Refused("is no index of shards", () => WeightFiles.Open(_files.Write("broken.json", "{\"weight_map\":{"u8)));
    }

    [Fact]
    public void One_weight_under_two_names_is_refused()
    {
        Model both = new Graft.Sequential(2) { new Graft.Layers.Dense(2) { Name = "transformer.ln_f" }, new Graft.Layers.Dense(2) { Name = "ln_f" } };
        SafetensorsWriter.Save(_files["both.safetensors"], both, (layer, parameter) => new WeightName($"{layer}.{parameter.Name}"));
        Refused("has 'ln_f.bias' twice", () => Gpt2Weights.Of(SafetensorsWeights.Open(_files["both.safetensors"])));
    }

    [Fact]
    public void A_file_that_keeps_the_head_s_name_of_the_tied_pair_has_the_embedding()
    {
        Model model = TinyGpt2.Layers(blocks: 1, width: 8, vocabulary: 16, positions: 4);
        SafetensorsWriter.Save(_files["head.safetensors"], model, (layer, parameter) => layer == "wte" ? new WeightName("lm_head.weight") : Gpt2Names.Locate(layer, parameter));
        Gpt2Weights weights = Gpt2Weights.Of(SafetensorsWeights.Open(_files["head.safetensors"]));
        Assert.Empty(weights.Dropped);
        Assert.Equal(model.GetLayer("wte").Parameters[0].Value.ToArray(), weights.Read("wte.weight"));
    }

    [Fact]
    public void Names_in_an_attribute_that_Keras_split_are_all_found()
    {
        KerasHdf5 file = KerasHdf5.Open(GraftShared.Path("reference", "hf", "tf_h5", "split_weight_names.h5"));
        Assert.Equal(400, file.Names.Count);
        Assert.Equal(Enumerable.Range(0, 400).Select(i => (float)i), file.Names.Select(n => Assert.Single(file.Read(n))));
    }

    private static void Refused(string words, Action open) =>
        Assert.Contains(words, Assert.Throws<GraftException>(open).Message, StringComparison.Ordinal);

    private void Save(string name) => SafetensorsWriter.Save(_files[name], TinyGpt2.Layers(blocks: 1, width: 8, vocabulary: 16, positions: 4), Gpt2Names.Locate);

    private string Index(params (string Name, string File)[] map)
    {
        _files.Write("config.json", "{\"model_type\":\"gpt2\"}"u8);
        return _files.Write("model.safetensors.index.json", Encoding.UTF8.GetBytes($"{{\"metadata\":{{}},\"weight_map\":{{{string.Join(',', map.Select(m => $"\"{m.Name}\":\"{m.File}\""))}}}}}"));
    }
}
