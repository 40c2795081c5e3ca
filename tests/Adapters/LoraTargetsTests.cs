using Graft.Adapters;
using Graft.Layers;
using Graft.Models;
using Xunit;

namespace Graft.Tests.Adapters;

/// <summary>Which layers are meant: names, ends of names, patterns, blocks, as PEFT's check_target_module_exists and get_pattern_key have it.</summary>
public sealed class LoraTargetsTests
{
    private const string Block0 = "transformer.h.0.";

    [Theory]
    [InlineData("c_attn", "h.0.attn.c_attn h.1.attn.c_attn")]
    [InlineData("attn.c_proj", "h.0.attn.c_proj h.1.attn.c_proj")]
    [InlineData("c_proj", "h.0.attn.c_proj h.0.mlp.c_proj h.1.attn.c_proj h.1.mlp.c_proj")]
    [InlineData("transformer.h.1.mlp.c_fc", "h.1.mlp.c_fc")]
    [InlineData("c_fc,transformer.h.0.attn.c_attn", "h.0.attn.c_attn h.0.mlp.c_fc h.1.mlp.c_fc")]
    [InlineData("all-linear", "h.0.attn.c_attn h.0.attn.c_proj h.0.mlp.c_fc h.0.mlp.c_proj h.1.attn.c_attn h.1.attn.c_proj h.1.mlp.c_fc h.1.mlp.c_proj")]
    public void Names_mean_whole_names_or_their_ends(string targets, string layers) => Means(new LoraConfig { TargetModules = targets.Split(',') }, layers);

    [Theory]
    [InlineData(@".*\.mlp\.c_(fc|proj)", "h.0.mlp.c_fc h.0.mlp.c_proj h.1.mlp.c_fc h.1.mlp.c_proj")]
    [InlineData(@"transformer\.h\.1\.attn\.c_.*", "h.1.attn.c_attn h.1.attn.c_proj")]
    [InlineData("all-linear", "h.0.attn.c_attn h.0.attn.c_proj h.0.mlp.c_fc h.0.mlp.c_proj h.1.attn.c_attn h.1.attn.c_proj h.1.mlp.c_fc h.1.mlp.c_proj")]
    public void A_pattern_means_whole_names(string pattern, string layers) => Means(new LoraConfig { TargetPattern = pattern }, layers);

    [Fact]
    public void A_head_of_its_own_is_none_of_all_linear_but_can_be_named()
    {
        Gpt2 gpt = Model(tied: false);
        Assert.DoesNotContain(Lora.Attach(gpt, new LoraConfig { TargetModules = [LoraConfig.AllLinear] }), m => m.Name == "lm_head");
        LoraModule head = Assert.Single(Lora.Attach(gpt, new LoraConfig { TargetModules = ["lm_head"] }));
        Assert.False(head.IsConv1D);
        Assert.Equal(9, Lora.Modules(gpt).Count);
        Assert.All(Lora.Modules(gpt), m => Assert.True(m.Adapter.A.IsTrainable)); // those from before too
        gpt.Release();
    }

    [Fact]
    public void Excluded_modules_and_blocks_that_are_not_listed_get_none()
    {
        Means(new LoraConfig { TargetModules = ["c_proj"], ExcludeModules = ["mlp.c_proj"] }, "h.0.attn.c_proj h.1.attn.c_proj");
        Means(new LoraConfig { TargetModules = ["all-linear"], ExcludePattern = @".*\.mlp\..*" }, "h.0.attn.c_attn h.0.attn.c_proj h.1.attn.c_attn h.1.attn.c_proj");
        Means(new LoraConfig { TargetModules = ["c_attn"], LayersToTransform = [1] }, "h.1.attn.c_attn");
        Means(new LoraConfig { TargetModules = ["c_attn"], LayersToTransform = [0, 7], LayersPattern = ["h"] }, "h.0.attn.c_attn");
    }

