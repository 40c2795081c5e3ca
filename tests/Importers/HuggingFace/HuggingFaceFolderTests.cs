using Graft.Importers;
using Graft.Importers.HuggingFace;
using Graft.Importers.Safetensors;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

/// <summary>One GPT-2 in every form that Hugging Face's programs have written.</summary>
public sealed class HuggingFaceFolderTests
{
    private const string Reference = "gpt2_tiny/safetensors";

    private static string Folder(string name) => GraftShared.Path(["reference", "hf", .. name.Split('/')]);

    [Theory]
    [InlineData("gpt2_tiny/safetensors", "model.safetensors")]
    [InlineData("gpt2_tiny/safetensors_sharded", "model.safetensors.index.json")]
    [InlineData("gpt2_tiny/openai_style", "model.safetensors")]
    [InlineData("gpt2_tiny/bin", "pytorch_model.bin")]
    [InlineData("gpt2_tiny/bin_sharded", "pytorch_model.bin.index.json")]
    [InlineData("gpt2_tiny/bin_legacy", "pytorch_model.bin")]
    [InlineData("tf_h5/official_2019_style", "tf_model.h5")]
    [InlineData("tf_h5/transformers_4_30_style", "tf_model.h5")]
    [InlineData("tf_h5/sharded", "tf_model.h5.index.json")]
    public void Every_form_gives_the_same_names_and_the_same_bits(string form, string weights)
    {
        HuggingFaceFolder folder = HuggingFaceFolder.Open(Folder(form));
        Assert.Equal((weights, "gpt2"), (Path.GetFileName(folder.WeightsPath), folder.ModelType));
        WeightFile file = folder.OpenWeights();
        SafetensorsWeights expected = SafetensorsWeights.Open(Path.Combine(Folder(Reference), "model.safetensors"));
        Assert.Equal(40, expected.Names.Count);
        Assert.Equal(expected.Names.Select(n => n["transformer.".Length..]).Order(), file.Names.Order());
        foreach (string name in file.Names)
            SameBits(expected.Read($"transformer.{name}"), file, name);
    }

    [Theory]
    [InlineData("float16")]
    [InlineData("bfloat16")]
    public void Halves_are_widened_exactly_from_either_form(string type)
    {
        SafetensorsWeights exact = SafetensorsWeights.Open(Path.Combine(Folder(Reference), "model.safetensors"));
        foreach (string form in new[] { $"gpt2_tiny/{type}_safetensors", $"gpt2_tiny/{type}_bin" })
        {
            WeightFile file = HuggingFaceFolder.OpenWeights(Folder(form));
            Assert.Equal(40, file.Names.Count);
            foreach (string name in file.Names)
                SameBits([.. exact.Read($"transformer.{name}").Select(v => type == "float16" ? (float)(Half)v : ToBFloat16(v))], file, name);
        }
    }

    [Theory]
    [InlineData("gpt2_tiny/bin_legacy", "")]
    [InlineData("gpt2_tiny/safetensors", "transformer.")]
    [InlineData("tf_h5/sharded", "")]
    [InlineData("tf_h5/official_2019_style", "transformer.")]
    public void Layers_of_those_names_are_loaded_without_a_rule_of_their_own(string form, string prefix)
    {
        Model model = TinyGpt2.Layers(prefix);
        WeightReport report = WeightLoader.Load(model, HuggingFaceFolder.OpenWeights(Folder(form)));
        Assert.True(report.IsComplete);
        Assert.Equal(40, report.Matched.Count);
        SafetensorsWeights expected = SafetensorsWeights.Open(Path.Combine(Folder(Reference), "model.safetensors"));
        foreach ((string path, Graft.Layers.Parameter parameter) in model.NamedParameters())
            Assert.Equal(expected.Read($"transformer.{Gpt2Names.Locate(path[..path.LastIndexOf('/')], parameter).Name}"), parameter.Value.ToArray());
    }

    [Fact]
    public void What_is_loaded_and_saved_is_the_file_of_Hugging_Face_byte_for_byte()
    {
        using var files = new TemporaryFiles();
        Model model = TinyGpt2.Layers();
        WeightLoader.Load(model, HuggingFaceFolder.OpenWeights(Folder("gpt2_tiny/bin")));
        SafetensorsWriter.Save(files["model.safetensors"], model, (layer, parameter) => new WeightName($"transformer.{Gpt2Names.Locate(layer, parameter).Name}"));
        Assert.Equal(File.ReadAllBytes(Path.Combine(Folder(Reference), "model.safetensors")), File.ReadAllBytes(files["model.safetensors"]));
    }

    [Fact]
    public void Masks_and_the_tied_head_are_left_out_and_said_so()
    {
        string path = Path.Combine(Folder("gpt2_tiny/bin_legacy"), "pytorch_model.bin");
        Gpt2Weights weights = Gpt2Weights.Of(WeightFiles.Open(path));
        Assert.Equal(["lm_head.weight", "transformer.h.0.attn.masked_bias", "transformer.h.1.attn.masked_bias", "transformer.h.2.attn.masked_bias"], weights.Dropped.Order()); // the masks are bytes, no weights
        Assert.Contains("lm_head.weight", Gpt2Weights.Of(WeightFiles.Open(path), tied: false).Names);
        weights = Gpt2Weights.Of(WeightFiles.Open(Path.Combine(Folder("gpt2_tiny/openai_style"), "model.safetensors")));
        Assert.Equal(["h.0.attn.bias", "h.1.attn.bias", "h.2.attn.bias"], weights.Dropped.Order());
    }

    [Fact]
    public void Published_checkpoints_of_others_are_read()
    {
        foreach (string name in new[] { "MLegkovskis__tiny-llm-cicd", "mozilla-ai__lm-buddy__tiny_gpt2" })
        {
            WeightFile file = HuggingFaceFolder.OpenWeights(GraftShared.Path("corpora", "wild", name));
            Assert.Contains("h.0.attn.c_attn.weight", file.Names);
            Assert.Equal(file.ShapeOf("wte.weight")[1], file.ShapeOf("ln_f.bias")[0]);
        }
    }

    // The upper half of a float32, to the nearest even.
    private static float ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF_0000);
    }

    private static void SameBits(float[] expected, WeightFile file, string name)
    {
        Assert.Equal(expected.Length, file.ShapeOf(name).Count);
        Assert.True(expected.AsSpan().SequenceEqual(file.Read(name)), name); // all are finite
        var into = new float[expected.Length];
        file.ReadInto(name, into);
        Assert.True(expected.AsSpan().SequenceEqual(into), name);
    }
}
