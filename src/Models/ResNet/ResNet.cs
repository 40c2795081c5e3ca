using Graft.Layers;
using Graft.Training;
using Graft.Weights;

namespace Graft.Models;

/// <summary>The residual networks of 18, 34, 50, 101 and 152 layers.</summary>
/// <remarks>He et al. 2015, arXiv:1512.03385, table 1. The published weights belong to several networks: see <see cref="ResNetVariant"/>.</remarks>
public static class ResNet
{
    private const int DeepestBasic = 34;
    private const string Top = "predictions", OlderTop = "probs"; // keras-applications 1.0.8 and the first tf.keras called it so, and Keras loads their file by position

    /// <summary>Builds a network: [N,H,W,3] to [N,H/32,W/32,512 or 2048], to [N,C] with pooling, or to class probabilities with its top.</summary>
    /// <param name="depth">18, 34, 50, 101 or 152.</param>
    /// <param name="includeTop">True adds global average pooling and the classifier.</param>
    /// <param name="height">Rows of the image, at least 32.</param>
    /// <param name="width">Columns of the image, at least 32.</param>
    /// <param name="pooling">What stands behind the base without top.</param>
    /// <param name="classes">Outputs of the top.</param>
    /// <param name="variant">Whose network; null is torchvision's for 18 and 34 layers and Keras's for the deeper ones.</param>
    /// <param name="classifierActivation">Behind the top: Softmax, or Linear for logits.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no network of that depth.</exception>
    /// <exception cref="GraftException">The variant does not have that depth.</exception>
    public static Model Build(int depth, bool includeTop = true, int height = 224, int width = 224, Pooling pooling = Pooling.None, int classes = 1000,
        ResNetVariant? variant = null, Activation classifierActivation = Activation.Softmax)
    {
        int[] blocks = depth switch
        {
            18 => [2, 2, 2, 2],
            34 => [3, 4, 6, 3],
            50 => [3, 4, 6, 3],
            101 => [3, 4, 23, 3],
            152 => [3, 8, 36, 3],
            _ => throw new ArgumentOutOfRangeException(nameof(depth), depth, "ResNets have 18, 34, 50, 101 or 152 layers."),
        };
        ResNetVariant kind = variant ?? (depth <= DeepestBasic ? ResNetVariant.Torch : ResNetVariant.Keras);
        if (kind != ResNetVariant.Torch && (depth <= DeepestBasic || (kind == ResNetVariant.KerasOld && depth != 50)))
            throw new GraftException($"Keras {(kind == ResNetVariant.KerasOld ? "with the old names had ResNet50 alone" : "has ResNets of 50, 101 and 152 layers")}, not {depth}; use ResNetVariant.Torch{(depth > DeepestBasic ? " or ResNetVariant.Keras" : "")}.");
        Node input = Node.Input(new Shape(height, width, 3), "input_1");
        Node x = kind == ResNetVariant.Torch ? new TorchResNetBody(depth > DeepestBasic, blocks).Apply(input) : new KerasResNetBody(kind, blocks).Apply(input);
        string name = $"resnet{depth}";
        if (!includeTop)
            return new Model(input, pooling.Apply(x, "avg_pool", "max_pool"), name);
        string top = kind switch { ResNetVariant.Torch => "fc", ResNetVariant.KerasOld => "fc1000", _ => Top };
        x = new GlobalAveragePooling2D { Name = "avg_pool" }.Apply(x);
        return new Model(input, new Dense(classes, classifierActivation) { Name = top }.Apply(x), name);
    }

    /// <summary>Whose network the weights of a file belong to, told by their names; null where they are no ResNet's.</summary>
    public static ResNetVariant? VariantOf(WeightFile file)
    {
        bool Holds(string layer) => file.Names.Any(n => n.StartsWith($"{layer}/", StringComparison.Ordinal) || n.Contains($"/{layer}/", StringComparison.Ordinal));
        return Holds("conv2_block1_1_conv") ? ResNetVariant.Keras : Holds("res2a_branch2a") ? ResNetVariant.KerasOld : TorchResNetNames.Of(file) is null ? null : ResNetVariant.Torch;
    }

    /// <summary>How pixels are prepared for a variant's published weights.</summary>
    public static Preprocessing Preprocess(ResNetVariant variant) => variant == ResNetVariant.Torch ? Preprocessing.Torch : Preprocessing.Caffe;

    /// <summary>Loads published weights and sets the model's <see cref="Model.Preprocessing"/> to theirs.</summary>
    /// <param name="model">A network of <see cref="Build"/>.</param>
    /// <param name="file">Keras HDF5, or safetensors with the names of torchvision (timm's are the same) or of Hugging Face's ResNet; its
    /// classifier is left out where the model has none.</param>
    /// <param name="strict">False loads what fits and returns the report instead of throwing.</param>
    /// <exception cref="GraftException">The file belongs to another variant, or something is missing, unused, misshaped or not finite:
    /// all of it is listed in one report.</exception>
    public static WeightReport LoadWeights(Model model, WeightFile file, bool strict = true)
    {
        ResNetVariant? built = VariantOf(model), found = VariantOf(file);
        string[] notes = found is null || built is null || found == built ? []
            : [$"these are weights of {Describe(found.Value)}, but '{model.Name}' was built as {Describe(built.Value)}: build it with ResNetVariant.{found}"];
        Func<string, bool>? unused = model.Layers[^1] is Dense ? null : IsTop;
        TorchResNetNames? torch = built == ResNetVariant.Torch ? TorchResNetNames.Of(file) : null;
        WeightReport report = WeightLoader.Load(model, file, torch is null ? KerasName : torch.Locate, unused, strict, notes);
        model.Preprocessing = Preprocess(built ?? ResNetVariant.Keras);
        return report;

        WeightName KerasName(string layer, Parameter parameter)
        {
            WeightName name = file.Locate(layer, parameter), older = file.Locate(OlderTop, parameter);
            return layer == Top && !file.Names.Contains(name.Name) && file.Names.Contains(older.Name) ? older : name;
        }
    }

    private static ResNetVariant? VariantOf(Model model)
    {
        bool Has(string name) => model.Layers.Any(l => l.Name == name);
        return Has("conv2_block1_1_conv") ? ResNetVariant.Keras : Has("res2a_branch2a") ? ResNetVariant.KerasOld : Has("layer1.0.conv1") ? ResNetVariant.Torch : null;
    }

    private static bool IsTop(string array) => array.Split('/', '.').Any(part => part is Top or OlderTop or "fc1000" or "fc" or "classifier");

    // The epsilon is in no weight file, and the wrong one gives plausible but wrong features: hence by name.
    private static string Describe(ResNetVariant variant) => variant switch
    {
        ResNetVariant.KerasOld => "keras-applications up to 1.0.8 (Keras 1 to 2.3; BatchNormalization epsilon 1e-3)",
        ResNetVariant.Keras => "tf.keras and Keras 3 (BatchNormalization epsilon 1.001e-5)",
        _ => "torchvision (BatchNormalization epsilon 1e-5, the stride in the 3x3 convolution)",
    };
}
