using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Cli;
using Graft.Layers;
using Graft.Tests.Importers.Images;
using Graft.Training;
using Graft.Weights;
using SkiaSharp;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>A class for each pixel, from the command line: red discs and blue squares on green.</summary>
[Collection("command line")]
public sealed class FinetuneMasksTests : IDisposable
{
    private const int Size = 32;
    private const double Printed = 5.1e-5; // half of the fourth digit

    private static readonly string[] s_classes = ["grass", "disc", "square"];

    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Finetune_evaluate_predict_and_inspect_go_together()
    {
        Paint("photos/train/far", "masks/train/far", 10, seed: 1);
        Paint("photos/val", "masks/val", 4, seed: 100);
        string output = GraftRun.Succeeds(Args("--class-names", "grass,disc,square", "--ignore", "255", "--epochs", "6", "--batch", "4", "--learning-rate", "0.01"));
        Assert.Matches(@"10 training images; of their pixels grass \d\d\.\d %, disc \d+\.\d %, square \d+\.\d %", output);
        Assert.Contains("10 training samples computed once, 50 times taken from the cache", output, StringComparison.Ordinal);
        Assert.Contains("Wrote model.graft, history.json, history.csv, curves.png, confusion.png, examples.png to ", output, StringComparison.Ordinal);
        Assert.All(new[] { "model.graft", "history.json", "history.csv", "curves.png", "confusion.png", "examples.png" }, f => Assert.True(File.Exists(Sub($"out/{f}"))));
        double meanIoU = Number(output, "val_mean_iou");
        Assert.True(meanIoU > 0.5, $"it has learned nothing: mean IoU {meanIoU}"); // 0.3 where all is grass

        string evaluated = GraftRun.Succeeds("evaluate", "--model", Sub("out"), "--data", Sub("photos/val"), "--masks", Sub("masks/val"), "--ignore", "255", "--csv", Sub("each.csv"), "--json", Sub("all.json"));
        Assert.Equal(meanIoU, Number(evaluated, "mean_iou"), Printed);
        Assert.Contains("class   iou     precision  recall  pixels\ngrass   0.", evaluated, StringComparison.Ordinal);
        Assert.Contains("\nThe lowest mean IoU:\n", evaluated, StringComparison.Ordinal);

        string said = GraftRun.Succeeds("predict", "--model", Sub("out/model.graft"), "--masks", Sub("said"), Sub("photos/val"));
        Assert.Matches(@"001\.png: grass 0\.\d+, disc 0(\.\d+)?, square 0(\.\d+)?\n", said);
        CheckEach(meanIoU);
        Assert.Contains("3 for each pixel: grass, disc, square", GraftRun.Succeeds("inspect", Sub("out/model.graft")), StringComparison.Ordinal);
        CheckExamples();
        Assert.Contains("measures it by --masks FOLDER.", GraftRun.Fails(1, "gives [32,32,3] for a photograph", "evaluate", "--model", Sub("out"), "--data", Sub("photos/val")), StringComparison.Ordinal);
    }

    // The table of the photographs against masks that were written, counted here.
    private void CheckEach(double meanIoU)
    {
        string[][] rows = [.. File.ReadAllLines(Sub("each.csv")).Select(l => l.Split(','))];
        Assert.Equal(["image", "mean_iou", "accuracy", .. s_classes], rows[0]);
        Assert.Equal(4, rows.Length - 1);
        double[] each = [.. rows.Skip(1).Select(r => Parse(r[1]))];
        Assert.Equal(each.Order(), each);
        long[] both = new long[3], either = new long[3];
        foreach (string[] row in rows.Skip(1))
        {
            byte[] truth = Resized(Sub($"masks/val/{Path.GetFileName(row[0])}")), said = Resized(Sub($"said/{Path.GetFileName(row[0])}"));
            int[] counted = [.. Enumerable.Range(0, truth.Length).Where(p => truth[p] != 255)];
            for (int c = 0; c < 3; c++)
            {
                int and = counted.Count(p => truth[p] == c && said[p] == c), or = counted.Count(p => truth[p] == c || said[p] == c);
                (both[c], either[c]) = (both[c] + and, either[c] + or);
                if (or == 0)
                    Assert.Equal("", row[3 + c]);
                else
                    Assert.Equal((double)and / or, Parse(row[3 + c]), 1e-6);
            }
            Assert.Equal((double)counted.Count(p => truth[p] == said[p]) / counted.Length, Parse(row[2]), 1e-6);
        }
        double[] ious = [.. both.Zip(either, (b, e) => (double)b / e)];
        Assert.Equal(ious.Average(), meanIoU, Printed);
        JsonNode json = JsonNode.Parse(File.ReadAllText(Sub("all.json")))!;
        Assert.Equal(ious, json["classes"]!.AsArray().Select(c => (double)c!["iou"]!));
        Assert.Equal(ious.Average(), (double)json["metrics"]!["mean_iou"]!, 1e-12);
    }

