using System.Buffers.Binary;
using Graft.Importers.Images;
using Graft.Training;
using SkiaSharp;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Folders that are in order, and folders that are not: what is read, and what the error says.</summary>
public sealed class ImageFolderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("graft-images").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Files_of_a_folder_come_before_those_of_its_sub_folders_as_Keras_walks()
    {
        foreach (string file in new[] { "a/z.png", "a/sub/c.png", "a/sub.x/d.png", "a/b.png", "b/1.png" })
            Write(file, Image(SKEncodedImageFormat.Png));
        // sorted(os.walk(folder)) and sorted(files): folder by folder; '.' is below '/'
        Assert.Equal(["a/b.png", "a/z.png", "a/sub/c.png", "a/sub.x/d.png", "b/1.png"], Names(Open()));
    }

    [Fact]
    public void Files_with_other_endings_are_told_and_all_endings_of_jpeg_are_read()
    {
        byte[] jpeg = Image(SKEncodedImageFormat.Jpeg);
        foreach (string file in new[] { "a/1.jfif", "a/2.JPE", "a/3.jpeg", "b/1.jpg" })
            Write(file, jpeg);
        foreach (string file in new[] { "a/x.heic", "a/sub/y.HEIC", "a/noending", "a/.hidden" })
            Write(file, jpeg);
        Assert.Equal(["a/1.jfif", "a/2.JPE", "a/3.jpeg", "b/1.jpg"], Names(Open()));
        Assert.Equal(["noending", "x.heic", "y.HEIC"], ImageFolder.OthersIn(Path.Combine(_root, "a")).Select(f => Path.GetFileName(f)));
    }

    [Fact]
    public void A_link_to_a_folder_inside_a_class_is_not_followed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        TwoClasses();
        Directory.CreateSymbolicLink(Path.Combine(_root, "a", "loop"), Path.Combine(_root, "a"));
        Assert.Equal(["a/1.png", "b/1.png"], Names(Open()));
    }

    [Fact]
    public void Bad_files_are_all_listed_at_once_and_can_be_skipped()
    {
        TwoClasses();
        byte[] jpeg = Image(SKEncodedImageFormat.Jpeg), png = Image(SKEncodedImageFormat.Png);
        Write("a/cut.jpg", jpeg[..(jpeg.Length / 2)]);
        Write("a/cut.png", png[..(png.Length / 2)]);
        Write("a/empty.jpg", []);
        Write("b/text.jpg", "hello, hello"u8.ToArray());
        Write("b/huge16.png", Gray16(int.MaxValue, int.MaxValue));
        Write("b/none16.png", Gray16(0, 0));
        Write("b/misnamed.jpg", png); // a PNG by content: read, as Pillow does
        string message = Assert.Throws<BadImagesException>(() => Open()).Message;
        Assert.Contains("6 of 9 images", message, StringComparison.Ordinal);
        foreach (string part in new[] { "cut.jpg", "cut.png", "truncated", "empty.jpg: the file is empty", "text.jpg: not an image", "huge16.png: its header", "none16.png: its header" })
            Assert.Contains(part, message, StringComparison.Ordinal);
        ImageFolder folder = Open(new ImageFolderOptions { BadImages = BadImages.Skip });
        Assert.Equal(["a/1.png", "b/1.png", "b/misnamed.jpg"], Names(folder));
        Assert.Equal(6, folder.BadFiles.Count);
    }

    [Fact]
    public void A_bad_file_can_be_substituted_by_the_next_good_one_of_its_class()
    {
        Write("a/1.jpg", []);
        Write("a/2.png", Image(SKEncodedImageFormat.Png, 1));
        Write("a/3.png", Image(SKEncodedImageFormat.Png, 2));
        Write("a/4.jpg", []);
        Write("b/1.png", Image(SKEncodedImageFormat.Png, 3));
        ImageFolder folder = Open(new ImageFolderOptions { BadImages = BadImages.Substitute });
        Assert.Equal(["a/2.png", "a/2.png", "a/3.png", "a/2.png", "b/1.png"], Names(folder));
        Assert.Equal([0, 0, 0, 0, 1], folder.Classes);
        Assert.Equal(2, folder.BadFiles.Count);
    }

    [Fact]
    public void A_truncated_progressive_jpeg_is_found_although_its_thumbnail_has_an_end_marker()
    {
        byte[] whole = WithThumbnail(Convert.FromBase64String(ProgressiveJpeg));
        Assert.Equal((16, 16), (ImageDecoder.Decode(whole, "whole").Height, ImageDecoder.Decode(whole, "whole").Width));
        Assert.Contains("truncated", Assert.Throws<GraftException>(() => ImageDecoder.Decode(whole[..^40], "cut")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_that_cannot_be_trained_on_are_refused_by_name()
    {
        string Message(ImageFolderOptions? options = null) => Assert.Throws<GraftException>(() => Open(options)).Message;
        Assert.Contains("no such folder", Assert.Throws<GraftException>(() => ImageFolder.Open(Path.Combine(_root, "missing"), (8, 8), 2, Preprocessing.None)).Message, StringComparison.Ordinal);
        Assert.Contains("no class folders", Message(), StringComparison.Ordinal);
        Write("a/1.png", Image(SKEncodedImageFormat.Png));
        Assert.Contains("one class folder only, 'a'", Message(), StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(_root, "b"));
        Assert.Contains("no images", Message(), StringComparison.Ordinal);
        Write("b/1.png", Image(SKEncodedImageFormat.Png));
        Assert.Equal(2, Open().Count);
        Assert.Contains("has 'b', but the classes are a, c", Message(new ImageFolderOptions { ClassNames = ["a", "c"] }), StringComparison.Ordinal);
        Write("c/1.png", Image(SKEncodedImageFormat.Png));
        Assert.Contains("binary labels take 2", Message(new ImageFolderOptions { LabelKind = LabelKind.Binary }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("validation")]
    [InlineData("val")]
    [InlineData("valid")]
    public void A_data_set_in_two_parts_is_found_under_the_names_in_use(string name)
    {
        Write("train/a/1.png", Image(SKEncodedImageFormat.Png));
        Write($"{name}/a/1.png", Image(SKEncodedImageFormat.Png));
        Assert.Equal((Path.Combine(_root, "train"), Path.Combine(_root, name)), ImageFolder.FindSplit(_root));
    }

    [Fact]
    public void Parts_of_a_data_set_are_not_taken_for_classes()
    {
        Write("train/a/1.png", Image(SKEncodedImageFormat.Png));
        Write("test/a/1.png", Image(SKEncodedImageFormat.Png));
        string message = Assert.Throws<GraftException>(() => ImageFolder.FindSplit(_root)).Message;
        Assert.Contains("holds test, train, which are parts of a data set and no classes", message, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(_root, "train"), message, StringComparison.Ordinal);
        Write("bus/1.png", Image(SKEncodedImageFormat.Png)); // vehicles: bus, test, train are classes
        Assert.Equal((_root, null), ImageFolder.FindSplit(_root));
    }

    [Fact]
    public void Other_classes_than_those_of_the_training_are_named_before_their_number()
    {
        TwoClasses();
        Write("c/1.png", Image(SKEncodedImageFormat.Png));
        string message = Assert.Throws<GraftException>(() => Open(new ImageFolderOptions { LabelKind = LabelKind.Binary, ClassNames = ["a", "b"] })).Message;
        Assert.Contains("has 'c', but the classes are a, b. ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_with_some_of_the_named_classes_has_their_numbers()
    {
        Write("c/1.png", Image(SKEncodedImageFormat.Png));
        Directory.CreateDirectory(Path.Combine(_root, "a"));
        ImageFolder folder = Open(new ImageFolderOptions { ClassNames = ["c", "b", "a"] });
        Assert.Equal(["c/1.png"], Names(folder));
        Assert.Equal(["c", "b", "a"], folder.ClassNames);
        Assert.Equal([0], folder.Classes);
        Assert.Equal([1f, 0, 0], folder.Epoch(0).Single().Labels);
        Assert.Contains("folders named a, b hold no", Assert.Throws<GraftException>(() => ImageFolder.Open(Path.Combine(_root, "a"), (8, 8), 2, Preprocessing.None, new ImageFolderOptions { ClassNames = ["a", "b"] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        TwoClasses();
        foreach (ImageFolderOptions options in new ImageFolderOptions[] { new() { Workers = 0 }, new() { ValidationSplit = 1 }, new() { ValidationSplit = -0.1 }, new() { ValidationSplit = double.NaN }, new() { LabelKind = LabelKind.Values } })
            Assert.Throws<GraftException>(() => Open(options));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageFolder.Open(_root, (0, 8), 2, Preprocessing.None));
    }

    [Theory]
    [InlineData(LabelKind.Binary, new[] { 0f, 1f })]
    [InlineData(LabelKind.Sparse, new[] { 0f, 1f })]
    [InlineData(LabelKind.Categorical, new[] { 1f, 0f, 0f, 1f })]
    public void Labels_are_laid_out_as_asked(LabelKind kind, float[] labels)
    {
        TwoClasses();
        Batch batch = Assert.Single(Open(new ImageFolderOptions { LabelKind = kind }).Epoch(0));
        Assert.Equal(labels, batch.Labels);
        Assert.Equal([0, 1], batch.Indices);
    }

    [Fact]
    public void Shuffling_gives_every_sample_once_in_another_order_each_epoch_and_can_begin_at_any_batch()
    {
        for (int i = 0; i < 10; i++)
            Write($"{(i % 2 == 0 ? "a" : "b")}/{i}.png", Image(SKEncodedImageFormat.Png));
        ImageFolder folder = Open(new ImageFolderOptions { ShuffleSeed = 7 });
        int[] Order(int epoch, int first = 0) => [.. folder.Epoch(epoch, first).SelectMany(b => b.Indices)];
        Assert.Equal(Enumerable.Range(0, 10), Order(0).Order());
        Assert.NotEqual(Order(0), Order(1));
        Assert.Equal(Order(3), Order(3));
        Assert.Equal(Order(3)[4..], Order(3, first: 2));
    }

    [Fact]
    public void A_returned_batch_lends_its_memory_to_a_later_one_and_others_stay_as_they_are()
    {
        for (int i = 0; i < 6; i++)
            Write($"{(i % 2 == 0 ? "a" : "b")}/{i}.png", Image(SKEncodedImageFormat.Png, variant: i));
        ImageFolder folder = Open();
        Batch[] kept = [.. folder.Epoch(0)];
        float[][] before = [.. kept.Select(b => b.Inputs.ToArray())];
        Assert.Equal(3, before.DistinctBy(b => string.Join(' ', b)).Count());
        folder.Return(kept[1]);
        Batch[] again = [.. folder.Epoch(0)];
        Assert.Single(again, b => ReferenceEquals(b.Inputs, kept[1].Inputs));
        Assert.Equal(before, again.Select(b => b.Inputs));
        Assert.Equal([before[0], before[2]], [kept[0].Inputs, kept[2].Inputs]);
    }

    [Fact]
    public void Cancelling_ends_an_epoch()
    {
        TwoClasses();
        using var source = new CancellationTokenSource();
        ImageFolder folder = ImageFolder.Open(_root, (8, 8), 1, Preprocessing.None);
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            foreach (Batch _ in folder.Epoch(0, 0, source.Token))
                source.Cancel();
        });
    }

    [Fact]
    public void Opening_a_folder_reports_each_file_and_can_be_cancelled()
    {
        for (int i = 0; i < 6; i++)
            Write($"{(i % 2 == 0 ? "a" : "b")}/{i}.png", Image(SKEncodedImageFormat.Png));
        var progress = new Recorded();
        Open(new ImageFolderOptions { Progress = progress });
        Assert.Equal(Enumerable.Range(1, 6).Select(i => (i, 6)), progress.Reports);
        using var source = new CancellationTokenSource();
        var cancel = new Recorded { OnReport = _ => source.Cancel() };
        Assert.ThrowsAny<OperationCanceledException>(() => Open(new ImageFolderOptions { Progress = cancel, CancellationToken = source.Token, Workers = 1 }));
        Assert.Single(cancel.Reports);
    }

    [Fact]
    public void An_epoch_reports_the_samples_that_it_hands_out()
    {
        TwoClasses();
        Write("b/2.png", Image(SKEncodedImageFormat.Png));
        ImageFolder folder = Open();
        var progress = new Recorded();
        folder.BatchProgress = progress;
        Assert.Equal(2, folder.Epoch(0).Count());
        Assert.Equal([(2, 3), (3, 3)], progress.Reports);
    }

    [Fact]
    public void Images_beyond_the_memory_budget_are_decoded_again_and_give_the_same_batches()
    {
        for (int i = 0; i < 7; i++)
            Write($"{(i % 2 == 0 ? "a" : "b")}/{i}.png", Image(SKEncodedImageFormat.Png, i));
        float[][] Batches(ImageFolder folder) => [.. folder.Epoch(1).Select(b => b.Inputs)];
        var options = new ImageFolderOptions { ShuffleSeed = 3, Augmentation = Augmentation.Standard };
        ImageFolder all = Open(options);
        Assert.Equal(7 * 8 * 8 * 3, all.KeptBytes);
        foreach ((long budget, int workers) in new[] { (0L, 1), (0L, 4), (500L, 3) })
        {
            ImageFolder some = Open(options with { MemoryBudget = budget, Workers = workers });
            Assert.Equal(budget / 192 * 192, some.KeptBytes); // 8 x 8 x 3 bytes an image
            Assert.Equal(Batches(all), Batches(some));
        }
        Assert.Throws<GraftException>(() => Open(options with { MemoryBudget = -1 }));
    }

    [Fact]
    public void An_epoch_without_inputs_has_the_labels_and_the_order_of_the_epoch_with_them()
    {
        for (int i = 0; i < 7; i++)
            Write($"{(i % 3 == 0 ? "a" : "b")}/{i}.png", Image(SKEncodedImageFormat.Png, i));
        ImageFolder folder = Open(new ImageFolderOptions { ShuffleSeed = 5 });
        Batch[] with = [.. folder.Epoch(2, firstBatch: 1)], without = [.. folder.EpochWithoutInputs(2, firstBatch: 1)];
        Assert.Equal(with.Select(b => b.Labels), without.Select(b => b.Labels));
        Assert.Equal(with.Select(b => b.Indices), without.Select(b => b.Indices));
        Assert.Equal(with.Select(b => b.InputShape), without.Select(b => b.InputShape));
        Assert.All(without, b => Assert.Empty(b.Inputs));
    }

    [Fact]
    public void A_fingerprint_tells_other_pixels_and_other_preparation_apart_but_not_where_pixels_are_kept()
    {
        TwoClasses();
        string first = Open().Fingerprint!;
        Assert.Equal(first, Open(new ImageFolderOptions { MemoryBudget = 0, Workers = 3 }).Fingerprint);
        Assert.NotEqual(first, Open(new ImageFolderOptions { Resize = ResizeFilter.Lanczos }).Fingerprint);
        Assert.NotEqual(first, ImageFolder.Open(_root, (8, 8), 2, Preprocessing.Tf).Fingerprint);
        Assert.NotEqual(first, ImageFolder.Open(_root, (8, 8), 2, Preprocessing.None with { MeanImage = new MeanImage(1, 1, [0, 0, 0]) }).Fingerprint);
        Write("b/1.png", Image(SKEncodedImageFormat.Png, 1));
        Assert.NotEqual(first, Open().Fingerprint);
    }

    [Fact]
    public void A_file_that_vanishes_between_epochs_is_named()
    {
        TwoClasses();
        ImageFolder folder = Open(new ImageFolderOptions { MemoryBudget = 0 });
        File.Delete(Path.Combine(_root, "b", "1.png"));
        Assert.Contains(Path.Combine("b", "1.png"), Assert.Throws<GraftException>(() => folder.Epoch(0).ToList()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Grayscale_samples_have_one_channel_also_when_they_are_augmented()
    {
        TwoClasses();
        ImageFolder colour = Open(), gray = Open(new ImageFolderOptions { ColorMode = ColorMode.Grayscale }), turned = Open(new ImageFolderOptions { ColorMode = ColorMode.Grayscale, Augmentation = new Augmentation { HorizontalFlip = true, RotationRange = 90 } });
        Assert.Equal(new Shape(8, 8, 1), gray.SampleShape);
        float[] x = gray.Epoch(0).Single().Inputs, rgb = colour.Epoch(0).Single().Inputs;
        Assert.Equal(2 * 8 * 8, x.Length);
        for (int i = 0; i < x.Length; i++)
            Assert.Equal((int)(rgb[3 * i] * 19595 + rgb[3 * i + 1] * 38470 + rgb[3 * i + 2] * 7471 + 0x8000) >> 16, x[i]); // nearest: resizing and mixing commute
        Assert.Equal(2 * 8 * 8, turned.Epoch(0).Single().Inputs.Length);
        Assert.Contains("caffe", Assert.Throws<ShapeException>(() => ImageFolder.Open(_root, (8, 8), 2, Preprocessing.Caffe, new ImageFolderOptions { ColorMode = ColorMode.Grayscale }).Epoch(0).ToList()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ResizeFilter.Nearest)]
    [InlineData(ResizeFilter.Lanczos)]
    public void A_model_that_is_trained_on_a_folder_reads_images_as_the_folder_did_also_from_its_file(ResizeFilter filter)
    {
        Write("a/1.png", Image(SKEncodedImageFormat.Png, 1));
        Write("b/1.png", Image(SKEncodedImageFormat.Png, 2));
        ImageFolder folder = ImageFolder.Open(_root, (8, 8), 2, Preprocessing.Torch, new ImageFolderOptions { Resize = filter, AppliesOrientation = true, LabelKind = LabelKind.Binary });
        var model = new Sequential(8, 8, 3) { new Graft.Layers.Flatten(), new Graft.Layers.Dense(1, Graft.Layers.Activation.Sigmoid) };
        model.Compile(new Sgd(0.1f), Loss.BinaryCrossEntropy());
        model.Fit(folder, epochs: 1);
        string file = Path.Combine(_root, "model.graft");
        Graft.Weights.ModelFile.Save(model, file);
        Preprocessing stored = Graft.Weights.ModelFile.Load(file).Model.Preprocessing!;
        Assert.Equal(new ImageInput(8, 8, filter, ColorMode.Rgb, AppliesOrientation: true), stored.Input);
        var reader = new ImageReader(stored);
        var x = new float[192];
        reader.Read(Path.Combine(_root, "b", "1.png"), x);
        Assert.Equal(folder.Epoch(0).Single().Inputs[192..], x);
        Assert.Equal(x, reader.Read(File.ReadAllBytes(Path.Combine(_root, "b", "1.png")), "an upload"));
        Assert.Contains("an upload: not an image", Assert.Throws<GraftException>(() => reader.Read([1, 2, 3], "an upload")).Message, StringComparison.Ordinal);
        Assert.Equal(folder.Epoch(0).Single().Inputs, ImageFolder.Open(_root, 2, stored, new ImageFolderOptions { LabelKind = LabelKind.Binary }).Epoch(0).Single().Inputs);
        Assert.Contains("does not say", Assert.Throws<GraftException>(() => new ImageReader(Preprocessing.Torch)).Message, StringComparison.Ordinal);
    }

    private ImageFolder Open(ImageFolderOptions? options = null) => ImageFolder.Open(_root, (8, 8), 2, Preprocessing.None, options);

    private IEnumerable<string> Names(ImageFolder folder) => folder.Files.Select(f => Path.GetRelativePath(_root, f).Replace('\\', '/'));

    private void TwoClasses()
    {
        Write("a/1.png", Image(SKEncodedImageFormat.Png));
        Write("b/1.png", Image(SKEncodedImageFormat.Png));
    }

    private void Write(string file, byte[] bytes)
    {
        string path = Path.Combine(_root, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }

    private static byte[] Image(SKEncodedImageFormat format, int variant = 0)
    {
        using var bitmap = new SKBitmap(32, 24);
        for (int i = 0; i < 32 * 24; i++)
            bitmap.SetPixel(i % 32, i / 32, new SKColor((byte)(i * (7 + variant)), (byte)(i * 13), (byte)(i * 29)));
        using SKData data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    /// <summary>The beginning of a PNG of one 16-bit channel; its size stands in the header only.</summary>
    private static byte[] Gray16(int width, int height)
    {
        var png = new byte[64];
        new byte[] { 0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52 }.CopyTo(png, 0);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), height);
        png[24] = 16;
        return png;
    }

    /// <summary>The JPEG with a segment that holds another JPEG, as cameras store a thumbnail.</summary>
    private static byte[] WithThumbnail(byte[] jpeg)
    {
        byte[] thumbnail = Image(SKEncodedImageFormat.Jpeg);
        var length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)(thumbnail.Length + 2));
        return [0xFF, 0xD8, 0xFF, 0xE1, .. length, .. thumbnail, .. jpeg[2..]];
    }

    // 16 x 16 pixels of noise, quality 40: Skia writes no progressive files.
    private const string ProgressiveJpeg =
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wgARCAAQABADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAgP/xAAUAQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIQAxAAAAEpTP/EABcQAAMBAAAAAAAAAAAAAAAAAAABEUH/2gAIAQEAAQUCtKNmf//EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQMBAT8Bf//EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQIBAT8Bf//EABcQAAMBAAAAAAAAAAAAAAAAAAAQMYH/2gAIAQEABj8CMUh//8QAHBABAAMAAgMAAAAAAAAAAAAAAQARITFBUXGB/9oACAEBAAE/IVCvOJ18gbrFMUay5OK5liC1a9T/2gAMAwEAAgADAAAAEAP/xAAXEQADAQAAAAAAAAAAAAAAAAAAAREx/9oACAEDAQE/ELVHp//EABYRAQEBAAAAAAAAAAAAAAAAAAEAEf/aAAgBAgEBPxBAMv/EAB8QAQEAAgIBBQAAAAAAAAAAAAERIWEAMbFBUXGh8P/aAAgBAQABPxAtZItGdPGvu4Q1WAaeo5qP54jAiIe0JU0OrPBIUszHuXL8G9dc/9k=";

    private sealed class Recorded : IProgress<(int Done, int Total)>
    {
        public List<(int Done, int Total)> Reports { get; } = [];

        public Action<(int Done, int Total)>? OnReport { get; init; }

        public void Report((int Done, int Total) value)
        {
            Reports.Add(value);
            OnReport?.Invoke(value);
        }
    }
}
