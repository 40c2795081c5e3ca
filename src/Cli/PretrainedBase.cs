using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Models;

namespace Graft.Cli;

/// <summary>A pretrained network without its classifier, by the name the command line gives it.</summary>
internal static class PretrainedBase
{
    /// <summary>Names that --base takes.</summary>
    public static readonly string[] Names = ["resnet18"];

    /// <summary>Builds a base with its weights and its preprocessing.</summary>
    /// <param name="name">resnet18: the ImageNet network that comes along.</param>
    /// <param name="weights">An ONNX file of that network, or null for the one beside the program.</param>
    /// <param name="size">Rows and columns of the image.</param>
    public static Model Load(string name, string? weights, int size)
    {
        if (name != "resnet18")
            throw new GraftException($"Base '{name}' is not there; there is {string.Join(", ", Names)}.");
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
