using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Inference;
using Graft.Layers;
using Graft.Training;
using SkiaSharp;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Photographs with a class for each pixel: how masks are read, paired, augmented and told wrong.</summary>
public sealed class ImageMasksTests : IDisposable
{
    private const int Side = 8;

    private static readonly string[] s_classes = ["ground", "tree", "sky"];

    private readonly string _root = Directory.CreateTempSubdirectory("graft-masks").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Photographs => Path.Combine(_root, "photographs");

    private string Masks => Path.Combine(_root, "masks");

    public static TheoryData<string> GoldenNames => [.. Golden.Select(c => (string)c!["name"]!)];

    private static JsonArray Golden => JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Importers", "Images", "Golden", "masks.json")))!.AsArray();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [MemberData(nameof(GoldenNames))]
    public void Numbers_of_a_palette_are_those_that_Pillow_reads(string name)
    {
        JsonNode c = Golden.Single(g => (string)g!["name"]! == name)!;
        byte[] file = Convert.FromBase64String((string)c["file"]!);
        Assert.True(PngIndices.Handles(file));
        int[][] rows = [.. c["numbers"]!.AsArray().Select(r => r!.AsArray().Select(n => (int)n!).ToArray())];
        PixelImage image = PngIndices.Decode(file, "mask.png");
        Assert.Equal((rows.Length, rows[0].Length, 1), (image.Height, image.Width, image.Channels));
        Assert.Equal(rows.SelectMany(r => r), image.Pixels.Select(p => (int)p));
        Assert.Contains("mask.png", Assert.Throws<GraftException>(() => PngIndices.Decode([.. file.AsSpan(0, file.Length - 30)], "mask.png")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_mask_is_an_error_that_names_it()
    {
        byte[] file = Convert.FromBase64String((string)Golden.Single(g => (string)g!["name"]! == "P4")!["file"]!);
        string path = Path.Combine(_root, "mask.png");
        var reader = new MaskReader(_root, (7, 7), [.. Enumerable.Range(0, 16).Select(c => $"class {c}")], new MaskOptions());
        int faults = 0;
        for (int at = 0; at < file.Length; at++)
        {
            byte[] changed = [.. file];
            changed[at] ^= 0x55;
            File.WriteAllBytes(path, changed);
            if (Record.Exception(() => reader.Read(path)) is { } e)
            {
                Assert.Contains("mask.png", Assert.IsType<GraftException>(e).Message, StringComparison.Ordinal);
                faults++;
            }
        }
        Assert.True(faults > 40, $"{faults} of {file.Length} changes were noticed");
    }

    [Fact]
    public void Labels_are_classes_of_pixels_in_each_layout()
    {
        Write("a", (y, x) => y < 4 ? 2 : x < 3 ? 1 : 0);
        Write(Path.Combine("far", "b"), (_, _) => 1);
        ImageMasks sparse = Open(LabelKind.Sparse);
        Assert.Equal(new Shape(Side, Side), sparse.LabelShape);
        Batch batch = sparse.Epoch(0, 0, Token).Single();
        Assert.Equal(["a.png", "b.png"], sparse.Files.Select(f => Path.GetFileName(f)));
        Assert.Equal([2, 2, 2, 2, 2, 2, 2, 2], batch.Labels[..8]);
        Assert.Equal([1, 1, 1, 0, 0, 0, 0, 0], batch.Labels[^72..^64]);
        Assert.All(batch.Labels[64..], l => Assert.Equal(1, l));
        Assert.Equal(Side * Side * (3 + 1) * 2, sparse.KeptBytes);

        Batch oneHot = Open(LabelKind.Categorical).Epoch(0, 0, Token).Single();
        Assert.Equal(new Shape(2, Side, Side, 3), oneHot.LabelShape);
        Assert.Equal([0, 0, 1], oneHot.Labels[..3]);
        Assert.Equal(batch.Labels, oneHot.Labels.Chunk(3).Select(row => (float)Array.IndexOf(row, 1)));
        Assert.All(oneHot.Labels.Chunk(3), row => Assert.Equal(1, row.Sum()));

        // not kept: read anew for each epoch, the same numbers
        ImageMasks unkept = Open(new ImageFolderOptions { LabelKind = LabelKind.Sparse, MemoryBudget = 0 });
        Assert.Equal(0, unkept.KeptBytes);
        Batch again = unkept.Epoch(0, 0, Token).Single();
        Assert.Equal(batch.Labels, again.Labels);
        Assert.Equal(batch.Inputs, again.Inputs);
        Batch withoutInputs = unkept.EpochWithoutInputs(0, 0, Token).Single();
        Assert.Empty(withoutInputs.Inputs);
        Assert.Equal(batch.Labels, withoutInputs.Labels);
    }

    [Fact]
    public void Two_classes_are_0_and_1_or_dark_and_bright()
    {
        Write("a", (_, x) => x < 4 ? 0 : 255);
        Write("b", (_, x) => x < 4 ? 0 : 1);
        Write("c", (_, x) => x < 4 ? 9 : 200); // as JPEG blurs them
        ImageMasks masks = ImageMasks.Open(Photographs, Masks, ["back", "front"], (Side, Side), 3, Preprocessing.None, new ImageFolderOptions { LabelKind = LabelKind.Binary });
        Assert.Equal(new Shape(Side, Side, 1), masks.LabelShape);
        Assert.All(masks.Epoch(0, 0, Token).Single().Labels.Chunk(Side), row => Assert.Equal([0, 0, 0, 0, 1, 1, 1, 1], row));
    }

    [Fact]
    public void Values_of_classes_can_be_mapped_and_one_ignored()
    {
        Write("a", (y, _) => y switch { 0 => 10, 1 => 20, 2 => 255, _ => 30 }, suffix: "_mask");
        var options = new MaskOptions { Values = [30, 10, 20], Ignored = 255, Suffix = "_mask" };
        ImageMasks masks = Open(new ImageFolderOptions { LabelKind = LabelKind.Sparse }, options);
        Assert.Equal([1, 2, 255, 0], masks.Epoch(0, 0, Token).Single().Labels.Chunk(Side).Take(4).Select(row => row[0]));
        Assert.Contains("cannot say that a pixel is ignored", Throws(() => Open(new ImageFolderOptions(), options)), StringComparison.Ordinal);
        Assert.Contains("each class has one value, and none is there twice", Throws(() => Open(new ImageFolderOptions { LabelKind = LabelKind.Sparse }, options with { Values = [1, 2] })), StringComparison.Ordinal);
        Assert.Contains("which is the number of class 'sky'", Throws(() => Open(new ImageFolderOptions { LabelKind = LabelKind.Sparse }, options with { Ignored = 2 })), StringComparison.Ordinal);
    }

    [Fact]
    public void Values_and_pixels_of_each_class_are_counted()
    {
        Write("a", (y, _) => y switch { 0 => 10, 1 => 20, 2 => 255, _ => 30 });
        Write("b", (_, x) => x < 2 ? 10 : 30);
        Assert.Equal([10, 20, 30, 255], ImageMasks.ValuesIn(Masks, Token));
        var options = new MaskOptions { Values = [30, 10, 20], Ignored = 255 };
        foreach (long budget in new[] { 0L, 1L << 20 }) // read anew, and kept
        {
            ImageMasks masks = Open(new ImageFolderOptions { LabelKind = LabelKind.Sparse, MemoryBudget = budget }, options);
            Assert.Equal([(5 + 6) * 8, 8 + 2 * 8, 8], masks.CountPixels());
            Assert.Equal([1, 1, 0, 0, 0, 0, 0, 0], masks.MaskOf(1).Take(Side));
        }
        ImageMasks asTaught = ImageMasks.Open(Photographs, Masks, s_classes, 2, Preprocessing.None.For(new ImageInput(4, 4)), new ImageFolderOptions { LabelKind = LabelKind.Sparse }, options);
        Assert.Equal(new Shape(4, 4), asTaught.LabelShape);
        Assert.Contains("no such folder", Throws(() => ImageMasks.ValuesIn(Path.Combine(_root, "none"), Token)), StringComparison.Ordinal);
    }

    [Fact]
    public void Masks_are_resized_by_the_nearest_pixel()
    {
        Write("a", (y, x) => (y / 2 + x / 2) % 2 == 0 ? 0 : 2); // squares of two pixels: between 0 and 2 there is no class 1
        ImageMasks masks = ImageMasks.Open(Photographs, Masks, s_classes, (4, 4), 1, Preprocessing.None, new ImageFolderOptions { LabelKind = LabelKind.Sparse, Resize = ResizeFilter.Bilinear });
        Assert.Equal([0, 2, 0, 2, 2, 0, 2, 0], masks.Epoch(0, 0, Token).Single().Labels[..8]);
    }

    [Fact]
    public void Augmentation_moves_photograph_and_mask_alike()
    {
        var random = new Random(3);
        byte[] classes = [.. Enumerable.Range(0, Side * Side).Select(_ => (byte)random.Next(3))];
        for (int i = 0; i < 12; i++)
            Write($"{i:00}", (y, x) => classes[y * Side + x]);
        // the photograph's red is a hundred times the class: what the mask says, the photograph shows
        var options = new ImageFolderOptions
        {
            LabelKind = LabelKind.Sparse, ShuffleSeed = 1,
            Augmentation = new Augmentation { HorizontalFlip = true, VerticalFlip = true },
        };
        Batch batch = Open(options).Epoch(2, 0, Token).First();
        Assert.Equal(batch.Labels.Select(l => 100 * l), batch.Inputs.Chunk(3).Select(p => p[0]));
        Assert.True(batch.Labels.Chunk(Side * Side).Select(m => string.Join(",", m)).Distinct().Count() > 1);

        // turned and shifted, the nearest pixel is one of those that are mixed, and only there may they differ
        batch = Open(options with { Augmentation = new Augmentation { RotationRange = 30, WidthShiftRange = 0.3, ZoomRange = 0.2 } }).Epoch(0, 0, Token).First();
        (float Label, float Red)[] pairs = [.. batch.Labels.Zip(batch.Inputs.Chunk(3).Select(p => p[0]))];
        Assert.True(pairs.Average(p => Math.Abs(100 * p.Label - p.Red)) < 45, "the mask does not follow the photograph"); // 89 where they are not related
        Assert.All(pairs, p => Assert.InRange(p.Label, 0, 2));
    }

    [Theory]
    [InlineData(FillMode.Nearest, 1)]
    [InlineData(FillMode.Constant, 9)]
    public void A_shift_by_whole_pixels_moves_classes_as_the_photograph(FillMode mode, byte outside)
    {
        byte[] classes = [1, 2, 3, 4, 5, 6, 7, 8];
        var transform = new ImageTransform { Ty = -2, FillMode = mode };
        Assert.Equal([outside, outside, 1, 2, outside == 9 ? (byte)9 : (byte)5, outside == 9 ? (byte)9 : (byte)5, 5, 6], transform.ApplyToClasses(classes, 2, 4, outside: 9));
        Assert.Equal(transform with { FillValue = 9 } is var t ? t.Apply([.. classes.Select(c => (float)c)], 2, 4, channels: 1) : [], transform.ApplyToClasses(classes, 2, 4, outside: 9).Select(c => (float)c));
    }

    [Fact]
    public void Faults_are_told_by_file_all_at_once_or_left_out()
    {
        Write("a", (_, _) => 1);
        Write("b", (_, x) => x == 3 ? 7 : 0);
        Write("c", (_, _) => 0);
        File.Delete(Path.Combine(Masks, "c.png"));
        var e = Assert.Throws<BadImagesException>(() => Open(LabelKind.Sparse));
        Assert.Contains("b.png: a pixel has the value 7 (of 8 x 8 pixels, 2 values from 0 to 7), but the classes are 0 ground, 1 tree, 2 sky.", e.Message, StringComparison.Ordinal);
        Assert.Contains("c.png: no mask", e.Message, StringComparison.Ordinal);
        ImageMasks good = Open(new ImageFolderOptions { LabelKind = LabelKind.Sparse, BadImages = BadImages.Skip });
        Assert.Equal(["a.png"], good.Files.Select(f => Path.GetFileName(f)));
        Assert.Equal(2, good.BadFiles.Count);

        File.WriteAllText(Path.Combine(Masks, "a.jpg"), "");
        Assert.Contains("2 files are its mask", Throws(() => Open(LabelKind.Sparse)), StringComparison.Ordinal);
        Assert.Contains("no such folder", Throws(() => ImageMasks.Open(Photographs, Path.Combine(_root, "none"), s_classes, (Side, Side), 2, Preprocessing.None)), StringComparison.Ordinal);
        Assert.Contains("binary labels take 2", Throws(() => Open(LabelKind.Binary)), StringComparison.Ordinal);
        Assert.Contains("not values", Throws(() => Open(LabelKind.Values)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_mask_may_be_smaller_but_not_of_other_proportions()
    {
        TestPictures.Write(Path.Combine(Photographs, "a.png"), 60, 81, (_, _) => SKColors.Red);
        TestPictures.Write(Path.Combine(Masks, "a.png"), 20, 27, (_, _) => TestPictures.Gray(1));
        TestPictures.Write(Path.Combine(Photographs, "b.png"), 15, 10, (_, _) => SKColors.Red);
        TestPictures.Write(Path.Combine(Masks, "b.png"), 7, 5, (_, _) => TestPictures.Gray(1)); // a half of it, rounded
        Assert.All(Open(LabelKind.Sparse).Epoch(0, 0, Token).Single().Labels, l => Assert.Equal(1, l));
        TestPictures.Write(Path.Combine(Masks, "a.png"), 27, 20, (_, _) => TestPictures.Gray(1));
        Assert.Contains("a.png: the mask has 20 x 27 pixels, the photograph 81 x 60: other proportions.", Throws(() => Open(LabelKind.Sparse)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_share_is_held_back_and_samples_can_be_taken()
    {
        for (int i = 0; i < 5; i++)
            Write($"{i}", (_, _) => i % 3);
        var options = new ImageFolderOptions { LabelKind = LabelKind.Sparse, ValidationSplit = 0.4, Subset = Subset.Validation };
        Assert.Equal(2, Open(options).Count);
        Assert.Equal(3, Open(options with { Subset = Subset.Training }).Count);
        ImageBatches taken = Open(LabelKind.Sparse).Take([4, 0]);
        Assert.Equal([1, 0], taken.Epoch(0, 0, Token).Single().Labels.Chunk(Side * Side).Select(m => m[0]));
        Assert.Equal(new Shape(Side, Side), taken.LabelShape);
    }

    [Fact]
    public void A_frozen_base_is_computed_once_and_masks_come_to_its_features()
    {
        for (int i = 0; i < 6; i++)
            Write($"{i}", (y, x) => y < 2 + i % 3 ? 2 : x < 4 ? 1 : 0);
        float[][] weights = [.. new[] { FeatureCacheOptions.Default, FeatureCacheOptions.Off }.Select(caching =>
        {
            var model = new Sequential(Side, Side, 3)
            {
                new Conv2D(8, 3) { Padding = Padding.Same, Activation = Activation.ReLU, Trainable = false },
                new MaxPooling2D(2, 2),
                new Conv2D(16, 3) { Padding = Padding.Same, Activation = Activation.ReLU, Trainable = false },
                new Conv2D(3, 1),
                new UpSampling2D(),
                new Softmax(),
            };
            model.SetSeed(1);
            model.Compile(new Adam(0.05f), Loss.SparseCategoricalCrossEntropy(), Metric.MeanIoU);
            History history = model.Fit(ImageMasks.Open(Photographs, Masks, s_classes, (Side, Side), 4, Preprocessing.Rescale, new ImageFolderOptions { LabelKind = LabelKind.Sparse, ShuffleSeed = 2, MemoryBudget = 0 }), 30, options: new FitOptions { FeatureCache = caching });
            Assert.True(history.Last("mean_iou") > history["mean_iou"][0]);
            Assert.Equal(caching.IsEnabled, history.Notes.Any(n => n.Contains("6 training samples computed once, 174 times taken from the cache", StringComparison.Ordinal)));
            return model.Parameters.SelectMany(p => p.Value.ToArray()).ToArray();
        })];
        Assert.Equal(weights[0], weights[1]);
    }

    private ImageMasks Open(LabelKind kind) => Open(new ImageFolderOptions { LabelKind = kind });

    private ImageMasks Open(ImageFolderOptions options, MaskOptions? maskOptions = null) => ImageMasks.Open(Photographs, Masks, s_classes, (Side, Side), 12, Preprocessing.None, options, maskOptions);

    private static string Throws(Action act) => Assert.ThrowsAny<GraftException>(act).Message;

    /// <summary>A mask, and a photograph whose red is a hundred times its value.</summary>
    private void Write(string name, Func<int, int, int> value, string suffix = "")
    {
        TestPictures.Write(Path.Combine(Photographs, $"{name}.png"), Side, Side, (y, x) => new SKColor((byte)Math.Min(255, 100 * value(y, x)), 0, 0));
        TestPictures.Write(Path.Combine(Masks, $"{name}{suffix}.png"), Side, Side, (y, x) => TestPictures.Gray(value(y, x)));
    }
}
