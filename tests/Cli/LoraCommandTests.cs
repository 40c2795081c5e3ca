using System.Text.Json.Nodes;
using Graft.Adapters;
using Graft.Cli;
using Graft.Importers.HuggingFace;
using Graft.Importers.Safetensors;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Tests.Training;
using Graft.Training;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>finetune-text --lora, generate --adapter and merge-adapter, in process.</summary>
[Collection("command line")]
public sealed class LoraCommandTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Adapters_learn_a_text_and_are_all_that_is_written()
    {
        Prepare();
        byte[] before = File.ReadAllBytes(_files["base/model.safetensors"]);
        (int code, string output, string error) = Run(Finetune("out", "--lora-targets", "c_attn,mlp.c_proj", "--lora-dropout", "0.1"));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("1,152 of them learn", output, StringComparison.Ordinal); // 2 blocks, rank 4: 4 (16 + 48) of c_attn, 4 (64 + 16) of c_proj
        Assert.Matches(@"val_perplexity=\d+\.\d{4}\s*$", output);
        Assert.Contains("Wrote adapter_config.json, adapter_model.safetensors, history.json", output, StringComparison.Ordinal);
        Assert.False(File.Exists(_files["out/model.safetensors"]));
        Assert.Equal(before, File.ReadAllBytes(_files["base/model.safetensors"]));
        JsonNode config = JsonNode.Parse(File.ReadAllText(_files["out/adapter_config.json"]))!;
        Assert.Equal((4, 8, "[\"c_attn\",\"mlp.c_proj\"]", Path.GetFullPath(_files["base"])), ((int)config["r"]!, (int)config["lora_alpha"]!, config["target_modules"]!.ToJsonString(), (string)config["base_model_name_or_path"]!));
        Assert.Equal(8, SafetensorsWeights.Open(_files["out/adapter_model.safetensors"]).Names.Count);
        History history = History.FromJson(File.ReadAllText(_files["out/history.json"]));
        Assert.True(history["val_loss"][^1] < history["val_loss"][0], output);
        CheckPerplexity(history.Last("val_perplexity"));
    }

    // What was written gives the perplexity of the history, by way of the readers alone.
    private void CheckPerplexity(double expected)
    {
        Gpt2 gpt = Gpt2.Build(Gpt2Config.Open(_files["base"]), length: 12);
        gpt.LoadWeights(HuggingFaceFolder.OpenWeights(_files["base"]));
        PeftAdapter.Open(_files["out"]).AttachTo(gpt);
        gpt.Compile(new AdamW(), TextBlocks.Loss, Metric.Perplexity);
        TokenizedText held = TokenizedText.Of(TextDocuments.Read(_files["a.txt"]), TextTokenizers.Open(_files["base"])).Split(0.1).Validation;
        Assert.Equal(expected, gpt.Evaluate(new TextBlocks(held, 12, 4), cancellationToken: TrainingData.Token)["perplexity"], 1e-4 * expected); // sums of float32 losses in other batches
        gpt.Release();
    }

    [Fact]
    public void Text_is_generated_with_the_adapter_with_and_without_the_base_named_and_from_the_merged_folder()
    {
        Prepare();
        Assert.Equal(0, Run(Finetune("out", "--learning-rate", "0.02")).Code);
        string[] prompt = ["--prompt", "the ", "--max-length", "12"];
        string bare = Output(["generate", "--model", _files["base"], .. prompt]), adapted = Output(["generate", "--model", _files["base"], "--adapter", _files["out"], .. prompt]);
        Assert.NotEqual(bare, adapted);
        Assert.Equal(adapted, Output(["generate", "--adapter", _files["out"], .. prompt]));
        string[] measured = ["evaluate", "--text", _files["a.txt"], "--adapter", _files["out"]];
        Assert.Equal(Output([.. measured, "--model", _files["base"]]), Output(measured));
        Assert.StartsWith("the ", Output(["generate", "--adapter", _files["out"], "--precision", "int8", .. prompt]), StringComparison.Ordinal);
        string merged = Output("merge-adapter", "--adapter", _files["out"], "--output", _files["merged"]);
        Assert.Equal($"Merged the adapters of 2 layers; wrote config.json, model.safetensors and the tokenizer to {_files["merged"]}\n", merged);
        Assert.Equal(File.ReadAllText(_files["base/config.json"]), File.ReadAllText(_files["merged/config.json"]));
        Assert.Equal(adapted, Output(["generate", "--model", _files["merged"], .. prompt]));
        Assert.Equal(SafetensorsWeights.Open(_files["base/model.safetensors"]).Names.Order(), SafetensorsWeights.Open(_files["merged/model.safetensors"]).Names.Order());
    }

    [Theory]
    [InlineData("float32")]
    [InlineData("int8")]
    public async Task A_server_continues_texts_with_the_adapter(string precision)
    {
        Prepare();
        Assert.Equal(0, Run(Finetune("out", "--learning-rate", "0.02")).Code);
        string adapted = Output("generate", "--adapter", _files["out"], "--prompt", "the ", "--max-new-tokens", "6", "--precision", precision).TrimEnd('\n');
        (int code, _, string error) = await ServedProgram.Ask("TERM", libraries: null, async address =>
        {
            JsonNode answer = await ServedProgram.Post(address, "/generate", """{"inputs": "the ", "parameters": {"max_new_tokens": 6, "return_full_text": true}}""");
            Assert.Equal(adapted, (string)answer["generated_text"]!);
        }, "--device", "cpu", "--adapter", _files["out"], "--precision", precision);
        Assert.Equal((0, ""), (code, error));
    }

    [Fact]
    public void An_interrupted_training_goes_on_to_the_same_bits()
    {
        Prepare();
        Assert.Equal(0, Run(Finetune("whole", "--dropout", "0.1", "--lora-dropout", "0.1")).Code);
        using (var interrupt = new CancellationTokenSource())
        using (var output = new InterruptingWriter("Epoch  1/2", interrupt))
        using (var terminal = new Terminal(output, console: null, interrupt.Token))
        {
            var settings = new TextFineTuningSettings
            {
                Model = _files["base"], Text = _files["a.txt"], Block = 12, Batch = 4, Epochs = 2, Dropout = 0.1f, LearningRate = 0.01f, SampleTokens = 0, Output = _files["ended"],
                Lora = new LoraConfig { Rank = 4, Alpha = 8, Dropout = 0.1f, TargetModules = ["c_attn"] },
            };
            Assert.ThrowsAny<OperationCanceledException>(() => TextFineTuning.Run(settings, terminal));
        }
        Assert.False(File.Exists(_files["ended/adapter_model.safetensors"]));
        string[] again = Finetune("ended", "--dropout", "0.1", "--lora-dropout", "0.1", "--resume");
        Assert.Contains("--lora-alpha was 8, not 9", Run([.. again, "--lora-alpha", "9"]).Error, StringComparison.Ordinal);
        Assert.Equal((0, ""), Run(again) is var resumed ? (resumed.Code, resumed.Error) : default);
        Assert.Equal(File.ReadAllBytes(_files["whole/adapter_model.safetensors"]), File.ReadAllBytes(_files["ended/adapter_model.safetensors"]));
    }

    [Fact]
    public void What_does_not_fit_is_one_line_and_exit_code_1()
    {
        Prepare();
        Fails("no module is named 'c_atn'", Finetune("out", "--lora-targets", "c_attn,c_atn"));
        Assert.Equal(0, Run(Finetune("out")).Code);
        Write("wide", 32);
        Assert.Contains("has shape [4,16], [4,32] is due", Run("generate", "--model", _files["wide"], "--adapter", _files["out"], "--prompt", "the ").Error, StringComparison.Ordinal); // a line an array
        Directory.Move(_files["base"], _files["moved"]);
        Fails($"names '{_files["base"]}' as the model that the adapter is for, and no folder of a model is there", "generate", "--adapter", _files["out"], "--prompt", "the ");
        Fails("adapter_config.json: no such file; the folder of an adapter of PEFT has it beside the weights. This is the folder of a whole model.", "generate", "--adapter", _files["wide"], "--prompt", "the ");
    }

    [Fact]
    public void An_adapter_in_place_of_a_model_is_told_for_what_it_is()
    {
        Prepare();
        Assert.Equal(0, Run(Finetune("out")).Code);
        string adapter = _files["out"], told = $"{adapter}: is the folder of a LoRA adapter, not of a whole model; ";
        Fails($"{told}give it by --adapter {adapter} and leave --model out.", "generate", "--model", adapter, "--prompt", "the ");
        Fails($"{told}give it by --adapter {adapter} and leave --model out.", "evaluate", "--model", adapter, "--text", _files["a.txt"]);
        Fails($"{told}name the folder of the model that --adapter is for, or leave --model out.", "merge-adapter", "--model", adapter, "--adapter", adapter, "--output", _files["merged"]);
        Fails($"{told}make it part of its model by 'graft merge-adapter --adapter {adapter} --output DIR' and give that folder.", "finetune-text", "--model", adapter, "--text", _files["a.txt"], "--output", _files["more"]);
    }

    [Theory]
    [InlineData("with --new, give its sizes alone", "finetune-text", "--new", "1x16x2", "--lora", "4")]
    [InlineData("leave --freeze out", "finetune-text", "--model", "m", "--lora", "4", "--freeze", "1")]
    [InlineData("go with --lora RANK", "finetune-text", "--model", "m", "--lora-dropout", "0.1")]
    [InlineData("--lora", "finetune-text", "--model", "m", "--lora", "0")]
    [InlineData("--lora-dropout", "finetune-text", "--model", "m", "--lora", "4", "--lora-dropout", "1")]
    public void Options_that_contradict_each_other_are_exit_code_2(string words, params string[] args)
    {
        (int code, _, string error) = Run([.. args, "--text", "x", "--output", "y"]);
        Assert.Equal(2, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Generate_and_merge_say_which_folders_they_take()
    {
        Assert.Equal((2, "graft: generate takes --model DIR, the folder of a GPT-2; or --adapter DIR alone, where the adapter says which folder it is for.\n"), Run("generate", "--prompt", "x") is var r ? (r.Code, r.Error) : default);
        Assert.Equal((2, "graft: evaluate --text takes --model DIR, the folder of a model of texts; or --adapter DIR alone, where the adapter says which folder it is for.\n"), Run("evaluate", "--text", "x") is var e ? (e.Code, e.Error) : default);
        Assert.Contains("is the folder of the model itself", Run("merge-adapter", "--model", _files["base"], "--adapter", "a", "--output", _files["base"]).Error, StringComparison.Ordinal);
    }

    private string[] Finetune(string output, params string[] more) =>
        ["finetune-text", "--model", _files["base"], "--text", _files["a.txt"], "--lora", "4", "--block", "12", "--batch", "4", "--epochs", "2", .. more.Contains("--learning-rate") ? (string[])[] : ["--learning-rate", "0.01"],
            "--sample-tokens", "0", "--output", _files[output], .. more];

    private void Prepare()
    {
        Write("base", 16);
        File.WriteAllText(_files["a.txt"], string.Concat(Enumerable.Repeat(TinyText.Words, 12)));
    }

    private void Write(string folder, int width)
    {
        Gpt2Config config = new() { VocabularySize = TinyText.Tokenizer.VocabularySize, Positions = 12, Width = width, Blocks = 2, Heads = 2, EosToken = null };
        Gpt2 gpt = Gpt2.Build(config);
        gpt.SetSeed(3);
        TextModelFolder.Write(_files[folder], gpt, config, TinyText.Tokenizer, source: null);
        gpt.Release();
    }

    private void Fails(string words, params string[] args)
    {
        (int code, _, string error) = Run(args);
        Assert.Equal(1, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static string Output(params string[] args)
    {
        (int code, string output, string error) = Run(args);
        Assert.True(code == 0, error);
        return output;
    }
}