    [Fact]
    public void Ranks_and_alphas_follow_the_first_pattern_that_fits()
    {
        Gpt2 gpt = Model();
        Dictionary<string, LoraAdapter> adapters = Lora.Attach(gpt, new LoraConfig
        {
            Rank = 4, Alpha = 8, TargetModules = ["c_attn", "c_proj"],
            RankPattern = new Dictionary<string, int> { ["attn.c_proj"] = 2, [@"h\.1\..*"] = 3 },
            AlphaPattern = new Dictionary<string, float> { [@"^transformer\.h\.0\.attn\.c_attn"] = 1 },
        }).ToDictionary(m => m.Name, m => m.Adapter);
        Assert.Equal((4, 1), (adapters[Block0 + "attn.c_attn"].Rank, adapters[Block0 + "attn.c_attn"].Alpha));
        Assert.Equal((2, 8), (adapters[Block0 + "attn.c_proj"].Rank, adapters[Block0 + "attn.c_proj"].Alpha));
        Assert.Equal([3, 2, 3], new[] { "attn.c_attn", "attn.c_proj", "mlp.c_proj" }.Select(n => adapters[$"transformer.h.1.{n}"].Rank));
        Assert.Equal(new Shape(32, 3), adapters["transformer.h.1.mlp.c_proj"].A.Shape);
        gpt.Release();
    }

    [Fact]
    public void Layers_of_nested_models_are_found_under_their_paths()
    {
        var inner = new Sequential(4) { new Dense(4) { Name = "fc" } };
        inner.Name = "base";
        var model = new Sequential(4) { inner, new Dense(2) { Name = "fc" } };
        Assert.Equal(["base.fc"], Lora.Attach(model, new LoraConfig { TargetModules = ["base.fc"] }).Select(m => m.Name));
        Assert.Equal(["base/fc/lora_A", "base/fc/lora_B"], model.NamedParameters().Where(p => p.Parameter.IsTrainable).Select(p => p.Path));
        model.Release();
    }

    [Theory]
    [InlineData("q_proj", "nothing in the model is a target of 'q_proj'; its Dense layers are c_attn, c_proj, c_fc")]
    [InlineData("c_attn,c_atn", "no module is named 'c_atn', or ends in '.c_atn'; the model's Dense layers are c_attn, c_proj, c_fc. The nearest is 'c_attn'")]
    [InlineData("wte", "'transformer.wte' is a target, but it is of class Embedding; adapters go on Dense layers")]
    [InlineData("lm_head", "'lm_head' is a target, but it is of class TiedDense")]
    public void Unknown_modules_and_those_that_are_no_Dense_are_refused_by_name(string targets, string words) => Refused(words, new LoraConfig { TargetModules = targets.Split(',') });

    [Fact]
    public void Settings_that_make_no_sense_are_refused_and_change_nothing()
    {
        LoraConfig config = new() { TargetModules = ["c_attn"] };
        Refused("Rank is 0; it takes 1 or more", config with { Rank = 0 });
        Refused("RankPattern 'c_attn' is -1", config with { RankPattern = new Dictionary<string, int> { ["c_attn"] = -1 } });
        Refused("Dropout is 1; it takes", config with { Dropout = 1 });
        Refused("Alpha is Infinity", config with { Alpha = float.PositiveInfinity });
        Refused("neither is there", new LoraConfig());
        Refused("both are there", config with { TargetPattern = ".*" });
        Refused("the TargetPattern '^(?:c_(attn)$' is no regular expression", new LoraConfig { TargetPattern = "c_(attn" });
        Refused("with TargetPattern, say it in the pattern", new LoraConfig { TargetPattern = ".*c_attn", LayersToTransform = [1] });
        Refused("no module answers to the pattern 'c_atn' of RankPattern", config with { RankPattern = new Dictionary<string, int> { ["c_atn"] = 2 } });
        Refused("after what is excluded", config with { ExcludeModules = ["c_attn"] });
    }

    private static void Refused(string words, LoraConfig config)
    {
        Gpt2 gpt = Model();
        Assert.Contains(words, Assert.Throws<GraftException>(() => Lora.Attach(gpt, config)).Message, StringComparison.Ordinal);
        Assert.Empty(Lora.Modules(gpt));
        Assert.All(gpt.Parameters, p => Assert.True(p.IsTrainable));
    }

    private static void Means(LoraConfig config, string layers)
    {
        Gpt2 gpt = Model();
        Assert.Equal(layers.Split(' '), Lora.Attach(gpt, config).Select(m => m.Layer.Name));
        gpt.Release();
    }

    private static Gpt2 Model(bool tied = true) => Gpt2.Build(new Gpt2Config { VocabularySize = 20, Positions = 8, Width = 8, Blocks = 2, Heads = 2, TieEmbeddings = tied });
}
