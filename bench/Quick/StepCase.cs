using System.Globalization;
using Graft.Layers;
using Graft.Models;
using Graft.Training;

namespace Graft.Bench.Quick;

/// <summary>A training step of a network: forward, backward and the optimizer's update of all that is trainable.</summary>
/// <param name="Name">Network, what is trained, and batch: "resnet50-train-step-b16".</param>
/// <param name="Batch">Images a step.</param>
/// <param name="Build">Makes the network, with what is frozen frozen.</param>
/// <param name="Classes">Classes of the labels; 1 for a binary head of one logit.</param>
internal sealed record StepCase(string Name, int Batch, Func<Model> Build, int Classes)
{
    /// <summary>A step small enough that weights neither settle nor explode over the rounds.</summary>
    public const float LearningRate = 1e-4f;

    /// <summary>Share of the last move that goes on.</summary>
    public const float Momentum = 0.9f;

    private const int WeightSeed = 1;

    /// <summary>All steps with the batch sizes at which they are timed.</summary>
    public static StepCase[] All { get; } =
    [
        new("vgg16-block5-step-b20", 20, () => Vgg16Block5(), Classes: 1),
        new("resnet50-train-step-b16", 16, () => ResNet.Build(50, classifierActivation: Activation.Linear), Classes: 1000),
    ];

    /// <summary>First word of the line of libtorch.</summary>
    public string TorchName => $"torch-{Name}";

    /// <summary>First word of the line of Graft on a GPU.</summary>
    public string CudaName => $"cuda-{Name}";

    /// <summary>A step by its name, with any batch size: "resnet50-train-step-b8"; null where there is none.</summary>
    public static StepCase? Named(string name)
    {
        int end = name.LastIndexOf("-b", StringComparison.Ordinal);
        StepCase? step = end < 0 ? null : All.FirstOrDefault(s => s.Name.StartsWith(name[..(end + 2)], StringComparison.Ordinal));
        return step is not null && int.TryParse(name.AsSpan(end + 2), NumberStyles.None, CultureInfo.InvariantCulture, out int batch) && batch > 0
            ? step with { Name = name, Batch = batch } : null;
    }

    /// <summary>The network with its weights, on the processor where no device is named.</summary>
    public Model Open(Device? device = null)
    {
        Model model = Build();
        HeWeights.Fill(model, WeightSeed);
        model.MoveTo(device ?? Device.Cpu);
        return model;
    }

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
