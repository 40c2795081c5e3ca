using Graft.Importers;
using Graft.Importers.Inspection;
using Graft.Layers;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>A network from a file of one's own as a base: its head is cut off where the last image is.</summary>
internal static class ImportedBase
{
    private const int Channels = 3; // photographs
    private const int UsualSize = 224;

    /// <summary>Names that --preprocess takes.</summary>
    public static readonly string[] Preprocessings = ["none", "rescale", "caffe", "tf", "torch"];

    /// <summary>Rows and columns that the file's input is fixed to; 224 where it is open.</summary>
    /// <exception cref="GraftException">The file is damaged, or its input is no image.</exception>
    public static int DefaultSize(string path)
    {
        RefuseWeights(path);
        int?[] shape = [.. InputOf(path)];
        int? rows = shape.Length == 3 ? shape[0] == Channels && shape[2] != Channels ? shape[1] : shape[0] : null;
        return rows ?? UsualSize;
    }

    /// <summary>Loads a model and cuts its head off.</summary>
    /// <param name="path">A .graft file, a model of Keras or ONNX, or the JSON of one of Keras.</param>
    /// <param name="weights">The weights of that JSON; null where <paramref name="path"/> has its own.</param>
    /// <param name="size">Rows and columns of the images.</param>
    /// <param name="preprocessing">One of <see cref="Preprocessings"/>; null where the file says it, or prepares pixels itself.</param>
    /// <exception cref="UsageException">Nobody says how pixels are prepared.</exception>
    /// <exception cref="GraftException">The file cannot be read, takes no photographs, or has no image inside.</exception>
    public static Model Load(string path, string? weights, int size, string? preprocessing)
    {
        RefuseWeights(path);
        Model whole = Read(path, weights, size);
        Node input = whole.Inputs[0];
        bool first = input.Shape.Rank == 3 && input.Shape[0] == Channels && input.Shape[2] != Channels; // [C,H,W]
        if (whole.Inputs.Count != 1 || !input.Shape.Equals(first ? new Shape(Channels, size, size) : new Shape(size, size, Channels)))
            throw new GraftException($"{path}: takes {string.Join(", ", whole.Inputs.Select(i => $"{i.Shape}"))}; a base takes one image [{size},{size},{Channels}]. Name its size by --size where it is another, and take a network of {Channels} channels.");
        Model cut = Cut(whole, path);
        cut.Preprocessing = whole.Preprocessing is { } own && preprocessing is null ? own : Chosen(preprocessing, whole, path);
        if (!first)
            return cut;
        Node image = Node.Input(new Shape(size, size, Channels));
        return new Model(image, cut.Apply(new Permute(3, 1, 2) { Name = "to_channels_first" }.Apply(image)), cut.Name) { Preprocessing = cut.Preprocessing };
    }

    /// <summary>The layers of a model and of the models in it.</summary>
    public static IEnumerable<Layer> Leaves(Model model) => model.Layers.SelectMany(l => l is Model inner ? Leaves(inner) : [l]);

    // Weights alone do not say which layers there are.
    private static void RefuseWeights(string path)
    {
        if (Path.GetExtension(path).ToLowerInvariant() is ".pt" or ".pth" or ".bin" or ".safetensors" && !ModelFiles.IsGraft(path))
            throw new GraftException($"{path}: holds weights without their network ({FileInspector.Open(path).Format}). Name the network as a file of ONNX (torch.onnx.export writes one), Keras or Graft; or for weights of a published one --base resnet18, vgg16, resnet50 or squeezenet, and this file by --weights.");
    }

    private static IEnumerable<int?> InputOf(string path) =>
        ModelFiles.IsGraft(path) ? [.. ModelFile.Load(path, compile: false).Model.Inputs[0].Shape.Select(d => (int?)d)] : ModelFiles.InputsOf(path)[0].Shape ?? [];

    private static Model Read(string path, string? weights, int size)
    {
        if (ModelFiles.IsGraft(path))
            return ModelFile.Load(path, compile: false).Model;
        int?[] known = [.. InputOf(path)];
        bool first = known.Length == 3 && known[0] == Channels && known[2] != Channels;
        var shape = new Dictionary<string, Shape> { [""] = first ? new Shape(Channels, size, size) : new Shape(size, size, Channels) };
        shape = known.Contains(null) ? shape : [];
        return weights is null ? ModelFiles.Open(path, null, shape).Model : ModelFiles.Open(weights, path, shape).Model;
    }

    /// <summary>The model up to its last image [H,W,C]: what comes behind is the head.</summary>
    private static Model Cut(Model model, string path)
    {
        int classes = model.Outputs[0].Shape.Rank == 0 ? 0 : model.Outputs[0].Shape[-1];
        Node node = model.Outputs[0];
        while (!IsFeatures(node, classes))
        {
            if (node.Layer is Model { Inputs.Count: 1 } nested && node.Inputs.Count == 1 && nested.Nodes.Any(n => IsFeatures(n, classes) && n.Layer is not InputLayer))
                return new Model(model.Inputs, [Cut(nested, path).Apply(node.Inputs[0])], model.Name);
            if (node.Inputs.Count != 1)
                throw new GraftException($"{path}: no image [H,W,C] is found before its output: layer '{node.Layer.Name}' {node.Shape} reads {node.Inputs.Count} others. Cut the head off where it was made and save the base alone.");
            node = node.Inputs[0];
        }
        return new Model(model.Inputs, [node], model.Name);
    }

    // Several pixels, and not one channel a class: a convolution to the classes is part of the head.
    private static bool IsFeatures(Node node, int classes) =>
        node.Shape.Rank == 3 && node.Shape[0] * node.Shape[1] > 1 && node.Shape[2] != classes && node.Layer is not Permute && node.Layer is not Reshape;

    private static Preprocessing Chosen(string? name, Model model, string path) => name switch
    {
        "none" => Preprocessing.None,
        "rescale" => Preprocessing.Rescale,
        "caffe" => Preprocessing.Caffe,
        "tf" => Preprocessing.Tf,
        "torch" => Preprocessing.Torch,
        _ when Leaves(model).Any(l => l is Rescaling or Normalization) => Preprocessing.None, // it prepares pixels itself
        _ => throw new UsageException($"--base {path} does not say how it wants pixels prepared; add --preprocess none (0 to 255), rescale (0 to 1), tf (-1 to 1), torch or caffe, as it was trained."),
    };
}
