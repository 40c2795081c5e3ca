using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Adapters;
using Graft.Importers.HuggingFace;
using Graft.Importers.Inspection;
using Graft.Importers.Safetensors;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Tests.Importers.PyTorch;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

/// <summary>Folders of PEFT: names, shapes and types as it writes them, what it may write besides, and what is refused by name.</summary>
public sealed class PeftAdapterTests : IDisposable
{
    private const string Block = "base_model.model.transformer.h.0.";

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void What_is_written_has_the_names_shapes_types_and_settings_of_PEFT()
    {
        Gpt2 gpt = Model();
        LoraConfig config = new() { Rank = 4, Alpha = 16, Dropout = 0.05f, TargetModules = ["c_attn", "mlp.c_proj"], RankPattern = new Dictionary<string, int> { ["c_proj"] = 2 } };
        Lora.Attach(gpt, config);
        PeftAdapter.Save(_files["out"], gpt, config, "openai-community/gpt2");
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors"], Directory.GetFiles(_files["out"]).Select(Path.GetFileName).Order());
        SafetensorsWeights file = SafetensorsWeights.Open(_files["out/adapter_model.safetensors"]);
        (string, string, string)[] expected = [.. new[] { 0, 1 }.SelectMany(i => new[]
        {
            ($"base_model.model.transformer.h.{i}.attn.c_attn.lora_A.weight", "F32", "[4,8]"), ($"base_model.model.transformer.h.{i}.attn.c_attn.lora_B.weight", "F32", "[24,4]"),
            ($"base_model.model.transformer.h.{i}.mlp.c_proj.lora_A.weight", "F32", "[2,32]"), ($"base_model.model.transformer.h.{i}.mlp.c_proj.lora_B.weight", "F32", "[8,2]"),
        })];
        Assert.Equal(expected, file.Tensors.Select(t => (t.Name, t.Type, $"{t.Shape}")));
        Assert.Equal(new Dictionary<string, string> { ["format"] = "pt" }, file.Metadata);
        Parameter a = Lora.Modules(gpt)[0].Adapter.A;
        float[] stored = file.Read($"{Block}attn.c_attn.lora_A.weight"), own = a.Value.ToArray();
        Assert.All(Enumerable.Range(0, 32), i => Assert.Equal(own[i / 4 * 4 + i % 4], stored[i % 4 * 8 + i / 4])); // [in,r] -> [r,in]
        Assert.Equal("""
            {
              "alpha_pattern": {},
              "auto_mapping": null,
              "base_model_name_or_path": "openai-community/gpt2",
              "bias": "none",
              "fan_in_fan_out": true,
              "inference_mode": true,
              "init_lora_weights": true,
              "layers_pattern": null,
              "layers_to_transform": null,
              "lora_alpha": 16,
              "lora_dropout": 0.05,
              "modules_to_save": null,
              "peft_type": "LORA",
              "r": 4,
              "rank_pattern": {
                "c_proj": 2
              },
              "revision": null,
              "target_modules": [
                "c_attn",
                "mlp.c_proj"
              ],
              "task_type": "CAUSAL_LM"
            }
            """, File.ReadAllText(_files["out/adapter_config.json"]));
        gpt.Release();
    }

    [Fact]
    public void What_is_written_is_read_again_to_the_bit_with_all_settings()
    {
        LoraConfig config = new()
        {
            Rank = 3, Alpha = 2.5f, Dropout = 0.1f, UseRsLora = true, TargetModules = ["all-linear"], ExcludePattern = @".*\.c_fc", Initialization = LoraInitialization.Random,
            RankPattern = new Dictionary<string, int> { [@"h\.1\.attn\.c_attn"] = 5, ["c_attn"] = 4 }, AlphaPattern = new Dictionary<string, float> { ["mlp.c_proj"] = 7 },
        };
        Gpt2 gpt = Model(), other = Model();
        Lora.Attach(gpt, config);
        PeftAdapter.Save(_files["out"], gpt, config, baseModel: null, taskType: null);
        PeftAdapter adapter = PeftAdapter.Open(_files["out"]);
        Assert.Equal((null, null), (adapter.BaseModel, adapter.TaskType));
        Assert.Equal(Lora.Modules(gpt).Select(m => m.Name), adapter.Config.TargetModules); // what the word stood for
        adapter.AttachTo(other);
        Assert.Equal(gpt.NamedParameters().Select(p => (p.Path, p.Parameter.IsTrainable)), other.NamedParameters().Select(p => (p.Path, p.Parameter.IsTrainable)));
        Assert.Equal(gpt.Parameters.Select(p => p.Value.ToArray()), other.Parameters.Select(p => p.Value.ToArray()));
        Assert.Equal(Lora.Modules(gpt).Select(m => (m.Adapter.Rank, m.Adapter.Alpha, m.Adapter.Scale, m.Adapter.DropoutRate)), Lora.Modules(other).Select(m => (m.Adapter.Rank, m.Adapter.Alpha, m.Adapter.Scale, m.Adapter.DropoutRate)));
        gpt.Release();
        other.Release();
    }

