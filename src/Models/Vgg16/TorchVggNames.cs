using Graft.Layers;
using Graft.Weights;

namespace Graft.Models;

/// <summary>Where files with PyTorch's names keep the layers of VGG16.</summary>
/// <remarks>
/// torchvision numbers the modules of "features": convolution, ReLU, ..., pooling; its dense layers are 0, 3 and 6 of "classifier".
/// timm, whose files Hugging Face has, stores the dense layers as convolutions: "pre_logits.fc1", "pre_logits.fc2", "head.fc".
/// A prefix in front of all names ("module.", of DataParallel) is taken as it is.
/// </remarks>
internal sealed class TorchVggNames
{
    private const string First = "features.0.weight", Timm = "pre_logits.fc1.weight";

    private readonly string _prefix;
    private readonly bool _timm;
    private readonly Shape? _flattened;
    private readonly Dictionary<string, string> _names;

    private TorchVggNames(string prefix, bool timm, Shape? flattened, int[][] blocks)
    {
        _prefix = prefix;
        _timm = timm;
        _flattened = flattened;
        _names = timm ? new() { ["fc1"] = "pre_logits.fc1", ["fc2"] = "pre_logits.fc2", ["predictions"] = "head.fc" }
            : new() { ["fc1"] = "classifier.0", ["fc2"] = "classifier.3", ["predictions"] = "classifier.6" };
        int module = 0;
        for (int b = 0; b < blocks.Length; b++, module++)
        {
            for (int c = 0; c < blocks[b].Length; c++, module += 2)
                _names[$"block{b + 1}_conv{c + 1}"] = $"features.{module}";
        }
    }

    /// <summary>The names in a file, null where they are not PyTorch's.</summary>
    /// <param name="model">A network of <see cref="Vgg16.Build"/>.</param>
    /// <param name="file">The file.</param>
    /// <param name="blocks">Filters of each convolution, block by block.</param>
    public static TorchVggNames? Of(Model model, WeightFile file, int[][] blocks)
    {
        string? first = file.Names.FirstOrDefault(n => n == First || n.EndsWith($".{First}", StringComparison.Ordinal));
        if (first is null)
            return null;
        string prefix = first[..^First.Length];
        return new TorchVggNames(prefix, file.Names.Contains(prefix + Timm), model.Nodes.FirstOrDefault(n => n.Layer is Flatten)?.Inputs[0].Shape, blocks);
    }

    /// <summary>Where a parameter is, and how it is laid out there.</summary>
    public WeightName Locate(string layer, Parameter parameter)
    {
        WeightName name = WeightName.Torch(_prefix + _names.GetValueOrDefault(layer, layer), parameter);
        if (parameter.Name != "kernel")
            return name;
        if (_timm && layer is "fc1" or "fc2")
            name = name with { Layout = WeightLayout.DenseOihw };
        return layer == "fc1" ? name with { FlattenedImage = _flattened } : name;
    }
}
