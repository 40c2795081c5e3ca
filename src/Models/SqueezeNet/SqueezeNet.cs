using Graft.Layers;
using Graft.Training;
using Graft.Weights;

namespace Graft.Models;

/// <summary>SqueezeNet 1.1: the accuracy of AlexNet with a fiftieth of its weights, so that ImageNet's fit into 5 MB.</summary>
/// <remarks>
/// Iandola et al. 2016, arXiv:1602.07360; version 1.1 is that of github.com/forresti/SqueezeNet (a 3x3 stem, earlier pooling). Graph and layer
/// names match the Keras version github.com/rcmalli/keras-squeezenet, from whose weight files (MIT) it loads: windows are not padded, which
/// rounds sizes down where Caffe rounds up. Pixels are prepared as <see cref="Preprocessing.Caffe"/>.
/// </remarks>
public static class SqueezeNet
{
    // Squeeze and expand filters of fire2 to fire9.
    private static readonly (int Squeeze, int Expand)[] Fires = [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)];

    /// <summary>Builds the graph: [N,H,W,3] to [N,H/16,W/16,512] (rounded down), to [N,512] with pooling, or to class probabilities with its top.</summary>
    /// <param name="includeTop">True adds Dropout, the 1x1 convolution over classes, and its average.</param>
    /// <param name="height">Rows of the image, at least 48; the network was trained at 227.</param>
    /// <param name="width">Columns of the image, at least 48.</param>
    /// <param name="pooling">What stands behind the base without top.</param>
    /// <param name="classes">Outputs of the top.</param>
    public static Model Build(bool includeTop = true, int height = 227, int width = 227, Pooling pooling = Pooling.None, int classes = 1000)
    {
        Node input = Node.Input(new Shape(height, width, 3), "input_1");
        Node x = Activate(new Conv2D(64, 3, 3) { Name = "conv1", Strides = (2, 2) }.Apply(input), "relu_conv1");
        x = Pool(x, "pool1");
        for (int i = 0; i < Fires.Length; i++)
        {
            int fire = i + 2;
            x = Fire(x, $"fire{fire}", Fires[i].Squeeze, Fires[i].Expand);
            if (fire is 3 or 5)
                x = Pool(x, $"pool{fire}");
        }
        if (!includeTop)
            return new Model(input, pooling.Apply(x, "avg_pool", "max_pool"), "squeezenet");
        x = new Dropout(0.5f) { Name = "drop9" }.Apply(x);
        x = Activate(new Conv2D(classes, 1, 1) { Name = "conv10" }.Apply(x), "relu_conv10");
        x = new GlobalAveragePooling2D { Name = "avg_pool" }.Apply(x);
        return new Model(input, new ActivationLayer(Activation.Softmax) { Name = "loss" }.Apply(x), "squeezenet");
    }

    /// <summary>Loads published weights and sets the model's <see cref="Model.Preprocessing"/> to theirs.</summary>
    /// <param name="model">A network of <see cref="Build"/>.</param>
    /// <param name="file">Keras HDF5, with or without top; its classifier is left out where the model has none.</param>
    /// <param name="strict">False loads what fits and returns the report instead of throwing.</param>
    /// <exception cref="GraftException">Something is missing, unused, misshaped or not finite: all of it is listed.</exception>
    public static WeightReport LoadWeights(Model model, WeightFile file, bool strict = true)
    {
        bool hasTop = model.Layers.Any(l => l.Name == "conv10");
        WeightReport report = WeightLoader.Load(model, file, mayBeUnused: hasTop ? null : n => n.Split('/').Contains("conv10"), strict: strict);
        model.Preprocessing = Preprocessing.Caffe;
        return report;
    }

    // Section 3.2: a 1x1 convolution to few channels, then 1x1 and 3x3 convolutions side by side.
    private static Node Fire(Node x, string name, int squeeze, int expand)
    {
        x = Activate(new Conv2D(squeeze, 1, 1) { Name = $"{name}/squeeze1x1" }.Apply(x), $"{name}/relu_squeeze1x1");
        Node left = Activate(new Conv2D(expand, 1, 1) { Name = $"{name}/expand1x1" }.Apply(x), $"{name}/relu_expand1x1");
        Node right = Activate(new Conv2D(expand, 3, 3) { Name = $"{name}/expand3x3", Padding = Padding.Same }.Apply(x), $"{name}/relu_expand3x3");
        return new Concatenate { Name = $"{name}/concat" }.Apply(left, right);
    }

    private static Node Activate(Node x, string name) => new ReLU { Name = name }.Apply(x);

    private static Node Pool(Node x, string name) => new MaxPooling2D(3, 2) { Name = name }.Apply(x);
}