    // The mask of the first photograph stands at its place, in the colours of the legend; ignored pixels are white.
    private void CheckExamples()
    {
        using SKBitmap sheet = SKBitmap.Decode(Sub("out/examples.png"));
        byte[] mask = Resized(Sub("masks/val/000.png"));
        const int Cell = 224, X = 24 + Cell + 8, Y = 24 + 28 + 28;
        SKColor At(int p) => sheet.GetPixel(X + (p % Size * 2 + 1) * Cell / (2 * Size), Y + (p / Size * 2 + 1) * Cell / (2 * Size));
        Assert.Equal(sheet.GetPixel(32, 32), At(Array.IndexOf(mask, (byte)0)));
        Assert.Equal(SKColors.White, At(Array.IndexOf(mask, (byte)255)));
        Assert.Equal(4, Enumerable.Range(0, mask.Length).Select(At).Distinct().Count());
        Assert.All(Enumerable.Range(0, mask.Length).GroupBy(p => mask[p]), g => Assert.Single(g.Select(At).Distinct()));
    }

    [Fact]
    public void A_training_that_was_ended_early_goes_on_to_the_same_weights()
    {
        Paint("photos", "masks", 8, seed: 1);
        string[] more = ["--epochs", "3", "--batch", "4", "--loss", "cross-entropy+dice", "--class-weights", "balanced", "--unfreeze", "1", "--unfreeze-epochs", "1", "--ignore", "255", "--augment", "--optimizer", "adamw", "--weight-decay", "0.01", "--schedule", "cosine", "--warmup", "1", "--patience", "5", "--ema", "0.9", "--label-smoothing", "0.05"];
        string output = GraftRun.Succeeds(Args(more));
        Assert.Matches(@"6 training images; of their pixels 0 \d\d\.\d %, 1 \d+\.\d %, 2 \d+\.\d %\n", output); // named by their values
        Assert.Matches(@"Weights of the classes in the loss: 0 0\.\d\d, 1 \d\.\d\d, 2 \d\.\d\d\.", output);
        Assert.Contains("Unfreezing layer4.2, without batch normalization", output, StringComparison.Ordinal);
        File.Move(Sub("out/model.graft"), Sub("whole.graft"));
        using (var interrupt = new CancellationTokenSource())
        using (var lines = new InterruptingWriter("Epoch  2/4", interrupt))
        using (var terminal = new Terminal(lines, console: null, interrupt.Token))
        {
            FineTuningSettings settings = new()
            {
                Data = Sub("photos"), Masks = new MaskSettings(Sub("masks")) { Ignored = 255 }, Size = Size, Epochs = 3, Batch = 4, PixelLoss = "cross-entropy+dice", IsBalanced = true, Unfreeze = 1, UnfreezeEpochs = 1, Augment = true,
                Optimizer = "adamw", WeightDecay = 0.01f, Schedule = "cosine", WarmUp = 1, Patience = 5, Average = 0.9f, LabelSmoothing = 0.05f, Output = Sub("out"),
            };
            Assert.ThrowsAny<OperationCanceledException>(() => FineTuning.Run(settings, terminal));
        }
        GraftRun.Fails(1, "--ignore was 255, not absent", [.. Args(more).Where((_, i) => i != Array.IndexOf(Args(more), "--ignore") && i != Array.IndexOf(Args(more), "--ignore") + 1), "--resume"]);
        GraftRun.Fails(1, "--loss was cross-entropy+dice, not dice", [.. Args("--epochs", "3", "--batch", "4", "--unfreeze", "1", "--unfreeze-epochs", "1", "--ignore", "255", "--loss", "dice", "--resume")]);
        GraftRun.Succeeds([.. Args(more), "--resume"]);
        Model whole = ModelFile.Load(Sub("whole.graft")).Model, again = ModelFile.Load(Sub("out/model.graft")).Model;
        Assert.Equal(["0", "1", "2"], again.ClassNames);
        Assert.All(whole.NamedParameters().Zip(again.NamedParameters()), p => Assert.Equal(p.First.Parameter.Value.ToArray(), p.Second.Parameter.Value.ToArray()));
        whole.Release();
        again.Release();
    }

