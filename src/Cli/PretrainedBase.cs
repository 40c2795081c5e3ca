using System.Text.RegularExpressions;
using Graft.Importers;
using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Models;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>A pretrained network without its classifier, frozen, with its preprocessing.</summary>
internal static partial class PretrainedBase
{
    private const int VggSize = 150, ResNetSize = 224, SqueezeNetSize = 227;

    /// <summary>Names that --base takes; resnet18 is the ImageNet network that comes along.</summary>
    public static readonly string[] Names = ["resnet18", "vgg16", "resnet50", "squeezenet"];

    /// <summary>Rows and columns of the images where nobody asks for others.</summary>
    public static int DefaultSize(string name) => name switch { "vgg16" => VggSize, "squeezenet" => SqueezeNetSize, _ when IsFile(name) => ImportedBase.DefaultSize(name), _ => ResNetSize };

    /// <summary>True where --base names a file of one's own.</summary>
    public static bool IsFile(string name) => !Names.Contains(name);

    /// <summary>Builds a base with its weights and its preprocessing.</summary>
    /// <param name="name">One of <see cref="Names"/>, or a file.</param>
    /// <param name="weights">Its weight file; null is the one beside the program, which resnet18 alone has, or the one that was pulled.</param>
    /// <param name="size">Rows and columns of the image.</param>
    /// <param name="preprocessing">How a file's network wants pixels; null where it says so itself, and for the published ones.</param>
    /// <exception cref="UsageException">The network needs a weight file, and none is named or was pulled.</exception>
    /// <exception cref="GraftException">The file cannot be read, or is another network's.</exception>
    public static Model Load(string name, string? weights, int size, string? preprocessing = null)
    {
        if (IsFile(name))
        {
            Model imported = ImportedBase.Load(name, weights, size, preprocessing);
            imported.Trainable = false;
            return imported;
        }
        if (preprocessing is not null)
            throw new UsageException($"--preprocess is for a base from a file; {name} has its own.");
        if (PulledWeights.AreKnown(name))
            weights ??= PulledWeights.Require(name, top: false);
        if (weights is null && name != "resnet18")
            throw new UsageException($"--base {name} needs --weights FILE: Keras's {name} .h5 (with or without top).");
        Model model = name switch
        {
            "vgg16" => LoadVgg16(weights!, size),
            "resnet50" => LoadResNet50(weights!, size),
            "squeezenet" => LoadSqueezeNet(weights!, size),
            _ => LoadImageNetResNet18(weights, size),
        };
        model.Trainable = false;
        return model;
    }

    /// <summary>Finds out before training whether so many blocks can be unfrozen.</summary>
    /// <exception cref="UsageException">There are fewer; the message lists them.</exception>
    public static void CheckBlocks(Model model, string name, int count)
    {
        const int Listed = 16;
        string[] blocks = Blocks(model);
        if (count > blocks.Length)
            throw new UsageException($"--unfreeze {count}: {name} has {blocks.Length} blocks to unfreeze, from its end: {string.Join(", ", blocks.Reverse().Take(Listed))}{(blocks.Length > Listed ? ", ..." : "")}. Take {blocks.Length} for all of them.");
    }

    /// <summary>Makes the last <paramref name="count"/> blocks trainable; their batch normalization stays on its moving statistics.</summary>
    /// <returns>The names of the blocks.</returns>
    public static IReadOnlyList<string> Unfreeze(Model model, int count)
    {
        Layer[] layers = [.. ImportedBase.Leaves(model)];
        Func<Layer, string> blockOf = Naming(layers);
        string[] blocks = [.. Blocks(model).TakeLast(count)];
        foreach (Layer layer in layers)
        {
            // Statistics of small batches would undo what the base has learned: Keras's guide to fine-tuning keeps them frozen as well.
            if (layer is not BatchNormalization && blocks.Contains(blockOf(layer)))
                layer.Trainable = true;
        }
        return blocks;
    }

    private static string[] Blocks(Model model)
    {
        Layer[] layers = [.. ImportedBase.Leaves(model)];
        return [.. layers.Select(Naming(layers)).Where(b => b.Length > 0).Distinct()];
    }

    // In a network of one's own, each layer with weights is a block.
    private static Func<Layer, string> Naming(Layer[] layers) => Array.Exists(layers, l => BlockOf(l).Length > 0) ? BlockOf
        : layer => layer.Parameters.Count > 0 && layer is not BatchNormalization ? layer.Name : "";

    private static Model LoadVgg16(string weights, int size)
    {
        Model model = Vgg16.Build(includeTop: false, size, size);
        Vgg16.LoadWeights(model, WeightFiles.Open(weights));
        return model;
    }

    private static Model LoadResNet50(string weights, int size)
    {
        WeightFile file = WeightFiles.Open(weights);
        Model model = ResNet.Build(50, includeTop: false, size, size, variant: ResNet.VariantOf(file));
        ResNet.LoadWeights(model, file);
        return model;
    }

    private static Model LoadSqueezeNet(string weights, int size)
    {
        Model model = SqueezeNet.Build(includeTop: false, size, size);
        SqueezeNet.LoadWeights(model, WeightFiles.Open(weights));
        return model;
    }

    private static Model LoadImageNetResNet18(string? weights, int size)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "weights");
        Model model = ImageNetResNet18.Build(size, size);
        ImageNetResNet18.LoadWeights(model, WeightFiles.Open(weights ?? Path.Combine(folder, "ResNet18.onnx")));
        model.Preprocessing = ImageNetResNet18.Preprocess(OnnxWeights.Open(Path.Combine(folder, "ResNetPreprocess.onnx")));
        return model;
    }

    private static string BlockOf(Layer layer)
    {
        Match match = Block().Match(layer.Name);
        return match.Success ? match.Groups["old"] is { Success: true } old ? $"res{old.Value}" : match.Groups["block"].Value : "";
    }

    // layer4.2.conv1 (torchvision), conv5_block3_1_conv and res5c_branch2a or bn5c_branch2a (Keras), block5_conv1 (VGG), fire9/squeeze1x1 (SqueezeNet)
    [GeneratedRegex(@"^(?:(?<block>layer\d+\.\d+)\.|(?<block>conv\d+_block\d+)_|(?:res|bn)(?<old>\d[a-z]+)_|(?<block>block\d+)_|(?<block>fire\d+)/)")]
    private static partial Regex Block();
}
