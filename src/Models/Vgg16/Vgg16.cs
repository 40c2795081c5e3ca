using Graft.Layers;
using Graft.Training;
using Graft.Weights;

namespace Graft.Models;

/// <summary>VGG16 as a layer graph, with Keras's layer names.</summary>
/// <remarks>Simonyan and Zisserman 2014, arXiv:1409.1556, configuration D. Graph and names match Keras's VGG16; pixels are prepared
/// as <see cref="Preprocessing.Caffe"/> for its published weights.</remarks>
public static class Vgg16
{
    // Filters of each convolution, block by block.
    private static readonly int[][] Blocks = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]];

    /// <summary>Builds the graph: [N,H,W,3] to [N,H/32,W/32,512], to [N,512] with pooling, or to class probabilities with its top.</summary>
    /// <param name="includeTop">True adds the three dense layers; the image is then 224 x 224 for the published weights.</param>
    /// <param name="height">Rows of the image, at least 32.</param>
    /// <param name="width">Columns of the image, at least 32.</param>
    /// <param name="pooling">What stands behind the base without top.</param>
    /// <param name="classes">Outputs of the top.</param>
    /// <param name="classifierActivation">Behind the top: Softmax, or Linear for logits.</param>
    public static Model Build(bool includeTop = true, int height = 224, int width = 224, Pooling pooling = Pooling.None, int classes = 1000,
        Activation classifierActivation = Activation.Softmax)
    {
        Node input = Node.Input(new Shape(height, width, 3), "input_1"), x = input;
        for (int b = 0; b < Blocks.Length; b++)
        {
            for (int c = 0; c < Blocks[b].Length; c++)
                x = new Conv2D(Blocks[b][c], 3, 3) { Name = $"block{b + 1}_conv{c + 1}", Padding = Padding.Same, Activation = Activation.ReLU }.Apply(x);
            x = new MaxPooling2D { Name = $"block{b + 1}_pool" }.Apply(x);
        }
        if (!includeTop)
            return new Model(input, pooling.Apply(x, "global_average_pooling2d", "global_max_pooling2d"), "vgg16");
        x = new Flatten { Name = "flatten" }.Apply(x);
        x = new Dense(4096, Activation.ReLU) { Name = "fc1" }.Apply(x);
        x = new Dense(4096, Activation.ReLU) { Name = "fc2" }.Apply(x);
        return new Model(input, new Dense(classes, classifierActivation) { Name = "predictions" }.Apply(x), "vgg16");
    }

    /// <summary>Loads published weights and sets the model's <see cref="Model.Preprocessing"/> to theirs.</summary>
    /// <param name="model">A network of <see cref="Build"/>.</param>
    /// <param name="file">Keras HDF5, or safetensors with the names of torchvision or timm ("features.0.weight"); its classifier is left out
    /// where the model has none.</param>
    /// <param name="strict">False loads what fits and returns the report instead of throwing.</param>
    /// <exception cref="GraftException">Something is missing, unused, misshaped or not finite: all of it is listed.</exception>
    public static WeightReport LoadWeights(Model model, WeightFile file, bool strict = true)
    {
        TorchVggNames? torch = TorchVggNames.Of(model, file, Blocks);
        WeightReport report = WeightLoader.Load(model, file, torch is null ? null : torch.Locate, model.Layers[^1] is Dense ? null : IsTop, strict);
        model.Preprocessing = torch is null ? Preprocessing.Caffe : Preprocessing.Torch;
        return report;
    }

    private static bool IsTop(string array) => array.Split('/', '.').Any(part => part is "fc1" or "fc2" or "predictions" or "classifier" or "pre_logits" or "head");
}
