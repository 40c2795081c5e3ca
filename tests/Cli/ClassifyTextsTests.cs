using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Cli;
using Graft.Importers;
using Graft.Importers.HuggingFace;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Weights;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>graft finetune-text --task classification, and graft predict on texts, in process.</summary>
[Collection("command line")]
public sealed class ClassifyTextsTests : IDisposable
{
    private static readonly string[] Animals = ["cat", "dog", "frog", "cow", "hen"], Tools = ["saw", "axe", "rake", "nail", "file"];

    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public ClassifyTextsTests() => File.WriteAllText(Sub("a.tsv"), "label\ttext\n" + Table(80));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Classes_are_learned_on_a_base_that_learned_the_texts_and_the_output_classifies()
    {
        Succeeds("finetune-text", "--new", "2x32x2", "--vocabulary", "280", "--lowercase", "--text", Sub("a.tsv"), "--block", "24", "--batch", "4", "--epochs", "2", "--learning-rate", "0.01", "--sample-tokens", "0", "--output", Sub("base"));
        Assert.Contains("tokens_per_second", File.ReadAllText(Sub("base/history.csv")), StringComparison.Ordinal);
        string output = Succeeds("finetune-text", "--task", "classification", "--model", Sub("base"), "--text", Sub("a.tsv"), "--validation", "0.25", "--epochs", "16", "--batch", "8",
            "--learning-rate", "0.005", "--class-weights", "balanced", "--seed", "2", "--output", Sub("out"));
        string[] lines = Lines(output);
        Assert.Contains("Texts to train on: 60 (animal 40, tool 20); to validate on: 20 (animal 14, tool 6).", lines);
        Assert.Matches(@"^val_f1=\d\.\d{4}$", lines[^1]);
        double f1 = double.Parse(lines[^1].Split('=')[1], CultureInfo.InvariantCulture);
        Assert.True(f1 > 0.9, output); // a word decides
        Assert.Matches($@"^F1 of 'tool': GPT-2 {lines[^1].Split('=')[1]}, words 1\.0000$", lines[^2]);
        Assert.Equal(2, lines.Count(l => l.StartsWith("actual \\ predicted", StringComparison.Ordinal)));
        Assert.Contains(lines, l => l.StartsWith("Logistic regression on words", StringComparison.Ordinal) && l.Contains("tf-idf", StringComparison.Ordinal));
        foreach (string name in new[] { "config.json", "model.safetensors", "tokenizer.json", "history.json", "history.csv", "curves.png", "confusion.png" })
            Assert.True(new FileInfo(Sub($"out/{name}")).Length > 0, name);
        Assert.Contains("texts_per_second", File.ReadAllText(Sub("out/history.csv")), StringComparison.Ordinal);
        Assert.Equal(["animal", "tool"], Gpt2Config.Open(Sub("out")).ClassNames);
        CheckPredictions(f1);
    }

