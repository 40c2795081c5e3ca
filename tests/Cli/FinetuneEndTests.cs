using Graft.Cli;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>What lies in the folder of a fine-tuning that was ended early, wherever that was.</summary>
[Collection("command line")]
public sealed class FinetuneEndTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public FinetuneEndTests()
    {
        FlowerPainter.WriteSet(Sub("data/train"), 3, 3);
        FlowerPainter.WriteSet(Sub("data/validation"), 2, 3);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("--ema")]
    public void The_end_of_the_heads_training_is_there_while_the_first_unfrozen_epoch_runs(string average)
    {
        string[] Args(string output, params string[] more) => ["finetune", "--data", Sub("data"), "--size", "48", "--batch", "4", "--epochs", "2", "--unfreeze", "1", "--unfreeze-epochs", "2",
            "--unfreeze-learning-rate", "1e-3", "--seed", "5", .. average.Length > 0 ? [average, "0.7"] : Array.Empty<string>(), "--output", Sub(output), .. more];
        // A folder as it is at the end of that epoch is what any end before leaves, that of the power too.
        using (var output = new InterruptingWriter("Epoch  3/4", () => Copy(Sub("whole"), Sub("ended"))))
        using (var error = new StringWriter())
            Assert.Equal(0, Application.Run(Args("whole"), output, error));
        Assert.Equal(["finetune.json", "training-unfrozen.graft"], Names("ended"));
        Assert.Contains("Going on at step 1 of epoch 3.", GraftRun.Succeeds(Args("ended", "--resume")), StringComparison.Ordinal);
        Model whole = ModelFile.Load(Sub("whole/model.graft")).Model, again = ModelFile.Load(Sub("ended/model.graft")).Model;
        Assert.All(whole.NamedParameters().Zip(again.NamedParameters()), p => Assert.Equal(p.First.Parameter.Value.ToArray(), p.Second.Parameter.Value.ToArray()));
        Assert.Equal(History.FromJson(File.ReadAllText(Sub("whole/history.json")))["val_loss"], History.FromJson(File.ReadAllText(Sub("ended/history.json")))["val_loss"]);
        whole.Release();
        again.Release();
    }

    [Fact]
    public void Ctrl_C_in_the_last_evaluation_writes_the_whole_training_and_says_so()
    {
        Directory.CreateDirectory(Sub("out"));
        foreach (string earlier in new[] { "model.graft", "confusion.png", "predicted.png" })
            File.WriteAllText(Sub($"out/{earlier}"), "of an earlier training");
        var settings = new FineTuningSettings { Data = Sub("data"), Size = 48, Batch = 4, Epochs = 2, Output = Sub("out") };
        using var interrupt = new CancellationTokenSource();
        using var output = new InterruptingWriter("Memory that a training step kept", interrupt); // the last line before it
        using var terminal = new Terminal(output, console: null, interrupt.Token);
        string told = Assert.ThrowsAny<OperationCanceledException>(() => FineTuning.Run(settings, terminal)).Message;
        Assert.StartsWith("interrupted after the training, while its result was evaluated: model.graft, history.json, history.csv, curves.png are written to ", told, StringComparison.Ordinal);
        Assert.Equal(["curves.png", "history.csv", "history.json", "model.graft"], Names("out"));
        Assert.Contains("accuracy=", GraftRun.Succeeds("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("data/validation")), StringComparison.Ordinal);
    }

    private string[] Names(string folder) => [.. Directory.GetFiles(Sub(folder)).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private string Sub(string path) => Path.Combine(_folder, path);

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
