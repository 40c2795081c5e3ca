using Graft.Kernels;
using Graft.Training;
using Graft.Weights;

namespace Graft.Models;

/// <summary>
/// The ImageNet network of the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18: the pretrained base that is always at
/// hand. A ResNet of nine basic blocks, [2,2,2,3], without classifier.
/// </summary>
/// <remarks>
/// He et al. 2015, arXiv:1512.03385; trained and exported by CNTK, whose strided windows are padded at the top and left
/// first. Layers have torchvision's names; names.tsv leads from them to the file's. Pixels: BGR minus a mean image, 0..255.
/// </remarks>
public static class ImageNetResNet18
{
    private static readonly Lazy<Dictionary<string, string>> Initializers = new(ReadNames);

    /// <summary>Builds the graph: [N,H,W,3] to [N,H/32,W/32,512], or [N,512] with pooling.</summary>
    /// <param name="height">Rows of the image; the network was trained at 224.</param>
    /// <param name="width">Columns of the image.</param>
    /// <param name="pooling">What stands behind the last block.</param>
    public static Model Build(int height = 224, int width = 224, Pooling pooling = Pooling.None)
    {
        Node input = Node.Input(new Shape(height, width, 3), "input_1");
        Node x = new TorchResNetBody(bottleneck: false, [2, 2, 2, 3], strided: SameInFront).Apply(input);
        return new Model(input, pooling.Apply(x, "avg_pool", "max_pool"), "imagenet_resnet18");
    }

    /// <summary>CNTK's automatic padding of a window of stride 2: "same", with the odd row and column at the top and left.</summary>
    private static Padding2D SameInFront(Shape image, int filter)
    {
        Padding2D behind = Padding2D.Same(image[0], image[1], filter, filter, 2, 2);
        return new Padding2D(behind.Bottom, behind.Top, behind.Right, behind.Left);
    }

    /// <summary>Loads the package's ResNet18.onnx.</summary>
    /// <exception cref="GraftException">The file is another network's; everything that does not fit is listed.</exception>
    public static WeightReport LoadWeights(Model model, WeightFile file) => WeightLoader.Load(model, file, (layer, p) =>
    {
        WeightName name = WeightName.Torch(layer, p);
        return name with { Name = Initializers.Value.GetValueOrDefault(name.Name, name.Name) };
    });

    /// <summary>The network's preprocessing, from the mean image in the package's ResNetPreprocess.onnx.</summary>
    /// <exception cref="GraftException">The file holds no mean image [1,3,224,224].</exception>
    public static Preprocessing Preprocess(WeightFile file)
    {
        string? name = file.Names.FirstOrDefault(n => file.ShapeOf(n).Count == 3 * 224 * 224);
        if (name is null)
            throw new GraftException($"{file.Source}: no mean image of 3 x 224 x 224 among its arrays ({string.Join(", ", file.Names)}).");
        float[] planes = file.Read(name), image = new float[planes.Length], mean = new float[3];
        int pixels = 224 * 224;
        for (int c = 0; c < 3; c++)
        {
            double sum = 0;
            for (int p = 0; p < pixels; p++)
            {
                image[p * 3 + c] = planes[c * pixels + p]; // [3,H,W] to [H,W,3]
                sum += planes[c * pixels + p];
            }
            mean[c] = (float)(sum / pixels);
        }
        return new Preprocessing("imagenet-resnet18", true, 1, mean, [1, 1, 1]) { MeanImage = new MeanImage(224, 224, image) };
    }

    private static Dictionary<string, string> ReadNames()
    {
        using Stream table = typeof(ImageNetResNet18).Assembly.GetManifestResourceStream("ImageNetResNet18.names.tsv")!;
        using var reader = new StreamReader(table);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(l => l.Split('\t')).ToDictionary(f => f[0], f => f[1]);
    }
}