    [Theory]
    [InlineData("photo.png", false)]
    [InlineData("photo.ppm", false)] // a format whose size is known once it is decoded
    [InlineData("turned.jpg", true)]
    public void A_predicted_mask_is_as_large_as_its_photograph(string name, bool upright)
    {
        // Red and blue halves of 20 rows and 60 columns, on a network of 4 x 8 that tells red from blue. As EXIF's orientation 6 has it, the stored columns are the rows of the photograph.
        (int height, int width) = upright ? (60, 20) : (20, 60);
        bool IsBlue(int row, int column) => upright ? row >= height / 2 : column >= width / 2;
        WriteHalves(Sub(name), 20, 60, upright);
        var network = new Sequential(4, 8, 3) { new Conv2D(2, 1) { Name = "tells", UseBias = false } };
        network.GetLayer("tells").Parameters[0].Set([1, 0, 0, 0, 0, 1]); // [O,R,S,I]: red, blue
        network.Preprocessing = Preprocessing.Rescale.For(new ImageInput(4, 8, ResizeFilter.Nearest, ColorMode.Rgb, upright));
        network.ClassNames = ["red", "blue"];
        ModelFile.Save(network, Sub("halves.graft"));
        network.Release();
        GraftRun.Succeeds("predict", "--model", Sub("halves.graft"), "--masks", Sub("said"), Sub(name));
        using SKBitmap mask = SKBitmap.Decode(Path.ChangeExtension(Sub($"said/{name}"), ".png"));
        Assert.Equal((height, width), (mask.Height, mask.Width));
        Assert.All(Enumerable.Range(0, height * width), p => Assert.Equal(IsBlue(p / width, p % width) ? 1 : 0, mask.GetPixel(p % width, p / width).Red));
    }

    [Fact]
    public void Values_of_masks_are_classes_by_name_or_by_option()
    {
        Paint("photos", "masks", 4, seed: 1, value: v => v switch { 0 => 40, 255 => 255, _ => 90 }, suffix: "_mask");
        string[] more = ["--mask-suffix", "_mask", "--ignore", "255", "--epochs", "1"];
        Assert.Matches(@"pixels 40 \d\d\.\d %, 90 ", GraftRun.Succeeds(Args(more)));
        string[] evaluate = ["evaluate", "--model", Sub("out"), "--data", Sub("photos"), "--masks", Sub("masks"), "--mask-suffix", "_mask", "--ignore", "255"];
        double byValue = Number(GraftRun.Succeeds(evaluate), "mean_iou"); // the classes are called 40 and 90
        Assert.Matches(@"pixels ground \d\d\.\d %, thing ", GraftRun.Succeeds(Args([.. more, "--mask-values", "40,90", "--class-names", "ground,thing"])));
        Assert.Equal(byValue, Number(GraftRun.Succeeds([.. evaluate, "--mask-values", "40,90"]), "mean_iou"), Printed);
        GraftRun.Fails(1, "a pixel has the value 90", [.. evaluate, "--mask-values", "40,91"]);
    }

