using Graft.Cli;
using Graft.Training;
using Graft.Importers.Images;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>Which photographs of a folder are learned from, which are validated on, and what is told of the others.</summary>
[Collection("command line")]
public sealed class FinetuneFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_share_of_each_class_is_drawn_by_the_seed_and_small_classes_have_one_too()
    {
        FlowerPainter.WriteSet(Sub("data"), 3, 3); // a fifth of three is less than one
        (string[] training, string[] held) = Parts(seed: 1);
        Assert.Equal(FlowerPainter.Kinds, held.Select(f => Path.GetFileName(Path.GetDirectoryName(f)!)));
        Assert.Equal(15, training.Union(held).Count());
        Assert.Equal(held, Parts(seed: 1).Held);
        Assert.Contains(Enumerable.Range(2, 5), seed => !held.SequenceEqual(Parts(seed).Held));
        Assert.Contains("5 validation images: daisy 1, dandelion 1, rose 1, sunflower 1, tulip 1", Finetune(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_class_of_one_photograph_is_learned_and_named_as_not_validated()
    {
        FlowerPainter.WriteSet(Sub("data"), 2, 3);
        File.Delete(Sub("data/rose/001.jpg"));
        string output = Finetune();
        Assert.Contains("5 training images: daisy 1, dandelion 1, rose 1, sunflower 1, tulip 1", output, StringComparison.Ordinal);
        Assert.Contains("There are no validation images of rose: how well it is told apart is not measured.", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_validation_folder_may_lack_a_class_and_has_no_others()
    {
        FlowerPainter.WriteSet(Sub("data/train"), 2, 3);
        FlowerPainter.WriteSet(Sub("data/validation"), 1, 4);
        Directory.Delete(Sub("data/validation/tulip"), recursive: true);
        Assert.Contains("There are no validation images of tulip: ", Finetune(), StringComparison.Ordinal);
        Directory.Move(Sub("data/validation/rose"), Sub("data/validation/Rose"));
        GraftRun.Fails(1, "validation: has 'Rose', but the classes are daisy, dandelion, rose, sunflower, tulip.", Args());
    }

    [Fact]
    public void A_photograph_in_place_of_a_damaged_one_is_not_learned_and_validated_at_once()
    {
        FlowerPainter.WriteSet(Sub("data"), 4, 3);
        foreach (string kind in FlowerPainter.Kinds)
            File.WriteAllText(Sub($"data/{kind}/001.jpg"), "this is no picture");
        foreach (int seed in Enumerable.Range(0, 4))
        {
            (string[] training, string[] held) = Parts(seed, BadImages.Substitute);
            Assert.Equal(20, training.Length + held.Length);
            Assert.Empty(training.Intersect(held));
        }
    }

    [Fact]
    public void Damaged_images_are_counted_among_all()
    {
        FlowerPainter.WriteSet(Sub("data"), 4, 3);
        File.WriteAllText(Sub("data/rose/003.jpg"), "this is no picture");
        Assert.Contains("--on-bad-image skip", GraftRun.Fails(1, "data: 1 of 20 images cannot be read", Args()), StringComparison.Ordinal);
        File.WriteAllLines(Sub("table.csv"), ["photo,kind", .. Directory.GetFiles(Sub("data"), "*.jpg", SearchOption.AllDirectories).Select(f => $"{f},{Path.GetFileName(Path.GetDirectoryName(f))}")]);
        string error = GraftRun.Fails(1, "table.csv: 1 of 20 images cannot be read", [.. Args().Select(a => a == Sub("data") ? Sub("table.csv") : a)]);
        Assert.Contains("--on-bad-image skip", error, StringComparison.Ordinal);
        Assert.DoesNotContain("ImageFolderOptions", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_are_no_images_by_their_names_are_counted_in_one_line()
    {
        FlowerPainter.WriteSet(Sub("data"), 2, 3);
        File.Move(Sub("data/rose/001.jpg"), Sub("data/rose/001.jfif"));
        foreach (string other in new[] { "rose/1.heic", "tulip/2.HEIC", "tulip/notes.txt", "tulip/.hidden" })
            File.WriteAllText(Sub($"data/{other}"), "");
        const string Told = "3 other files are left out, by the endings of their names: .heic 2, .txt 1.";
        string output = Finetune();
        Assert.Contains(Told, output, StringComparison.Ordinal);
        Assert.Contains("5 training images: daisy 1, dandelion 1, rose 1, sunflower 1, tulip 1", output, StringComparison.Ordinal);
        Assert.Contains(Told, GraftRun.Succeeds("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("data")), StringComparison.Ordinal);
        (int code, output, string error) = GraftRun.Run("predict", "--model", Sub("out/model.graft"), "--csv", Sub("data/rose"), Sub("data/tulip/000.jpg"));
        Assert.Equal((0, "graft: 1 other file is left out, by the endings of their names: .heic 1."), (code, error.TrimEnd()));
        Assert.Equal(4, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void A_training_that_held_other_images_back_is_not_gone_on_with()
    {
        FlowerPainter.WriteSet(Sub("data"), 3, 3);
        using (var interrupt = new CancellationTokenSource())
        using (var output = new InterruptingWriter("Epoch  1/", interrupt))
        using (var terminal = new Terminal(output, console: null, interrupt.Token))
            Assert.ThrowsAny<OperationCanceledException>(() => FineTuning.Run(Settings() with { Epochs = 2 }, terminal));
        string note = Sub("out/finetune.json");
        File.WriteAllLines(note, File.ReadAllLines(note).Where(l => !l.Contains("held-back", StringComparison.Ordinal))); // as an earlier version wrote it
        string[] resumed = [.. Args().Select(a => a == "1" ? "2" : a), "--resume"];
        GraftRun.Fails(1, "images are held back to validate on in another way (earlier versions took the first of each folder, --seed draws them now)", resumed);
    }

    private (string[] Training, string[] Held) Parts(int seed, BadImages bad = BadImages.Throw)
    {
        (ImageBatches training, ImageBatches held) = new FineTuningData(Settings() with { Seed = seed, BadImages = bad }).Open(Preprocessing.None, new LiveBar(null), CancellationToken.None);
        return ([.. training.Files], [.. held.Files]);
    }

    private FineTuningSettings Settings() => new() { Data = Sub("data"), Size = 32, Epochs = 1, Output = Sub("out") };

    private string Finetune(params string[] more) => GraftRun.Succeeds([.. Args(), .. more]);

    private string[] Args() => ["finetune", "--data", Sub("data"), "--size", "32", "--epochs", "1", "--output", Sub("out")];

    private string Sub(string path) => Path.Combine(_folder, path);
}
