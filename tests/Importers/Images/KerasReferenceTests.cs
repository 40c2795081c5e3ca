using Graft.Importers.Images;
using Graft.Tests.Golden;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Decoding, order and preprocessing against what Keras and Pillow gave for the same files.</summary>
public sealed class KerasReferenceTests
{
    private static string Reference(params string[] parts) => GraftShared.Path(["reference", "keras", "preprocessing", .. parts]);

    [Fact]
    public void Files_are_decoded_as_Pillow_decodes_them()
    {
        string images = Reference("flow_from_directory", "images");
        foreach (string file in Directory.EnumerateFiles(images, "*", SearchOption.AllDirectories))
        {
            string golden = Path.GetRelativePath(images, file).Replace(Path.DirectorySeparatorChar.ToString(), "__", StringComparison.Ordinal);
            string path = Path.Combine(Reference("flow_from_directory", "decoded_full_size"), golden + ".npy");
            if (!File.Exists(path))
                continue; // the folder also holds files that Keras ignores
            (int[] shape, float[] expected) = Npy.Read(path);
            PixelImage image = ImageDecoder.Decode(file);
            Assert.Equal([image.Height, image.Width, 3], shape);
            int tolerance = file.EndsWith(".png", StringComparison.OrdinalIgnoreCase) ? 0 : 2; // JPEG decoders round the transform differently
            int worst = expected.Select((v, i) => (int)Math.Abs(v - image.Pixels[i])).Max();
            Assert.True(worst <= tolerance, $"{golden}: {worst} levels off");
        }
    }

    [Theory]
    [InlineData(Subset.All, 0, "Dogs/dog_cmyk.jpg Dogs/dog_gray.jpg Dogs/dog_palette.png Dogs/dog_rgba.png birds/a.png birds/b.JPG birds/gray16.png birds/sub/c.png cats/cat.0.jpg cats/cat.1.jpg cats/cat.10.png cats/cat.2.jpeg")]
    [InlineData(Subset.Training, 0.25, "Dogs/dog_gray.jpg Dogs/dog_palette.png Dogs/dog_rgba.png birds/b.JPG birds/gray16.png birds/sub/c.png cats/cat.1.jpg cats/cat.10.png cats/cat.2.jpeg")]
    [InlineData(Subset.Validation, 0.25, "Dogs/dog_cmyk.jpg birds/a.png cats/cat.0.jpg")]
    public void Files_come_in_the_order_and_split_of_flow_from_directory(Subset subset, double split, string files)
    {
        string images = Reference("flow_from_directory", "images");
        ImageFolder folder = ImageFolder.Open(images, (20, 20), 4, Preprocessing.None, new ImageFolderOptions { Subset = subset, ValidationSplit = split });
        Assert.Equal(["Dogs", "birds", "cats"], folder.ClassNames);
        Assert.Equal(files.Split(' '), folder.Files.Select(f => Path.GetRelativePath(images, f).Replace('\\', '/')));
    }

    [Theory]
    [InlineData("caffe", 1e-5f)]
    [InlineData("tf", 1e-6f)]
    [InlineData("torch", 1e-6f)]
    public void Preprocessing_gives_the_numbers_of_preprocess_input(string mode, float tolerance)
    {
        Preprocessing preprocessing = mode switch { "caffe" => Preprocessing.Caffe, "tf" => Preprocessing.Tf, _ => Preprocessing.Torch };
        (int[] shape, float[] x) = Npy.Read(Reference("preprocess_input", "image_uint8.npy"));
        var y = new float[x.Length];
        preprocessing.Apply(x, new Shape(shape), y);
        (_, float[] expected) = Npy.Read(Reference("preprocess_input", $"{mode}.npy"));
        for (int i = 0; i < y.Length; i++)
            Assert.True(MathF.Abs(expected[i] - y[i]) <= tolerance * MathF.Max(1, MathF.Abs(expected[i])), $"[{i}] {y[i]}, expected {expected[i]}");
    }

    [Fact]
    public void Batches_do_not_depend_on_the_number_of_workers()
    {
        string images = Reference("flow_from_directory", "images");
        float[][] Batches(int workers, int epoch) => [.. ImageFolder.Open(images, (24, 24), 5, Preprocessing.Tf, new ImageFolderOptions
        {
            ShuffleSeed = 4, Augmentation = Augmentation.Standard, Workers = workers,
        }).Epoch(epoch).Select(b => b.Inputs)];
        Assert.Equal(Batches(1, 0), Batches(3, 0));
        Assert.NotEqual(Batches(1, 0), Batches(1, 1));
    }
}
