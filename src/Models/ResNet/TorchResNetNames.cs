using System.Globalization;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Models;

/// <summary>Where files with PyTorch's names keep the layers of a ResNet, which has torchvision's names here.</summary>
/// <remarks>
/// torchvision: "layer2.0.conv1.weight". Hugging Face's ResNetModel and ResNetForImageClassification: "resnet.encoder.stages.1.layers.0.layer.0.
/// convolution.weight" (transformers, modeling_resnet.py); it is the same network. A prefix in front of all names ("module.", "resnet.") is taken
/// as it is.
/// </remarks>
internal sealed class TorchResNetNames
{
    private const string First = "layer1.0.conv1.weight", HubFirst = "encoder.stages.0.layers.0.layer.0.convolution.weight", HubPrefix = "resnet.";

    private readonly string _prefix;
    private readonly bool _hub;

    private TorchResNetNames(string prefix, bool hub)
    {
        _prefix = prefix;
        _hub = hub;
    }

    /// <summary>The names in a file, null where they are no ResNet's of PyTorch.</summary>
    public static TorchResNetNames? Of(WeightFile file)
    {
        string? Prefix(string first) => file.Names.FirstOrDefault(n => n == first || n.EndsWith($".{first}", StringComparison.Ordinal))?[..^first.Length];
        return Prefix(First) is { } torch ? new TorchResNetNames(torch, hub: false) : Prefix(HubFirst) is { } hub ? new TorchResNetNames(hub, hub: true) : null;
    }

    /// <summary>Where a parameter is, and how it is laid out there.</summary>
    public WeightName Locate(string layer, Parameter parameter)
    {
        string name = !_hub ? _prefix + layer
            : layer == "fc" ? (_prefix.EndsWith(HubPrefix, StringComparison.Ordinal) ? _prefix[..^HubPrefix.Length] : _prefix) + "classifier.1" // beside "resnet."
            : _prefix + HubName(layer);
        return WeightName.Torch(name, parameter);
    }

    // conv1 and bn1, layer2.0.conv1, layer2.0.bn1, layer2.0.downsample.0 and .1
    private static string HubName(string layer)
    {
        string[] parts = layer.Split('.');
        if (parts.Length == 1)
            return layer == "conv1" ? "embedder.embedder.convolution" : layer == "bn1" ? "embedder.embedder.normalization" : layer;
        if (parts.Length < 3 || !parts[0].StartsWith("layer", StringComparison.Ordinal))
            return layer;
        string block = $"encoder.stages.{Number(parts[0]["layer".Length..]) - 1}.layers.{parts[1]}";
        if (parts[2] == "downsample")
            return $"{block}.shortcut.{(parts[3] == "0" ? "convolution" : "normalization")}";
        bool convolution = parts[2].StartsWith("conv", StringComparison.Ordinal);
        return $"{block}.layer.{Number(parts[2][(convolution ? "conv" : "bn").Length..]) - 1}.{(convolution ? "convolution" : "normalization")}";
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