    [Fact]
    public void A_model_of_plain_linear_layers_is_written_without_fan_in_fan_out()
    {
        var model = new Sequential(4) { new Dense(6) { Name = "fc1" }, new Dense(2) { Name = "fc2" } };
        LoraConfig config = new() { Rank = 1, TargetPattern = "fc." };
        Lora.Attach(model, config);
        PeftAdapter.Save(_files["out"], model, config);
        JsonNode json = JsonNode.Parse(File.ReadAllText(_files["out/adapter_config.json"]))!;
        Assert.Equal((false, "fc."), ((bool)json["fan_in_fan_out"]!, (string)json["target_modules"]!));
        Assert.Equal(["base_model.model.fc1.lora_A.weight", "base_model.model.fc1.lora_B.weight", "base_model.model.fc2.lora_A.weight", "base_model.model.fc2.lora_B.weight"],
            SafetensorsWeights.Open(_files["out/adapter_model.safetensors"]).Names.Order(StringComparer.Ordinal));
        model.Release();
    }

    [Theory]
    [InlineData("transformer.", "[\"attn.c_proj\"]", "attn.c_proj")]
    [InlineData("", "[\"attn.c_proj\"]", "attn.c_proj")] // of GPT2Model, which has no head
    [InlineData("transformer.", "\".*\\\\.mlp\\\\.c_fc\"", "mlp.c_fc")]
    [InlineData("transformer.", "[\"c_fc\", \"q_proj\"]", "mlp.c_fc")] // a list for several architectures
    public void A_file_made_by_hand_computes_x_A_B(string prefix, string targets, string module)
    {
        Config($$"""{"peft_type": "LORA", "r": 2, "lora_alpha": 6, "target_modules": {{targets}}, "bias": "none", "lora_dropout": 0.0, "peft_version": "0.15.2", "qalora_group_size": 16, "use_dora": false, "eva_config": null, "exclude_modules": null}""");
        Write(prefix, module);
        Gpt2 gpt = Model(), other = Model();
        IReadOnlyList<LoraModule> modules = PeftAdapter.Open(_files["in"]).AttachTo(gpt);
        Assert.Equal(["h.0." + module, "h.1." + module], modules.Select(m => m.Layer.Name));
        foreach (LoraModule m in modules)
        {
            Parameter kernel = ((Dense)other.GetLayer(m.Layer.Name)).Parameters[0];
            (int inputs, int outputs) = (kernel.Shape[0], kernel.Shape[1]);
            string at = m.Layer.Name;
            float[] a = Numbers($"{at}.lora_A", 2 * inputs), b = Numbers($"{at}.lora_B", outputs * 2), w = kernel.Value.ToArray();
            for (int i = 0; i < inputs; i++)
            {
                for (int o = 0; o < outputs; o++)
                    w[i * outputs + o] += 3 * (b[o * 2] * a[i] + b[o * 2 + 1] * a[inputs + i]); // 6 / 2 (B A)ᵀ
            }
            kernel.Set(w);
        }
        float[] x = [1, 2, 3, 4, 5, 6, 7, 0], expected = other.Predict(x, new Shape(1, 8), TestContext.Current.CancellationToken)[0], logits = gpt.Predict(x, new Shape(1, 8), TestContext.Current.CancellationToken)[0];
        Assert.All(expected.Zip(logits), p => Assert.Equal(p.First, p.Second, 1e-5f * expected.Max(Math.Abs)));
        gpt.Release();
        other.Release();
    }

    [Fact]
    public void An_older_adapter_model_bin_is_read_by_the_pickle_reader()
    {
        Config("""{"peft_type": "LORA", "r": 2, "lora_alpha": 6, "target_modules": ["attn.c_proj"]}""");
        (string Name, int[] Shape, float[] Values)[] tensors = [.. Tensors("transformer.", "attn.c_proj")];
        File.WriteAllBytes(_files["in/adapter_model.bin"], TorchBytes.StateDict(tensors));
        Gpt2 gpt = Model();
        LoraAdapter adapter = PeftAdapter.Open(_files["in"]).AttachTo(gpt)[0].Adapter;
        float[] stored = tensors[0].Values, read = adapter.A.Value.ToArray();
        Assert.All(Enumerable.Range(0, 16), i => Assert.Equal(stored[i % 2 * 8 + i / 2], read[i]));
        gpt.Release();
    }

