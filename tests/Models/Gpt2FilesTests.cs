using Graft.Autograd;
using Graft.Importers.HuggingFace;
using Graft.Importers.Safetensors;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>GPT-2 from folders of Hugging Face in every form, and what does not fit a configuration.</summary>
public sealed class Gpt2FilesTests : IDisposable
{
    // A share of the largest logit; PyTorch's own float32 differs from its float64 by a tenth.
    private const double Tolerance = 1e-5;

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    private static string Folder(string form) => GraftShared.Path(["reference", "hf", .. form.Split('/')]);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_saved_folder_gives_the_same_config_and_weights(bool tied)
    {
        var config = new Gpt2Config
        {
            VocabularySize = 20, Positions = 8, Width = 8, Blocks = 2, Heads = 2, InnerWidth = 12, TieEmbeddings = tied, EosToken = null, AttentionDropout = 0.25f,
            ScaleAttentionByBlock = true, LayerNormEpsilon = 1e-6f, Activation = Activation.SiLU,
        };
        Gpt2 gpt = Gpt2.Build(config);
        string folder = _files["saved"];
        HuggingFaceFolder.Save(folder, gpt, config.ToJson(), Gpt2.HuggingFaceName);
        Assert.Equal(config, Gpt2Config.Open(folder));
        Gpt2 again = Gpt2.Build(Gpt2Config.Open(folder));
        Assert.True(again.LoadWeights(HuggingFaceFolder.OpenWeights(folder)).IsComplete);
        Assert.Equal(gpt.Parameters.SelectMany(p => p.Value.ToArray()), again.Parameters.SelectMany(p => p.Value.ToArray()));
        gpt.Release();
        again.Release();
    }

    [Theory]
    [InlineData("gpt2_tiny/safetensors", "")]
    [InlineData("gpt2_tiny/safetensors_sharded", "")]
    [InlineData("gpt2_tiny/openai_style", "")]
    [InlineData("gpt2_tiny/bin", "")]
    [InlineData("gpt2_tiny/bin_sharded", "")]
    [InlineData("gpt2_tiny/bin_legacy", "")]
    [InlineData("tf_h5/official_2019_style", "")]
    [InlineData("tf_h5/transformers_4_30_style", "")]
    [InlineData("tf_h5/sharded", "")]
    [InlineData("gpt2_tiny/float16_safetensors", "float16_weights.")]
    [InlineData("gpt2_tiny/float16_bin", "float16_weights.")]
    [InlineData("gpt2_tiny/bfloat16_safetensors", "bfloat16_weights.")]
    [InlineData("gpt2_tiny/bfloat16_bin", "bfloat16_weights.")]
    public void Logits_of_every_form_equal_those_of_Hugging_Face(string form, string reference)
    {
        Gpt2 gpt = Gpt2.Build(Gpt2Config.Open(Folder(form)), length: 8);
        Assert.True(gpt.LoadWeights(HuggingFaceFolder.OpenWeights(Folder(form))).IsComplete);
        var forward = new SafetensorsFile(Path.Combine(Folder("gpt2_tiny"), "reference_forward.safetensors"));
        using (var tape = new Tape(gpt.Device))
        {
            int[] ids = [.. forward.Read("single.input_ids").Values.Select(v => (int)v)];
            float[] logits = gpt.Run(tape, [tape.Constant(new Shape(1, 8), ids)])[0].ToArray();
            double[] expected = forward.Read($"{reference}single.logits").Values;
            double largest = expected.Max(Math.Abs);
            Assert.Equal(expected.Length, logits.Length);
            for (int i = 0; i < logits.Length; i++)
                Assert.Equal(expected[i], logits[i], Tolerance * largest);
        }
        gpt.Release();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_model_that_is_saved_and_loaded_has_the_same_weights(bool tied)
    {
        Gpt2Config config = new() { VocabularySize = 11, Positions = 8, Width = 8, Blocks = 2, Heads = 2, EosToken = null, TieEmbeddings = tied };
        Gpt2 gpt = Gpt2.Build(config), other = Gpt2.Build(config);
        SafetensorsWriter.Save(_files["model.safetensors"], gpt, Gpt2.HuggingFaceName);
        Assert.Equal(tied ? 28 : 29, SafetensorsWeights.Open(_files["model.safetensors"]).Names.Count);
        Assert.True(other.LoadWeights(Gpt2Weights.Of(SafetensorsWeights.Open(_files["model.safetensors"]), tied)).IsComplete);
        Assert.Equal(gpt.Parameters.Select(p => p.Value.ToArray()), other.Parameters.Select(p => p.Value.ToArray()));
    }

    [Fact]
    public void Weights_of_another_vocabulary_or_depth_are_refused_with_both_shapes()
    {
        Gpt2Config config = new() { VocabularySize = 11, Positions = 8, Width = 8, Blocks = 2, Heads = 2, EosToken = null };
        SafetensorsWriter.Save(_files["model.safetensors"], Gpt2.Build(config), Gpt2.HuggingFaceName);
        _files.Write("config.json", "{\"model_type\":\"gpt2\"}"u8);
        WeightFile file = HuggingFaceFolder.OpenWeights(Path.GetDirectoryName(_files["x"])!);
        Assert.Contains("has shape [11,8], [12,8] is due", Assert.Throws<GraftException>(() => Gpt2.Build(config with { VocabularySize = 12 }).LoadWeights(file)).Message, StringComparison.Ordinal);
        string deeper = Assert.Throws<GraftException>(() => Gpt2.Build(config with { Blocks = 3 }).LoadWeights(file)).Message;
        Assert.Contains("12 missing", deeper, StringComparison.Ordinal);
        Assert.Contains("h.2.attn.c_attn.weight", deeper, StringComparison.Ordinal);
        Assert.Contains("12 unused", Assert.Throws<GraftException>(() => Gpt2.Build(config with { Blocks = 1 }).LoadWeights(file)).Message, StringComparison.Ordinal);
    }
}
