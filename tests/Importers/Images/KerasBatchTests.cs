using Graft.Importers.Images;
using Graft.Tests.Golden;
using Graft.Training;
using PureHDF;
using PureHDF.VOL.Native;
using SkiaSharp;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Whole batches of flow_from_directory: each of the twelve reference images under each filter, and the folder as a data source.</summary>
public sealed class KerasBatchTests : IDisposable
{
    private const int Size = 150, Pixels = Size * Size * 3;

    private static readonly string[] s_images =
    [
        "Dogs/dog_cmyk.jpg", "Dogs/dog_gray.jpg", "Dogs/dog_palette.png", "Dogs/dog_rgba.png", "birds/a.png", "birds/b.JPG", "birds/gray16.png", "birds/sub/c.png",
        "cats/cat.0.jpg", "cats/cat.1.jpg", "cats/cat.10.png", "cats/cat.2.jpeg",
    ];

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    private static string Reference(params string[] parts) => GraftShared.Path(["reference", "keras", "preprocessing", "flow_from_directory", .. parts]);

    [Theory]
    [InlineData(ResizeFilter.Nearest, 0)]
    [InlineData(ResizeFilter.Bilinear, 1)]
    [InlineData(ResizeFilter.Bicubic, 1)]
    [InlineData(ResizeFilter.Lanczos, 1)]
    public void Every_image_is_resized_as_Keras_resizes_what_it_decoded(ResizeFilter filter, int tolerance)
    {
        byte[] expected = Batch(filter);
        float[] found = Inputs(ImageFolder.Open(Decoded(), (Size, Size), 5, Preprocessing.None, new ImageFolderOptions { Resize = filter }));
        for (int i = 0; i < s_images.Length; i++)
            Compare(i, expected, found, tolerance);
    }

    [Theory]
    [InlineData(ResizeFilter.Nearest)]
    [InlineData(ResizeFilter.Bilinear)]
    public void A_folder_delivers_the_images_labels_and_order_of_flow_from_directory(ResizeFilter filter)
    {
        ImageFolder folder = ImageFolder.Open(Reference("images"), (Size, Size), 5, Preprocessing.None, new ImageFolderOptions { LabelKind = LabelKind.Categorical, Resize = filter });
        Assert.Equal([5, 5, 2], folder.Epoch(0).Select(b => b.Size));
        float[] inputs = Inputs(folder), labels = [.. folder.Epoch(0).SelectMany(b => b.Labels)];
        byte[] expected = Batch(filter);
        for (int i = 0; i < s_images.Length; i++)
        {
            // PNG is decoded exactly, JPEG within two levels; a filter may round one more.
            bool png = s_images[i].EndsWith(".png", StringComparison.Ordinal);
            Compare(i, expected, inputs, (png ? 0 : 2) + (filter == ResizeFilter.Nearest ? 0 : 1));
            int label = s_images[i][0] switch { 'D' => 0, 'b' => 1, _ => 2 };
            Assert.Equal([label == 0 ? 1 : 0, label == 1 ? 1 : 0, label == 2 ? 1f : 0], labels[(i * 3)..(i * 3 + 3)]);
        }
    }

    [Fact]
    public void Rescaled_floats_are_those_of_the_generator()
    {
        float[] expected = Npy.Read(Reference("batch_float_first_image_nearest_rescaled.npy")).Values;
        float[] found = Inputs(ImageFolder.Open(Decoded(), (Size, Size), 5, Preprocessing.Rescale));
        Assert.Equal(Pixels, expected.Length);
        for (int i = 0; i < Pixels; i++)
            Assert.Equal(expected[i], found[i], 1e-6f);
    }

    /// <summary>The pixels that Keras decoded, as PNG in two class folders: what follows does not depend on a JPEG decoder.</summary>
    private string Decoded()
    {
        for (int i = 0; i < s_images.Length; i++)
        {
            (int[] shape, float[] rgb) = Npy.Read(Reference("decoded_full_size", $"{s_images[i].Replace("/", "__", StringComparison.Ordinal)}.npy"));
            using var bitmap = new SKBitmap(shape[1], shape[0], SKColorType.Rgba8888, SKAlphaType.Opaque);
            bitmap.Pixels = [.. rgb.Chunk(3).Select(p => new SKColor((byte)p[0], (byte)p[1], (byte)p[2]))];
            string folder = i < s_images.Length / 2 ? "decoded/a" : "decoded/b";
            Directory.CreateDirectory(_files[folder]);
            _files.Write($"{folder}/{i:00}.png", bitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray());
        }
        return _files["decoded"];
    }

    private static float[] Inputs(ImageFolder folder) => [.. folder.Epoch(0).SelectMany(b => b.Inputs)];

    private byte[] Batch(ResizeFilter filter)
    {
        using NativeFile file = H5File.OpenRead(_files.Unpack(Reference("batches.h5.gz")));
        return file.Dataset(filter.ToString().ToLowerInvariant()).Read<byte[]>();
    }

    private static void Compare(int image, byte[] expected, float[] found, int tolerance)
    {
        Assert.Equal(s_images.Length * Pixels, found.Length);
        float worst = 0;
        for (int i = image * Pixels; i < (image + 1) * Pixels; i++)
            worst = MathF.Max(worst, MathF.Abs(expected[i] - found[i]));
        Assert.True(worst <= tolerance, $"{s_images[image]}: {worst} levels off, {tolerance} are allowed");
    }
}
