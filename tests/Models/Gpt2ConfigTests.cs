using Graft.Autograd;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>What config.json may say, and a GPT-2 in a model file.</summary>
public sealed class Gpt2ConfigTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("{\"activation_function\": \"quick_gelu\"}", "'quick_gelu'", "gelu_new")]
    [InlineData("{\"model_type\": \"bert\"}", "'bert'", "gpt2")]
    [InlineData("{\"n_embd\": 10, \"n_head\": 3}", "n_embd 10", "n_head 3")]
    [InlineData("{\"n_layer\": 0}", "n_layer", "0")]
    [InlineData("{\"n_inner\": -1}", "n_inner", "-1")]
    [InlineData("{\"add_cross_attention\": true}", "add_cross_attention", "decoder")]
    [InlineData("{\"n_embd\": \"wide\"}", "config.json", "GPT-2")]
    [InlineData("[1]", "Array", "object")]
    [InlineData("{\"n_embd\": ", "config.json", "GPT-2")]
    public void A_config_that_cannot_be_is_refused_by_name(string json, string found, string expected)
    {
        File.WriteAllText(_files["config.json"], json);
        string message = Assert.Throws<GraftException>(() => Gpt2Config.Open(_files["config.json"])).Message;
        Assert.Contains(_files["config.json"], message, StringComparison.Ordinal);
        Assert.Contains(found, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_config_is_named() =>
        Assert.Contains("no such file", Assert.Throws<GraftException>(() => Gpt2Config.Open(_files["config.json"])).Message, StringComparison.Ordinal);

    [Fact]
    public void The_published_sizes_have_their_numbers_of_parameters()
    {
        foreach ((Gpt2Config config, long expected) in new[] { (Gpt2Config.Small, 124_439_808L), (Gpt2Config.Medium, 354_823_168L), (Gpt2Config.Large, 774_030_080L), (Gpt2Config.XL, 1_557_611_200L) })
            Assert.Equal(expected, Gpt2.Build(config, length: 1).Parameters.Sum(p => p.Shape.Count));
    }

    [Fact]
    public void A_model_file_keeps_the_graph_with_its_tied_head()
    {
        Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = 12, Positions = 6, Width = 8, Blocks = 2, Heads = 2 }, length: 4);
        ModelFile.Save(gpt, _files["gpt.graft"]);
        Model again = ModelFile.Load(_files["gpt.graft"]).Model;
        Assert.Same(again.GetLayer("wte"), ((TiedDense)again.GetLayer("lm_head")).Embedding);
        float[] ids = [1, 5, 0, 11];
        Assert.Equal(Logits(gpt, ids), Logits(again, ids));
        gpt.Release();
        again.Release();
    }

    private static float[] Logits(Model model, float[] ids)
    {
        using var tape = new Tape(model.Device);
        return model.Run(tape, [tape.Constant(new Shape(1, 4), ids)])[0].ToArray();
    }
}
