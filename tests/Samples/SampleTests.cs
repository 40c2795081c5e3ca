using System.Diagnostics;
using System.Text.RegularExpressions;
using Graft.Cli;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Samples;

/// <summary>The samples run as a reader runs them, on a few painted images, for an epoch; large networks have weights drawn at random.</summary>
[Collection("command line")] // what the samples save is used by 'graft predict', in process
public sealed class SampleTests : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10); // so that a sample that hangs fails; each takes seconds

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void CatsAndDogs_trains_a_head_on_VGG16()
    {
        Paint("train", 2, ["daisy", "rose"]);
        Paint("validation", 1, ["daisy", "rose"]);
        Model vgg = Vgg16.Build(includeTop: false, 150, 150);
        KerasFile.Write(vgg, _files["vgg16.h5"]);
        vgg.Release();
        string output = Run("CatsAndDogs", "--weights", _files["vgg16.h5"], "--output", _files["out"]);
        Assert.Matches(@"val_accuracy=\d\.\d{4}\s*$", output);
        Assert.Contains("2,097,408", output, StringComparison.Ordinal); // 4 x 4 x 512 flattened, to 256, and the biases
        Assert.True(new FileInfo(_files[Path.Combine("out", "accuracy.png")]).Length > 0);
        Assert.True(new FileInfo(_files[Path.Combine("out", "loss.png")]).Length > 0);
        Check(_files[Path.Combine("out", "model.graft")], ["daisy", "rose"], "caffe");
    }

    [Fact]
    public void Flowers_trains_a_head_on_ResNet50()
    {
        Paint("", 5, FlowerPainter.Kinds); // of which the sample holds back a fifth
        Model resnet = ResNet.Build(50, includeTop: false);
        KerasFile.Write(resnet, _files["resnet50.h5"]);
        resnet.Release();
        string output = Run("Flowers", "--weights", _files["resnet50.h5"], "--output", _files["out"]);
        Assert.Matches(@"val_accuracy=\d\.\d{4}\s*$", output);
        Check(_files[Path.Combine("out", "model.graft")], FlowerPainter.Kinds, "caffe");
    }

    [Fact]
    public void TransferLearning_needs_no_weight_file()
    {
        Paint("train", 2, FlowerPainter.Kinds);
        Paint("validation", 1, FlowerPainter.Kinds);
        string output = Run("TransferLearning", "--output", _files["model.graft"]);
        Assert.Contains("Epoch 2", output, StringComparison.Ordinal); // the one with unfrozen layers
        Check(_files["model.graft"], FlowerPainter.Kinds, "imagenet-resnet18");
    }

    [Fact]
    public void Segmentation_gives_each_pixel_a_class()
    {
        string output = Run("Segmentation", "--output", _files["out"]);
        Assert.Matches(@"val_mean_iou=0\.\d{4}\s*$", output);
        Assert.Contains("accuracy 0.", output, StringComparison.Ordinal);
        Assert.True(new FileInfo(_files[Path.Combine("out", "overlays.png")]).Length > 0);
        using var screen = new StringWriter();
        string photograph = _files[Path.Combine("out", "photographs", "000.jpg")];
        Assert.Equal(0, Application.Run(["predict", "--model", _files[Path.Combine("out", "model.graft")], "--masks", _files["masks"], photograph], screen, screen));
        Assert.Matches(@"000\.jpg: grass \d", screen.ToString());
        Assert.True(File.Exists(_files[Path.Combine("masks", "000.png")]));
    }

    [Fact]
    public void Lora_teaches_and_saves_adapters_takes_them_off_and_puts_them_on_again()
    {
        string[] lines = Run("Lora", "--output", _files["adapter"]).Split('\n', StringSplitOptions.TrimEntries);
        string Line(string start) => lines.Single(l => l.StartsWith(start, StringComparison.Ordinal))[start.Length..];
        Assert.Contains(lines, l => l.StartsWith("Trainable params: 16,384 (", StringComparison.Ordinal)); // 2 blocks, rank 8: (64 + 192) + (64 + 64) + (64 + 256) + (256 + 64)
        string[] adapted = [.. lines.Where(l => l.StartsWith("With them again: ", StringComparison.Ordinal) || l.StartsWith("Merged: ", StringComparison.Ordinal)).Select(l => l[(l.IndexOf(':', StringComparison.Ordinal) + 2)..])];
        Assert.Equal(2, adapted.Length);
        Assert.Equal(adapted[0], adapted[1]);
        string[] written = [.. lines.Where(l => l.StartsWith("It writes: ", StringComparison.Ordinal)).Select(l => l["It writes: ".Length..])];
        Assert.Equal(adapted[0], written[1]);
        Assert.Equal(written[0], Line("Without them it writes: "));
        Assert.True(File.Exists(_files[Path.Combine("adapter", "adapter_config.json")]));
    }

    [Fact]
    public void Tour_shows_what_its_page_says()
    {
        string output = Run("Tour");
        Assert.Contains("[2,3] times [3,2] is [2,2]: 14 25 20 31", output, StringComparison.Ordinal);
        Assert.Contains("changes by 22.000 for each unit", output, StringComparison.Ordinal);
        Assert.Contains("The first two are frozen: dense_2 256 KiB", output, StringComparison.Ordinal);
        Assert.Contains("step 60: y = 2.000 x -1.000", output, StringComparison.Ordinal);
        Assert.Contains("24 training samples computed once, 48 times taken from the cache", output, StringComparison.Ordinal);
        Assert.Contains("resnet18/layer4.1.conv2", output, StringComparison.Ordinal);
        Assert.Contains("the same bits: True.", output, StringComparison.Ordinal);
    }

    [Fact]
    public void CustomLayer_learns_in_a_loop_by_hand_and_is_loaded_again()
    {
        string output = Run("CustomLayer", "--output", _files["bumps.graft"]);
        Assert.Contains("The gradient of the op is right.", output, StringComparison.Ordinal);
        Assert.Matches(@"Epoch 1: loss 0\.\d{3}", output);
        Match values = Regex.Match(output, @"saved: (\S+), loaded: (\S+)");
        Assert.True(values.Success, output);
        Assert.Equal(values.Groups[1].Value, values.Groups[2].Value);
        Assert.Matches(@"val_accuracy=0\.\d{4}\s*$", output);
        Assert.Contains("'bumps' is of class 'Bumps'", Assert.Throws<GraftException>(() => ModelFile.Load(_files["bumps.graft"])).Message, StringComparison.Ordinal);
    }

    private void Check(string file, IEnumerable<string> classes, string preprocessing)
    {
        using var output = new StringWriter();
        string image = Directory.GetFiles(_files["data"], "*.jpg", SearchOption.AllDirectories)[0];
        Assert.Equal(0, Application.Run(["predict", "--model", file, image], output, output));
        Assert.Matches(@"rose [01]\.\d{4}", output.ToString());
        SavedModel saved = ModelFile.Load(file);
        Assert.Equal(classes.Order(StringComparer.Ordinal), saved.Model.ClassNames);
        Assert.Equal(preprocessing, saved.Model.Preprocessing!.Name);
        Assert.Contains("val_loss", saved.History!.Names);
        saved.Model.Release();
    }

    private void Paint(string part, int perKind, IEnumerable<string> kinds)
    {
        string folder = _files[Path.Combine("data", part)];
        FlowerPainter.WriteSet(folder, perKind, part.Length);
        foreach (string unwanted in FlowerPainter.Kinds.Except(kinds))
            Directory.Delete(Path.Combine(folder, unwanted), recursive: true);
    }

    private string Run(string sample, params string[] arguments)
    {
        DirectoryInfo root = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Engine.sln")))
            root = root.Parent!;
        string dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        string[] all = ["run", Path.Combine(root.FullName, "samples", $"{sample}.cs"), "--", "--data", _files["data"], "--epochs", "1", .. arguments];
        var start = new ProcessStartInfo(dotnet, all) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = root.FullName };
        foreach (string variable in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(variable); // of the build that started these tests
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Longest))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{sample} did not end within {Longest}.");
        }
        Assert.True(process.ExitCode == 0, $"{sample} ended with {process.ExitCode}:\n{output.Result}\n{error.Result}");
        return output.Result;
    }
}