    [Theory]
    [InlineData("\"use_dora\": true", "sets use_dora to true, which is not computed here")]
    [InlineData("\"bias\": \"all\"", "sets bias to \"all\", by which biases of the base learn too")]
    [InlineData("\"modules_to_save\": [\"lm_head\"]", "sets modules_to_save to [\"lm_head\"]")]
    [InlineData("\"lora_bias\": true", "sets lora_bias to true")]
    [InlineData("\"layer_replication\": [[0, 2]]", "sets layer_replication")]
    [InlineData("\"target_parameters\": [\"w\"]", "sets target_parameters")]
    [InlineData("\"trainable_token_indices\": [1]", "sets trainable_token_indices")]
    [InlineData("\"alora_invocation_tokens\": [1]", "sets alora_invocation_tokens")]
    [InlineData("\"use_qalora\": true", "sets use_qalora")]
    [InlineData("\"something_new\": 3", "sets something_new to 3")]
    [InlineData("\"init_lora_weights\": \"pissa_niter_4\"", "sets init_lora_weights to \"pissa_niter_4\", which changes the weights of the base")]
    [InlineData("\"init_lora_weights\": \"olora\"", "which changes the weights of the base")]
    [InlineData("\"peft_type\": \"IA3\"", "has peft_type \"IA3\"")]
    [InlineData("\"r\": \"many\"", "is no adapter_config.json of PEFT")]
    [InlineData("\"r\": 0", "Rank is 0")]
    [InlineData("\"target_modules\": null", "has no target_modules")]
    [InlineData("\"target_modules\": [\"q_proj\"]", "nothing in the model is a target of 'q_proj'")]
    [InlineData("\"r\": 3", "'base_model.model.transformer.h.0.attn.c_proj.lora_A.weight' has shape [2,8], [3,8] is due")]
    [InlineData("\"target_modules\": [\"c_proj\"]", "h.0.mlp.c_proj/lora_A as 'base_model.model.transformer.h.0.mlp.c_proj.lora_A.weight'")]
    [InlineData("\"layers_to_transform\": [0]", "unused base_model.model.transformer.h.1.attn.c_proj.lora_A.weight")]
    public void What_is_not_computed_or_does_not_fit_is_refused_by_name_and_changes_nothing(string setting, string words)
    {
        var config = (JsonObject)JsonNode.Parse("""{"peft_type": "LORA", "r": 2, "lora_alpha": 6, "target_modules": ["attn.c_proj"]}""")!;
        foreach ((string name, JsonNode? value) in JsonNode.Parse($"{{{setting}}}")!.AsObject())
            config[name] = value?.DeepClone();
        Config(config.ToJsonString());
        Write("transformer.", "attn.c_proj");
        Refused(words, Model());
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused_with_both_shapes()
    {
        Config("""{"peft_type": "LORA", "r": 2, "target_modules": ["attn.c_proj"]}""");
        Write("transformer.", "attn.c_proj");
        Refused("'base_model.model.transformer.h.0.attn.c_proj.lora_A.weight' has shape [2,8], [2,16] is due", Gpt2.Build(new Gpt2Config { VocabularySize = 20, Positions = 8, Width = 16, Blocks = 2, Heads = 2 }));
        Refused("2 unused", Gpt2.Build(new Gpt2Config { VocabularySize = 20, Positions = 8, Width = 8, Blocks = 1, Heads = 2 }));
    }

    [Fact]
    public void Files_that_are_missing_or_damaged_are_named()
    {
        string Open(string path) => Assert.Throws<GraftException>(() => PeftAdapter.Open(path)).Message;
        Assert.Contains("no such folder; one with adapter_config.json", Open(_files["nowhere"]), StringComparison.Ordinal);
        Directory.CreateDirectory(_files["in"]);
        Assert.Contains("adapter_config.json: no such file", Open(_files["in"]), StringComparison.Ordinal);
        Config("[]");
        Assert.Contains("holds Array, an object is due", Open(_files["in"]), StringComparison.Ordinal);
        Config("{");
        Assert.Contains("is no adapter_config.json of PEFT", Open(_files["in"]), StringComparison.Ordinal);
        Config("""{"peft_type": "LORA", "target_modules": ["c_attn"], "base_model_name_or_path": "gpt2-nowhere"}""");
        Assert.Contains("has neither adapter_model.safetensors nor adapter_model.bin", Open(_files["in"]), StringComparison.Ordinal);
        Write("transformer.", "attn.c_proj");
        Assert.Contains("names 'gpt2-nowhere' as the model", Assert.Throws<GraftException>(() => PeftAdapter.Open(_files["in"]).RequireBase()).Message, StringComparison.Ordinal);
        float[] bad = Numbers("h.0.attn.c_proj.lora_A", 16);
        bad[3] = float.NaN; // row 0 of [2,8], column 3: row 3 of [8,2]
        WriteSafetensors(Tensors("transformer.", "attn.c_proj").Select(t => t.Name.Contains("h.0.attn.c_proj.lora_A", StringComparison.Ordinal) ? t with { Values = bad } : t));
        Config("""{"peft_type": "LORA", "r": 2, "target_modules": ["attn.c_proj"]}""");
        Refused("h.0.attn.c_proj.lora_A.weight' holds NaN at element 6", Model());
    }

    [Fact]
    public void Only_what_was_attached_is_written_and_a_whole_model_is_not_written_with_adapters_on_it()
    {
        Gpt2 gpt = Model();
        LoraConfig config = new() { Rank = 2, TargetModules = ["c_attn"] };
        Assert.Contains("has no adapters", Assert.Throws<GraftException>(() => PeftAdapter.Save(_files["out"], gpt, config)).Message, StringComparison.Ordinal);
        Lora.Attach(gpt, config);
        string Save(LoraConfig c) => Assert.Throws<GraftException>(() => PeftAdapter.Save(_files["out"], gpt, c)).Message;
        Assert.Contains("has rank 2, alpha 8, dropout 0, the config says rank 4", Save(config with { Rank = 4 }), StringComparison.Ordinal);
        Assert.Contains("'transformer.h.0.attn.c_attn' has an adapter, but the config does not name it", Save(config with { TargetModules = ["c_fc"] }), StringComparison.Ordinal);
        Assert.Contains("which has no adapter", Save(config with { TargetModules = ["c_attn", "c_fc"] }), StringComparison.Ordinal);
        Assert.Contains("has an adapter, which a model's file does not hold", Assert.Throws<GraftException>(() => HuggingFaceFolder.Save(_files["out"], gpt, "{}", Gpt2.HuggingFaceName)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_files["out"]));
        gpt.Release();
    }

    [Fact]
    public void A_folder_is_inspected()
    {
        Config("""{"peft_type": "LORA", "r": 2, "target_modules": ["attn.c_proj"]}""");
        Write("transformer.", "attn.c_proj");
        FileContents contents = FileInspector.Open(_files["in"]);
        Assert.Equal("LoRA adapter of PEFT with adapter_model.safetensors (safetensors)", contents.Format);
        Assert.Contains(("r", "2"), contents.Facts);
        Assert.Equal(4, contents.Arrays.Count);
    }

    private void Refused(string words, Gpt2 gpt)
    {
        string message = Assert.Throws<GraftException>(() => PeftAdapter.Open(_files["in"]).AttachTo(gpt)).Message;
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.Empty(Lora.Modules(gpt));
        Assert.All(gpt.Parameters, p => Assert.True(p.IsTrainable));
        gpt.Release();
    }

    private void Config(string json)
    {
        Directory.CreateDirectory(_files["in"]);
        File.WriteAllText(_files["in/adapter_config.json"], json);
    }

    private void Write(string prefix, string module) => WriteSafetensors(Tensors(prefix, module));

    // By hand, from the format's description: length, JSON, numbers.
    private void WriteSafetensors(IEnumerable<(string Name, int[] Shape, float[] Values)> tensors)
    {
        var header = new JsonObject();
        List<byte> data = [];
        foreach ((string name, int[] shape, float[] values) in tensors)
        {
            int begin = data.Count;
            data.AddRange(MemoryMarshal.AsBytes(values.AsSpan()));
            header[name] = new JsonObject { ["dtype"] = "F32", ["shape"] = new JsonArray([.. shape.Select(d => (JsonNode)d)]), ["data_offsets"] = new JsonArray(begin, data.Count) };
        }
        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        File.WriteAllBytes(_files["in/adapter_model.safetensors"], [.. BitConverter.GetBytes((long)json.Length), .. json, .. data]);
    }

    private static IEnumerable<(string Name, int[] Shape, float[] Values)> Tensors(string prefix, string module)
    {
        (int inputs, int outputs) = module == "mlp.c_fc" ? (8, 32) : (8, 8);
        foreach (string at in new[] { $"h.0.{module}", $"h.1.{module}" })
        {
            yield return ($"base_model.model.{prefix}{at}.lora_A.weight", [2, inputs], Numbers($"{at}.lora_A", 2 * inputs));
            yield return ($"base_model.model.{prefix}{at}.lora_B.weight", [outputs, 2], Numbers($"{at}.lora_B", outputs * 2));
        }
    }

    private static float[] Numbers(string seed, int count)
    {
        var random = new Random(seed.Sum(c => c));
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    private static Gpt2 Model()
    {
        Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = 20, Positions = 8, Width = 8, Blocks = 2, Heads = 2, InitializerRange = 0.3f });
        gpt.SetSeed(3);
        return gpt;
    }
}
