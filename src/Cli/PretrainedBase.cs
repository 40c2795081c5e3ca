using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Models;

namespace Graft.Cli;

/// <summary>The pretrained network that comes along, without a classifier.</summary>
internal static class PretrainedBase
{
    /// <summary>Names that --base takes; resnet18 is the ImageNet network that comes along.</summary>
    public static readonly string[] Names = ["resnet18"];

    /// <summary>Builds a base with its weights and its preprocessing.</summary>
    /// <param name="weights">An ONNX file of that network, or null for the one beside the program.</param>
    /// <param name="size">Rows and columns of the image.</param>
    public static Model Load(string? weights, int size)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "weights");
        Model model = ImageNetResNet18.Build(size, size);
        ImageNetResNet18.LoadWeights(model, OnnxWeights.Open(weights ?? Path.Combine(folder, "ResNet18.onnx")));
        model.Preprocessing = ImageNetResNet18.Preprocess(OnnxWeights.Open(Path.Combine(folder, "ResNetPreprocess.onnx")));
        model.Trainable = false;
        return model;
    }

    /// <summary>Makes the last <paramref name="count"/> residual blocks trainable.</summary>
    /// <returns>The names of the blocks.</returns>
    public static IReadOnlyList<string> Unfreeze(Model model, int count)
    {
        string[] blocks = [.. model.Layers.Select(BlockOf).Where(b => b is not null).Distinct().TakeLast(count).Select(b => b!)];
        foreach (Layer layer in model.Layers)
        {
            if (blocks.Contains(BlockOf(layer)))
                layer.Trainable = true;
        }
        return blocks;
    }

    // layer4.2.conv1 belongs to block layer4.2
    private static string? BlockOf(Layer layer)
    {
        string[] parts = layer.Name.Split('.');
        return parts.Length > 2 ? $"{parts[0]}.{parts[1]}" : null;
    }
}
