using Graft.Layers;
using Graft.Models;
using Graft.Training;

namespace Graft.Bench.Quick;

/// <summary>A training step of a network: forward, backward and the optimizer's update of all that is trainable.</summary>
/// <param name="Name">Network, what is trained, and batch: "resnet50-train-step-b16".</param>
/// <param name="Batch">Images a step.</param>
/// <param name="Build">Makes the network, with what is frozen frozen.</param>
/// <param name="Classes">Classes of the labels; 1 for a binary head of one logit.</param>
internal sealed record StepCase(string Name, int Batch, Func<Model> Build, int Classes) : BatchCase(Name, Batch, Build)
{
    /// <summary>A step small enough that weights neither settle nor explode over the rounds.</summary>
    public const float LearningRate = 1e-4f;

    /// <summary>Share of the last move that goes on.</summary>
    public const float Momentum = 0.9f;

    /// <summary>All steps with the batch sizes at which they are timed.</summary>
    public static StepCase[] All { get; } =
    [
        new("vgg16-block5-step-b20", 20, () => Vgg16Block5(), Classes: 1),
        new("resnet50-train-step-b16", 16, () => ResNet.Build(50, classifierActivation: Activation.Linear), Classes: 1000),
    ];

    /// <summary>First word of the line of libtorch.</summary>
    public string TorchName => $"torch-{Name}";

    /// <summary>A step by its name, with any batch size; null where there is none.</summary>
    public static StepCase? Named(string name) => Named(All, name);

    /// <summary>One batch of images with labels.</summary>
    public Batch Images(Model model)
    {
        Shape shape = model.Inputs[0].Shape.Prepend(Batch);
        return new Batch(ModelCase.Pixels(shape), shape, [.. Enumerable.Range(0, Batch).Select(i => (float)(i * 37 % Math.Max(2, Classes)))], new Shape(Batch, 1));
    }

    /// <summary>What is made small, from logits.</summary>
    public Loss Loss => Classes == 1 ? Loss.BinaryCrossEntropy(fromLogits: true) : Loss.SparseCategoricalCrossEntropy(fromLogits: true);

    /// <summary>The fine-tuning of the book: a frozen VGG16 whose last block and head are trained.</summary>
    /// <param name="side">Height and width of the images.</param>
    public static Sequential Vgg16Block5(int side = 150)
    {
        Model vgg = Vgg16.Build(includeTop: false, side, side);
        vgg.Trainable = false;
        foreach (Layer layer in vgg.Layers.Where(l => l.Name.StartsWith("block5", StringComparison.Ordinal)))
            layer.Trainable = true;
        return new Sequential(side, side, 3) { vgg, new Flatten(), new Dense(256, Activation.ReLU) { Name = "fc" }, new Dense(1) { Name = "logit" } };
    }
}
