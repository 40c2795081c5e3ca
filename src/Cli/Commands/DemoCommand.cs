using System.CommandLine;

namespace Graft.Cli.Commands;

/// <summary>graft demo: the whole story on flowers that the program paints itself.</summary>
internal static class DemoCommand
{
    private const int FewestFlowers = 3, Flowers = 36, MostFlowers = 10_000, SmallestImage = 32, ImageSize = 128, LargestImage = 512;

    public static Command Create(Terminal terminal)
    {
        var output = new Option<string>("--output") { DefaultValueFactory = _ => "graft-demo", Description = "Folder for images, model and pictures." };
        var flowers = new Option<int>("--flowers") { DefaultValueFactory = _ => Flowers, Description = "Flowers of each kind; a third of them are kept to validate on." };
        var size = new Option<int>("--size") { DefaultValueFactory = _ => ImageSize, Description = "Height and width of the images; with small images and few flowers it learns less, and is done sooner." };
        var seed = new Option<int>("--seed") { DefaultValueFactory = _ => 1, Description = "Seed for everything that is random: the same seed gives the same result." };
        var threads = new Option<int?>("--threads") { Description = "Number of threads; by default one for each processor." };
        Option<string?> device = DeviceOption.Create();
        var command = new Command("demo", "Paint flowers, teach a pretrained network to tell them apart, and look at the result.") { output, flowers, size, seed, threads, device };
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            FinetuneCommand.SetThreads(parsed.GetValue(threads));
            Run(parsed.GetRequiredValue(output), (int)FinetuneCommand.Within(parsed.GetValue(flowers), FewestFlowers, MostFlowers, "--flowers"),
                (int)FinetuneCommand.Within(parsed.GetValue(size), SmallestImage, LargestImage, "--size"), parsed.GetValue(seed), terminal);
            return Application.Done;
        });
        return command;
    }

    private static void Run(string folder, int flowers, int size, int seed, Terminal terminal)
    {
        int validated = flowers / 3;
        string images = Path.Combine(folder, "images");
        terminal.Line($"1. Painting {flowers} flowers of each kind into {images}: {string.Join(", ", FlowerPainter.Kinds)}.");
        MakeRoom(images);
        FlowerPainter.WriteSet(Path.Combine(images, "train"), flowers - validated, seed);
        FlowerPainter.WriteSet(Path.Combine(images, "validation"), validated, seed + 1);
        terminal.Line("2. Fine-tuning: a frozen ResNet with ImageNet weights, a new head; then its last block is unfrozen.");
        FineTuned made = FineTuning.Run(new FineTuningSettings
        {
            Data = images, Size = size, Batch = 20, Epochs = 6, Unfreeze = 1, UnfreezeEpochs = 1, UnfreezeLearningRate = 5e-5f, Seed = seed, Output = folder, Overwrites = true,
        }, terminal);
        terminal.Line("3. Evaluating.");
        ConfusionTables.Write(made.Result.Confusion!, terminal);
        terminal.Line($"Look at {Path.Combine(folder, "curves.png")} and {Path.Combine(folder, "confusion.png")}; try");
        terminal.Line($"  graft predict --model {Path.Combine(folder, "model.graft")} {Path.Combine(images, "validation", "tulip", "000.jpg")}");
        terminal.Line(made.Score);
    }

    /// <summary>Removes the pictures of an earlier demo, which must not join this one's; pictures of anybody else stay.</summary>
    private static void MakeRoom(string images)
    {
        string mark = Path.Combine(images, ".painted-by-graft");
        if (Directory.Exists(images))
        {
            if (!File.Exists(mark) && Directory.EnumerateFileSystemEntries(images).Any())
                throw new GraftException($"{images}: is there already and was not painted by an earlier demo; name another --output folder.");
            Directory.Delete(images, recursive: true);
        }
        Directory.CreateDirectory(images);
        File.WriteAllBytes(mark, []);
    }
}
