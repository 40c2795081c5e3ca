using Graft.Importers.Images;
using Graft.Tests.Golden;
using Graft.Training;
using PureHDF;
using PureHDF.VOL.Native;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Whole batches of flow_from_directory: each of the twelve reference images under each filter, and the folder as a data source.</summary>
public sealed class KerasBatchTests
{
    private const int Size = 150, Pixels = Size * Size * 3;

    private static readonly string[] s_files =
    [
        "Dogs/dog_cmyk.jpg", "Dogs/dog_gray.jpg", "Dogs/dog_palette.png", "Dogs/dog_rgba.png", "birds/a.png", "birds/b.JPG", "birds/gray16.png", "birds/sub/c.png",
        "cats/cat.0.jpg", "cats/cat.1.jpg", "cats/cat.10.png", "cats/cat.2.jpeg",
    ];

    private static string Reference(params string[] parts) => GraftShared.Path(["reference", "keras", "preprocessing", "flow_from_directory", .. parts]);

    [Theory]
    [InlineData(ResizeFilter.Nearest, 0)]
    [InlineData(ResizeFilter.Bilinear, 1)]
    [InlineData(ResizeFilter.Bicubic, 1)]
    [InlineData(ResizeFilter.Lanczos, 1)]
    public void Every_image_is_resized_as_Keras_resizes_what_it_decoded(ResizeFilter filter, int tolerance)
    {
        byte[] batch = Batch(filter);
        for (int i = 0; i < s_files.Length; i++)
        {
            (int[] shape, float[] decoded) = Npy.Read(Reference("decoded_full_size", $"{s_files[i].Replace("/", "__", StringComparison.Ordinal)}.npy"));
            var image = new PixelImage(shape[0], shape[1], Array.ConvertAll(decoded, v => (byte)v));
            Worst(s_files[i], batch, i, ImageResize.Run(image, Size, Size, filter).Rgb, tolerance);
        }
    }

    [Theory]
    [InlineData(ResizeFilter.Nearest)]
    [InlineData(ResizeFilter.Bilinear)]
    public void A_folder_delivers_the_images_labels_and_order_of_flow_from_directory(ResizeFilter filter)
    {
        ImageFolder folder = ImageFolder.Open(Reference("images"), (Size, Size), 5, Preprocessing.None, new ImageFolderOptions { LabelKind = LabelKind.Categorical, Resize = filter });
        Batch[] batches = [.. folder.Epoch(0)];
        Assert.Equal([5, 5, 2], batches.Select(b => b.Size));
        float[] inputs = [.. batches.SelectMany(b => b.Inputs)], labels = [.. batches.SelectMany(b => b.Labels)];
        byte[] expected = Batch(filter);
        for (int i = 0; i < s_files.Length; i++)
        {
            byte[] found = Array.ConvertAll(inputs[(i * Pixels)..((i + 1) * Pixels)], v => (byte)v);
            // PNG is decoded exactly, JPEG within two levels; a filter may round one more.
            bool png = s_files[i].EndsWith(".png", StringComparison.Ordinal);
            Worst(s_files[i], expected, i, found, (png ? 0 : 2) + (filter == ResizeFilter.Nearest ? 0 : 1));
            int label = s_files[i][0] switch { 'D' => 0, 'b' => 1, _ => 2 };
            Assert.Equal([label == 0 ? 1 : 0, label == 1 ? 1 : 0, label == 2 ? 1f : 0], labels[(i * 3)..(i * 3 + 3)]);
        }
    }

    [Fact]
    public void Rescaled_floats_are_those_of_the_generator()
    {
        (int[] shape, float[] expected) = Npy.Read(Reference("batch_float_first_image_nearest_rescaled.npy"));
        (int[] size, float[] decoded) = Npy.Read(Reference("decoded_full_size", "Dogs__dog_cmyk.jpg.npy"));
        PixelImage image = ImageResize.Run(new PixelImage(size[0], size[1], Array.ConvertAll(decoded, v => (byte)v)), Size, Size, ResizeFilter.Nearest);
        var found = new float[Pixels];
        Preprocessing.Rescale.Apply(Array.ConvertAll(image.Rgb, b => (float)b), found);
        Assert.Equal(Pixels, shape.Aggregate(1, (n, d) => n * d));
        for (int i = 0; i < found.Length; i++)
            Assert.Equal(expected[i], found[i], 1e-6f); // a division against a product with 1/255
    }

    private static byte[] Batch(ResizeFilter filter)
    {
        using var files = new TemporaryFiles();
        using NativeFile file = H5File.OpenRead(files.Unpack(Reference("batches.h5.gz")));
        return file.Dataset(filter.ToString().ToLowerInvariant()).Read<byte[]>();
    }

    private static void Worst(string what, byte[] batch, int index, byte[] found, int tolerance)
    {
        Assert.Equal(Pixels, found.Length);
        int worst = batch.AsSpan(index * Pixels, Pixels).ToArray().Zip(found, (e, f) => Math.Abs(e - f)).Max();
        Assert.True(worst <= tolerance, $"{what}: {worst} levels off, {tolerance} are allowed");
    }
}
