using System.Globalization;
using System.Text.Json;
using Graft.Cli;
using Graft.Importers;
using Graft.Importers.HuggingFace;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Tests.Training;
using Graft.Training;
using Graft.Weights;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>graft finetune-text and demo-text, in process.</summary>
[Collection("command line")]
public sealed class FinetuneTextCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_new_model_learns_a_text_and_is_written_as_Hugging_Face_has_it()
    {
        Write("a.txt", 20);
        (int code, string output, string error) = Run("finetune-text", "--new", "1x16x2", "--text", Sub("a.txt"), "--block", "16", "--batch", "4", "--epochs", "2", "--learning-rate", "0.01",
            "--schedule", "cosine", "--warmup", "3", "--samples", "the ", "--sample-tokens", "40", "--output", Sub("out"));
        Assert.Equal((0, ""), (code, error));
        string[] lines = Lines(output);
        Assert.Matches(@"^val_perplexity=\d+\.\d{4}$", lines[^1]);
        Assert.Contains(lines, l => l.StartsWith("Epoch  2/2  loss ", StringComparison.Ordinal) && l.Contains("  val_perplexity ", StringComparison.Ordinal));
        Assert.Equal(2, lines.Count(l => l.StartsWith("| the ", StringComparison.Ordinal)));
        Assert.Contains("1 document;", output, StringComparison.Ordinal);
        foreach (string name in new[] { "config.json", "model.safetensors", "characters.json", "vocab.json", "merges.txt", "history.json", "history.csv", "curves.png", "training.graft" })
            Assert.True(new FileInfo(Sub($"out/{name}")).Length > 0, name);
        (code, output, _) = Run("generate", "--model", Sub("out"), "--prompt", "the ", "--max-length", "16");
        Assert.True(code == 0 && output.StartsWith("the ", StringComparison.Ordinal) && output.TrimEnd('\n').Length <= 16, output);
        CheckModel(double.Parse(lines[^1].Split('=')[1], System.Globalization.CultureInfo.InvariantCulture));
    }

    // What was written gives the perplexity that was printed, by way of the readers alone.
    private void CheckModel(double perplexity)
    {
        Gpt2 gpt = Gpt2.Build(Gpt2Config.Open(Sub("out")), length: 16);
        gpt.LoadWeights(WeightFiles.Open(Sub("out")));
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(Sub("out"));
        TokenizedText held = TokenizedText.Of(TextDocuments.Read(Sub("a.txt")), tokenizer).Split(0.1).Validation;
        gpt.Compile(new AdamW(), TextBlocks.Loss, Metric.Perplexity);
        EvaluationResult result = gpt.Evaluate(new TextBlocks(held, 16, 4), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(perplexity, result["perplexity"], 5e-4); // printed with four digits; batches of float32 losses
        File.WriteAllText(Sub("held.txt"), tokenizer.Decode([.. held.Tokens]));
        (int code, string output, string error) = Run("evaluate", "--model", Sub("out"), "--text", Sub("held.txt"), "--block", "16", "--json", Sub("held.json"));
        Assert.Equal((0, ""), (code, error));
        Assert.Equal($"perplexity={result["perplexity"].ToString("F4", System.Globalization.CultureInfo.InvariantCulture)}", Lines(output)[^1]);
        Assert.Contains("\"perplexity\":", File.ReadAllText(Sub("held.json")), StringComparison.Ordinal);
        Assert.Equal(2, Run("evaluate", "--model", Sub("out")).Code);
        Assert.Contains("this model takes 1 to 16 tokens", Run("evaluate", "--model", Sub("out"), "--text", Sub("held.txt"), "--block", "17").Error, StringComparison.Ordinal);
        gpt.Release();
    }

    [Fact]
    public void A_models_folder_is_fine_tuned_with_a_frozen_base_and_only_its_last_block_moves()
    {
        Model("base");
        Write("a.jsonl", 8, l => $"{{\"story\": {JsonSerializer.Serialize(l)}}}\n");
        (int code, string output, string error) = Run("finetune-text", "--model", Sub("base"), "--text", Sub("a.jsonl"), "--field", "story", "--freeze", "1", "--block", "10", "--epochs", "2", "--batch", "2",
            "--accumulate", "2", "--validation", "0.25", "--sample-tokens", "5", "--output", Sub("out"));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("8 documents;", output, StringComparison.Ordinal);
        Assert.Matches(@"Frozen base: \d+ training samples computed once, \d+ times taken from the cache\.", output);
        WeightFile before = WeightFiles.Open(Sub("base")), after = WeightFiles.Open(Sub("out"));
        Assert.Equal(before.Names.Order(), after.Names.Order());
        foreach (string name in before.Names)
        {
            bool learns = name.StartsWith("h.1.", StringComparison.Ordinal) || name.StartsWith("ln_f.", StringComparison.Ordinal);
            Assert.Equal(learns, !before.Read(name).AsSpan().SequenceEqual(after.Read(name)));
        }
        Assert.Equal(File.ReadAllText(Sub("base/config.json")), File.ReadAllText(Sub("out/config.json"))); // its dropout too, which training left out
    }

    [Fact]
    public void An_interrupted_training_goes_on_to_the_same_bits()
    {
        Write("a.txt", 20);
        string[] Args(string output, params string[] more) => ["finetune-text", "--new", "1x16x2", "--text", Sub("a.txt"), "--block", "16", "--batch", "4", "--epochs", "3", "--dropout", "0.1",
            "--sample-tokens", "0", "--output", Sub(output), .. more];
        Assert.Equal(0, Run(Args("whole")).Code);
        using (var interrupt = new CancellationTokenSource())
        using (var output = new InterruptingWriter("Epoch  2/3", interrupt))
        using (var terminal = new Terminal(output, console: null, interrupt.Token))
        {
            var settings = new TextFineTuningSettings
            {
                New = NewTextModel.Parse("1x16x2"), Text = Sub("a.txt"), Block = 16, Batch = 4, Epochs = 3, Dropout = 0.1f, LearningRate = 1e-3f, SampleTokens = 0, Output = Sub("ended"),
            };
            Assert.ThrowsAny<OperationCanceledException>(() => TextFineTuning.Run(settings, terminal));
            Assert.Contains("go on with the same command and --resume", output.ToString(), StringComparison.Ordinal);
        }
        Assert.False(File.Exists(Sub("ended/model.safetensors")));
        Assert.Contains("holds a training that has not come to its end", Run(Args("ended")).Error, StringComparison.Ordinal);
        (int code, string text, string error) = Run(Args("ended", "--resume"));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Going on at step 0 of epoch 3.", text, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(Sub("whole/model.safetensors")), File.ReadAllBytes(Sub("ended/model.safetensors")));
        Assert.Equal(History("whole")["val_loss"], History("ended")["val_loss"]);
        Assert.Equal((0, Lines(text)[^1]), Run(Args("ended", "--resume")) is var again ? (again.Code, Lines(again.Output)[^1]) : default); // nothing is left to do

        (code, _, error) = Run(Args("ended", "--resume", "--seed", "3", "--learning-rate", "0.5"));
        Assert.Equal(1, code);
        Assert.Contains("begun otherwise: --learning-rate was 0.001, not 0.5; --seed was 0, not 3.", error, StringComparison.Ordinal);
        Assert.Equal(0, Run(Args("ended", "--seed", "3")).Code); // what has come to its end makes room
        File.AppendAllText(Sub("a.txt"), "more");
        Assert.Contains("the contents of --text differ", Run(Args("ended", "--resume")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_moving_average_is_gone_on_with_and_patience_keeps_the_best_epoch()
    {
        Write("a.txt", 20);
        string[] Args(string output, params string[] more) => ["finetune-text", "--new", "1x16x2", "--text", Sub("a.txt"), "--block", "16", "--batch", "4", "--epochs", "3", "--learning-rate", "1e-3",
            "--clip-norm", "0.5", "--ema", "0.8", "--sample-tokens", "0", "--output", Sub(output), .. more];
        (int code, string output, string error) = Run(Args("whole"));
        Assert.Equal((0, ""), (code, error));
        Assert.Matches(@"(?m)^AdamW, learning rate 0\.001, to 0 by linear over \d+ steps; weight decay 0\.01; gradients clipped to norm 0\.5; moving average of the weights 0\.8\.\r?$", output);
        using (var interrupt = new CancellationTokenSource())
        using (var writer = new InterruptingWriter("Epoch  2/3", interrupt))
        using (var terminal = new Terminal(writer, console: null, interrupt.Token))
        {
            var settings = new TextFineTuningSettings { New = NewTextModel.Parse("1x16x2"), Text = Sub("a.txt"), Block = 16, Batch = 4, Epochs = 3, LearningRate = 1e-3f, Clip = 0.5f, Average = 0.8f, SampleTokens = 0, Output = Sub("ended") };
            Assert.ThrowsAny<OperationCanceledException>(() => TextFineTuning.Run(settings, terminal));
        }
        Assert.Contains("--patience was not given, not 2", Run(Args("ended", "--resume", "--patience", "2")).Error, StringComparison.Ordinal);
        Assert.Equal((0, ""), Run(Args("ended", "--resume")) is var again ? (again.Code, again.Error) : default);
        Assert.Equal(File.ReadAllBytes(Sub("whole/model.safetensors")), File.ReadAllBytes(Sub("ended/model.safetensors")));
        Assert.Equal(History("whole")["val_loss"], History("ended")["val_loss"]);

        (code, output, error) = Run("finetune-text", "--new", "1x16x2", "--text", Sub("a.txt"), "--block", "16", "--batch", "4", "--epochs", "60", "--learning-rate", "0.3", "--schedule", "constant", "--patience", "2", "--sample-tokens", "0", "--output", Sub("early"));
        Assert.Equal((0, ""), (code, error));
        IReadOnlyList<double> loss = History("early")["val_loss"];
        int best = loss.ToList().IndexOf(loss.Min());
        Assert.Equal(best + 2, loss.Count - 1);
        Assert.Contains($"Stopped early: no lower val_loss since epoch {best + 1} ", output, StringComparison.Ordinal);
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"val_perplexity={History("early")["val_perplexity"][best]:F4}"), Lines(output)[^1]);
    }

    private History History(string folder) => Graft.Training.History.FromJson(File.ReadAllText(Sub($"{folder}/history.json")));

    [Fact]
    public void There_must_be_a_training_to_go_on_with()
    {
        Write("a.txt", 20);
        Fails("no training to go on with", "finetune-text", "--new", "1x16x2", "--text", Sub("a.txt"), "--output", Sub("out"), "--resume");
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("too short", "a block of 16 and the token behind it are 17")]
    public void Texts_that_cannot_be_learned_are_refused(string text, string words)
    {
        File.WriteAllText(Sub("a.txt"), text);
        Fails(words, "finetune-text", "--new", "1x16x2", "--block", "16", "--text", Sub("a.txt"), "--output", Sub("out"));
    }

    [Fact]
    public void A_field_that_is_not_there_a_character_that_the_model_lacks_and_long_blocks_are_refused()
    {
        Model("base");
        Write("a.jsonl", 3, l => $"{{\"text\": {JsonSerializer.Serialize(l)}}}\n");
        Fails("line 1: has no 'story'; it has 'text'", "finetune-text", "--model", Sub("base"), "--text", Sub("a.jsonl"), "--field", "story", "--output", Sub("out"));
        Fails("--block 99: this model takes 1 to 12 tokens", "finetune-text", "--model", Sub("base"), "--text", Sub("a.jsonl"), "--block", "99", "--output", Sub("out"));
        File.WriteAllText(Sub("b.txt"), TinyText.Words + "é");
        Fails("has no 'é' (U+00E9)", "finetune-text", "--model", Sub("base"), "--text", Sub("b.txt"), "--output", Sub("out"));
        Fails("--warmup 1000: this training has", "finetune-text", "--model", Sub("base"), "--text", Sub("a.jsonl"), "--warmup", "1000", "--output", Sub("out"));
        Fails("config.json", "finetune-text", "--model", Sub("nowhere"), "--text", Sub("a.jsonl"), "--output", Sub("out"));
    }

    [Theory]
    [InlineData("--new", "4x128")]
    [InlineData("--new", "4x100x3")]
    [InlineData("--new", "0x16x2")]
    [InlineData("--new", "1x16x2", "--model", "m")]
    [InlineData("--new", "1x16x2", "--freeze", "1")]
    [InlineData("--new", "1x16x2", "--schedule", "steep")]
    [InlineData("--new", "1x16x2", "--validation", "1")]
    [InlineData("--new", "1x16x2", "--epochs", "0")]
    [InlineData("--lora", "8")]
    [InlineData]
    public void Bad_usage_is_exit_code_2_and_one_line(params string[] args)
    {
        (int code, _, string error) = Run(["finetune-text", "--text", "x", "--output", "y", .. args]);
        Assert.Equal(2, code);
        Assert.Single(Lines(error));
    }

    [Fact]
    public void The_demo_trains_on_the_text_that_comes_along_and_writes()
    {
        (int code, string output, string error) = Run("demo-text", "--epochs", "1", "--output", Sub("demo"));
        Assert.Equal((0, ""), (code, error));
        string[] lines = Lines(output);
        Assert.Matches(@"^val_loss=\d\.\d{4}$", lines[^1]);
        Assert.True(double.Parse(lines[^1].Split('=')[1], System.Globalization.CultureInfo.InvariantCulture) < 3.6, lines[^1]); // 59 characters by chance alone: 4.08
        Assert.True(lines.Count(l => l.StartsWith("| When I ", StringComparison.Ordinal)) == 2, output);
        Assert.True(new FileInfo(Sub("demo/curves.png")).Length > 0);
    }

    private void Model(string folder)
    {
        Gpt2Config config = new() { VocabularySize = TinyText.Tokenizer.VocabularySize + 1, Positions = 12, Width = 16, Blocks = 2, Heads = 2 };
        Gpt2 gpt = Gpt2.Build(config);
        gpt.SetSeed(3);
        Directory.CreateDirectory(Sub(folder));
        TextModelFolder.Write(Sub(folder), gpt, config, CharacterTokenizer.Of([TinyText.Words], hasEnd: true), source: null);
        gpt.Release();
    }

    private void Write(string name, int times, Func<string, string>? line = null) =>
        File.WriteAllText(Sub(name), string.Concat(Enumerable.Repeat(line is null ? TinyText.Words : line(TinyText.Words), times)));

    private void Fails(string words, params string[] args)
    {
        (int code, _, string error) = Run(args);
        Assert.Equal(1, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Single(Lines(error));
    }

    private string Sub(string path) => Path.Combine(_folder, path);
}