    [Theory]
    [InlineData(1, "000.png: no mask; ", "--masks", "nothing")]
    [InlineData(1, "Add it, set --mask-suffix to what masks have behind the name", "--masks", "nothing")]
    [InlineData(1, "other proportions. It belongs to another photograph", "--masks", "wide")]
    [InlineData(1, "but the classes are 0 grass, 1 disc. Name all classes, map them with --mask-values, or ignore one with --ignore", "--class-names", "grass,disc", "--mask-values", "0,1", "--ignore", "255")]
    [InlineData(1, "1 class names for masks; take 2 to 253", "--class-names", "grass")]
    [InlineData(1, "gone: no such folder", "--masks", "gone")]
    [InlineData(1, "--mask-values are 0, 255, but there are 2 classes (a, b) and the value 255 is ignored", "--class-names", "a,b", "--mask-values", "0,255", "--ignore", "255")]
    [InlineData(1, "the masks have 100 values, from 0 to 99; without names of classes, 2 to 64 are taken for these. Name them by --class-names", "--masks", "shades")]
    [InlineData(2, "--class-names a,,b: takes names of classes with commas between, each once, such as background,road,car", "--class-names", "a,,b")]
    [InlineData(2, "--mask-values has 2 values and --class-names 3 names", "--class-names", "a,b,c", "--mask-values", "0,255")]
    [InlineData(2, "--mask-values 0,x: 'x' is no number", "--mask-values", "0,x")]
    [InlineData(2, "--mask-values 256 is outside 0 to 255", "--mask-values", "0,256")]
    [InlineData(2, "--mixup: of no use with --masks", "--mixup", "0.2")]
    [InlineData(2, "--cutmix: of no use with --masks", "--cutmix", "1")]
    [InlineData(2, "--head: of no use with --masks", "--head", "gap")]
    [InlineData(2, "--labels: of no use with --masks", "--labels", "numbers")]
    [InlineData(2, "--loss mse: masks take cross-entropy, dice, cross-entropy+dice", "--loss", "mse")]
    [InlineData(2, "--label-smoothing: of no use with --loss dice", "--loss", "dice", "--label-smoothing", "0.1")]
    [InlineData(2, "give both or none", "--validation", "photos")]
    [InlineData(2, "substitute takes another image of the class", "--on-bad-image", "substitute")]
    public void What_does_not_fit_is_told(int code, string words, params string[] more)
    {
        Paint("photos", "masks", 2, seed: 1);
        TestPictures.Write(Sub("nothing/other.png"), 2, 2, (_, _) => TestPictures.Gray(0));
        TestPictures.Write(Sub("nothing/another.png"), 2, 2, (_, _) => TestPictures.Gray(1));
        TestPictures.Write(Sub("shades/000.png"), 10, 10, (y, x) => TestPictures.Gray(10 * y + x));
        foreach (string name in new[] { "000", "001" })
            TestPictures.Write(Sub($"wide/{name}.png"), DiscsAndSquares.Side, 2 * DiscsAndSquares.Side, (_, x) => TestPictures.Gray(x % 2));
        string[] given = [.. more.Select((word, i) => i > 0 && more[i - 1] is "--masks" or "--validation" ? Sub(word) : word)];
        string error = GraftRun.Fails(code, words, Array.IndexOf(given, "--masks") is >= 0 and int at ? [.. Args([.. given[..at], .. given[(at + 2)..]]).Select(a => a == Sub("masks") ? given[at + 1] : a)] : Args(given));
        Assert.DoesNotContain("MaskOptions", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Photographs_without_a_mask_are_left_out_and_a_folder_of_masks_may_not_lack()
    {
        Paint("photos/train", "masks/train", 3, seed: 1);
        Paint("photos/val", "masks/val", 2, seed: 9);
        File.Delete(Sub("masks/train/001.png"));
        string output = GraftRun.Succeeds(Args("--on-bad-image", "skip", "--epochs", "1", "--ignore", "255"));
        Assert.Matches(@"2 training images; .*
  skipped .*001\.png: no mask; .* set --mask-suffix to what masks have behind the name", output);
        Directory.Move(Sub("masks/val"), Sub("masks/validation"));
        GraftRun.Fails(1, $"{Sub("masks/val")}: no such folder; the masks of {Sub("photos/val")} are due there", Args());
        GraftRun.Succeeds([.. Args("--on-bad-image", "skip", "--epochs", "1", "--ignore", "255", "--validation", Sub("photos/train"), "--validation-masks", Sub("masks/train")).Select(a => a == Sub("photos") ? Sub("photos/val") : a == Sub("masks") ? Sub("masks/validation") : a)]);
    }

    [Fact]
    public void Options_of_masks_go_with_masks_and_a_model_of_classes_with_none()
    {
        FlowerPainter.WriteSet(Sub("flowers"), 2, 3);
        GraftRun.Fails(2, "--class-names, --ignore: goes with --masks", "finetune", "--data", Sub("flowers"), "--class-names", "a,b", "--ignore", "3", "--output", Sub("out"));
        GraftRun.Fails(2, "--loss goes with --labels numbers or with --masks", "finetune", "--data", Sub("flowers"), "--loss", "dice", "--output", Sub("out"));
        GraftRun.Fails(2, "not the table ", "finetune", "--data", Sub("flowers.csv"), "--masks", Sub("masks"), "--output", Sub("out"));
        GraftRun.Succeeds("finetune", "--data", Sub("flowers"), "--size", "32", "--epochs", "1", "--output", Sub("out"));
        GraftRun.Fails(1, "gives [5] and 5 class names, no class for each pixel; measure it without --masks", "evaluate", "--model", Sub("out"), "--data", Sub("flowers"), "--masks", Sub("flowers"));
        Assert.False(File.Exists(Sub("out/examples.png")));
    }

    private static void WriteHalves(string path, int height, int width, bool turned)
    {
        byte[] rgb = [.. Enumerable.Range(0, height * width).SelectMany(p => p % width < width / 2 ? new byte[] { 255, 0, 0 } : [0, 0, 255])];
        if (path.EndsWith(".ppm", StringComparison.Ordinal))
        {
            File.WriteAllBytes(path, [.. System.Text.Encoding.ASCII.GetBytes($"P6\n{width} {height}\n255\n"), .. rgb]);
            return;
        }
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (int p = 0; p < height * width; p++)
            bitmap.SetPixel(p % width, p / width, new SKColor(rgb[3 * p], rgb[3 * p + 1], rgb[3 * p + 2]));
        byte[] bytes = bitmap.Encode(path.EndsWith(".png", StringComparison.Ordinal) ? SKEncodedImageFormat.Png : SKEncodedImageFormat.Jpeg, 100).ToArray();
        File.WriteAllBytes(path, turned ? JpegStripTests.WithOrientation(bytes, 6) : bytes);
    }

    private string[] Args(params string[] more) => ["finetune", "--data", Sub("photos"), "--masks", Sub("masks"), "--size", $"{Size}", "--output", Sub("out"), .. more];

    private string Sub(string path) => Path.Combine(_folder, path);

    private static double Number(string output, string name) => Parse(GraftRun.Lines(output).Last(l => l.StartsWith($"{name}=", StringComparison.Ordinal))[(name.Length + 1)..]);

    private static double Parse(string number) => double.Parse(number, CultureInfo.InvariantCulture);

    // The nearest pixel of a mask, as a network of this size sees it.
    private static byte[] Resized(string path)
    {
        using SKBitmap mask = SKBitmap.Decode(path);
        return [.. Enumerable.Range(0, Size * Size).Select(p => mask.GetPixel((int)((p % Size + 0.5) * mask.Width / Size), (int)((p / Size + 0.5) * mask.Height / Size)).Red)];
    }

    private void Paint(string photographs, string masks, int count, int seed, Func<int, int>? value = null, string suffix = "") => DiscsAndSquares.Write(Sub(photographs), Sub(masks), count, seed, value, suffix);
}