    // What was written gives the figures that were printed, for the texts that were held back.
    private void CheckPredictions(double f1)
    {
        LabelledTexts held = LabelledTexts.Read(Sub("a.tsv")).Split(0.25, seed: 2).Validation;
        File.WriteAllText(Sub("held.tsv"), string.Concat(held.Labels.Zip(held.Texts, (l, t) => $"{l}\t{t}\n")));
        string[] lines = Lines(Succeeds("predict", "--model", Sub("out"), "--text-file", Sub("held.tsv")));
        Assert.Equal(20, lines.Count(l => l.Contains("  (animal ", StringComparison.Ordinal)));
        string row = Assert.Single(lines, l => l.StartsWith("tool ", StringComparison.Ordinal) && !l.Contains('(', StringComparison.Ordinal) && l.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length == 5);
        Assert.Equal(f1, double.Parse(row.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], CultureInfo.InvariantCulture), 1e-9);
        string[] measured = Lines(Succeeds("evaluate", "--model", Sub("out"), "--text", Sub("held.tsv")));
        Assert.Contains(row, measured);
        Assert.Matches(@"^accuracy=\d\.\d{4}$", measured[^1]);
        File.WriteAllLines(Sub("held.txt"), held.Texts);
        Assert.Equal(lines[..20].Select(l => l.Split("  ")[..3]), Lines(Succeeds("predict", "--model", Sub("out"), "--text-file", Sub("held.txt"))).Select(l => l.Split("  ")[..3]));
        Fails(1, "the text is empty: it has no token to tell a class by. Leave it out.", "predict", "--model", Sub("out"), "--text", "");
        JsonNode single = JsonNode.Parse(Succeeds("predict", "--model", Sub("out"), "--text", held.Texts[3], "--json"))![0]!;
        Assert.Equal((held.Texts[3], lines[3].Split("  ")[0]), ((string)single["text"]!, (string)single["class"]!));
        Assert.Equal(1, single["probabilities"]!.AsObject().Sum(p => (double)p.Value!), 1e-6);
        Assert.Equal(Succeeds("predict", "--model", Sub("out"), "--text", "we saw a cat").Split("  ")[..2], Succeeds("predict", "--model", Sub("out"), "--text", "We SAW a cAt").Split("  ")[..2]);
        Assert.StartsWith("animal ", Succeeds("predict", "--model", Sub("out"), "--text", "a very long text about the cat " + new string('x', 300)).Replace("tool ", "animal ", StringComparison.Ordinal), StringComparison.Ordinal); // cut, not refused
    }

    [Fact]
    public void A_frozen_base_is_computed_once_and_keeps_its_weights_and_three_classes_have_a_mean_F1()
    {
        File.WriteAllText(Sub("b.tsv"), Table(60) + string.Concat(Enumerable.Range(0, 20).Select(i => $"none\tnothing {i}\n")));
        File.WriteAllText(Sub("c.tsv"), Table(20) + "none\tnothing\n");
        Base(width: 32);
        File.WriteAllText(Sub("base/generation_config.json"), "{}");
        string output = Succeeds("finetune-text", "--task", "classification", "--model", Sub("base"), "--text", Sub("b.tsv"), "--validation-text", Sub("c.tsv"), "--freeze", "1", "--block", "8",
            "--epochs", "3", "--learning-rate", "0.01", "--output", Sub("out"));
        Assert.Contains("Frozen base: 80 training samples computed once, 160 times taken from the cache.", output, StringComparison.Ordinal);
        Assert.Matches(@"the model reads 8, and of \d+ longer texts the beginning\.", output);
        Assert.Contains("Mean F1 of the classes: GPT-2 ", output, StringComparison.Ordinal);
        Assert.Equal("{}", File.ReadAllText(Sub("out/generation_config.json")));
        WeightFile before = WeightFiles.Open(Sub("base")), after = WeightFiles.Open(Sub("out"));
        foreach (string name in before.Names)
        {
            bool learns = name.StartsWith("h.1.", StringComparison.Ordinal) || name.StartsWith("ln_f.", StringComparison.Ordinal);
            Assert.Equal(learns, !before.Read(name).AsSpan().SequenceEqual(after.Read(name)));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_interrupted_training_goes_on_to_the_same_bits(bool freezes)
    {
        Base(width: 32);
        string[] more = freezes ? ["--freeze", "1", "--class-weights", "balanced"] : ["--dropout", "0.1", "--token-deletion", "0.2", "--ema", "0.9"];
        string[] Args(string output, params string[] last) => ["finetune-text", "--task", "classification", "--model", Sub("base"), "--text", Sub("a.tsv"), "--epochs", "3", "--learning-rate", "0.005", "--output", Sub(output), .. more, .. last];
        string[] whole = Lines(Succeeds(Args("whole")));
        using (var interrupt = new CancellationTokenSource())
        using (var output = new InterruptingWriter("Epoch  2/3", interrupt))
        using (var terminal = new Terminal(output, console: null, interrupt.Token))
        {
            var training = new TextFineTuningSettings { Model = Sub("base"), Text = Sub("a.tsv"), Epochs = 3, LearningRate = 5e-3f, Output = Sub("ended") };
            TextClassificationSettings settings = freezes ? new() { Training = training with { Freeze = 1 }, IsBalanced = true } : new() { Training = training with { Dropout = 0.1f, Average = 0.9f }, Deletion = 0.2 };
            Assert.ThrowsAny<OperationCanceledException>(() => TextClassification.Run(settings, terminal));
            Assert.Contains("go on with the same command and --resume", output.ToString(), StringComparison.Ordinal);
        }
        Assert.False(File.Exists(Sub("ended/model.safetensors")));
        Fails(1, "holds a training that has not come to its end", Args("ended"));
        Fails(1, "begun otherwise: --label-smoothing was 0, not 0.1", Args("ended", "--resume", "--label-smoothing", "0.1"));
        string[] resumed = Lines(Succeeds(Args("ended", "--resume")));
        Assert.Contains("Going on at step 0 of epoch 3.", resumed);
        Assert.Equal(whole[^1], resumed[^1]);
        Assert.Equal(File.ReadAllBytes(Sub("whole/model.safetensors")), File.ReadAllBytes(Sub("ended/model.safetensors")));
        Fails(1, "--task was classification, not absent", "finetune-text", "--model", Sub("base"), "--text", Sub("a.tsv"), "--epochs", "3", "--learning-rate", "0.005", "--output", Sub("ended"), "--resume");
        Succeeds(Args("ended", "--seed", "3")); // what has come to its end makes room
    }

    [Fact]
    public void Ctrl_C_in_the_comparison_with_words_says_that_the_model_is_written()
    {
        Base(width: 32);
        var settings = new TextClassificationSettings { Training = new TextFineTuningSettings { Model = Sub("base"), Text = Sub("a.tsv"), Epochs = 1, Output = Sub("ended") } };
        using var interrupt = new CancellationTokenSource();
        using var output = new InterruptingWriter("Wrote config.json", interrupt);
        using var terminal = new Terminal(output, console: null, interrupt.Token);
        string told = Assert.ThrowsAny<OperationCanceledException>(() => TextClassification.Run(settings, terminal)).Message;
        Assert.Contains("the model and all its files are written to", told, StringComparison.Ordinal);
        Assert.Contains("animal 0.", Succeeds("predict", "--model", Sub("ended"), "--text", "hello"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_learned_is_refused_in_one_line()
    {
        Base();
        string[] Args(string text, params string[] more) => ["finetune-text", "--task", "classification", "--model", Sub("base"), "--text", text, "--output", Sub("out"), .. more];
        File.WriteAllText(Sub("bad.tsv"), "a\tx\nb\n");
        Fails(1, "line 2 has no tab", Args(Sub("bad.tsv")));
        File.WriteAllText(Sub("one.tsv"), "a\tx\na\ty\n");
        Fails(1, "all texts are of class 'a'", Args(Sub("one.tsv")));
        File.WriteAllText(Sub("other.tsv"), "stone\tx\nstone\ty\n");
        Fails(1, "class 'stone', which is none of 'animal', 'tool'", Args(Sub("a.tsv"), "--validation-text", Sub("other.tsv")));
        Fails(1, "--block 99: this model takes 1 to 24 tokens", Args(Sub("a.tsv"), "--block", "99"));
        Fails(2, "--positive 'stone': the classes are animal and tool", Args(Sub("a.tsv"), "--positive", "stone"));
        Fails(2, "--lora: of no use with --task classification", Args(Sub("a.tsv"), "--lora", "4"));
        Fails(1, "no training to go on with", Args(Sub("a.tsv"), "--resume"));
        Fails(2, "--new", "finetune-text", "--task", "classification", "--new", "1x16x2", "--text", Sub("a.tsv"), "--output", Sub("out"));
        Fails(2, "--positive: of no use with --task language", "finetune-text", "--model", Sub("base"), "--text", Sub("a.tsv"), "--positive", "tool", "--output", Sub("out"));
        Fails(2, "--vocabulary makes the tokens of a new model", "finetune-text", "--model", Sub("base"), "--vocabulary", "300", "--text", Sub("a.tsv"), "--output", Sub("out"));
        Fails(2, "--lowercase goes with --vocabulary", "finetune-text", "--new", "1x16x2", "--lowercase", "--text", Sub("a.tsv"), "--output", Sub("out"));
        Fails(2, "--token-deletion: of no use with --task language", "finetune-text", "--model", Sub("base"), "--text", Sub("a.tsv"), "--token-deletion", "0.1", "--output", Sub("out"));
        Fails(1, "is a language model", "predict", "--model", Sub("base"), "--text", "x");
        Fails(1, "is a file", "predict", "--model", Sub("a.tsv"), "--text", "x");
        Fails(2, "predict takes image files or folders of them, or --text TEXT, or --text-file FILE", "predict", "--model", Sub("base"));
        Fails(2, "predict takes --model DIR for texts", "predict", "--text", "x");
    }

    /// <summary>The SMS Spam Collection in little: fewer messages and epochs and a smaller base than docs/text-classification.md has figures of.</summary>
    [Fact]
    public void Spam_is_told_from_ham()
    {
        string train = GraftShared.Path("data", "text", "sms_spam", "train.tsv"), held = GraftShared.Path("data", "text", "sms_spam", "validation.tsv");
        string[] small = [.. File.ReadLines(train).Take(1001)];
        File.WriteAllLines(Sub("small.tsv"), small);
        Succeeds("finetune-text", "--new", "2x32x4", "--vocabulary", "400", "--lowercase", "--text", Sub("small.tsv"), "--block", "48", "--batch", "16", "--epochs", "1", "--learning-rate", "0.004", "--sample-tokens", "0", "--output", Sub("base"));
        string[] lines = Lines(Succeeds("finetune-text", "--task", "classification", "--model", Sub("base"), "--text", Sub("small.tsv"), "--validation-text", held, "--batch", "16", "--epochs", "3",
            "--learning-rate", "0.004", "--schedule", "cosine", "--ema", "0.9", "--token-deletion", "0.1", "--label-smoothing", "0.05", "--output", Sub("out")));
        Assert.Contains("to validate on: 800 (ham 700, spam 100).", lines[0], StringComparison.Ordinal);
        double f1 = double.Parse(lines[^1].Split('=')[1], CultureInfo.InvariantCulture);
        Assert.True(f1 > 0.7, string.Join('\n', lines)); // all spam: 0.22; none: 0
        double words = double.Parse(lines[^2].Split("words ")[1], CultureInfo.InvariantCulture);
        Assert.True(words > 0.85, lines[^2]); // no strawman
    }

    private void Base(int width = 16)
    {
        Gpt2Tokenizer tokenizer = BytePairTrainer.Train(TextDocuments.Read(Sub("a.tsv")), 280);
        Gpt2Config config = new() { VocabularySize = tokenizer.VocabularySize, Positions = 24, Width = width, Blocks = 2, Heads = 2, EosToken = tokenizer.EosToken };
        Gpt2 gpt = Gpt2.Build(config);
        gpt.SetSeed(3);
        Directory.CreateDirectory(Sub("base"));
        TextModelFolder.Write(Sub("base"), gpt, config, tokenizer, source: null);
        gpt.Release();
    }

    private static string Table(int count)
    {
        var random = new Random(1);
        return string.Concat(Enumerable.Range(0, count).Select(i => $"{(i % 3 == 2 ? "tool" : "animal")}\twe saw a {(i % 3 == 2 ? Tools : Animals)[random.Next(5)]} number {random.Next(100)}\n"));
    }

    private static void Fails(int expected, string words, params string[] args) => Assert.Single(Lines(GraftRun.Fails(expected, words, args)));

    private string Sub(string path) => Path.Combine(_folder, path);
}
