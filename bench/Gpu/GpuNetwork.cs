using Graft.Bench.Quick;
using Graft.Bench.Suite;
using Graft.Layers;
using Graft.Models;

namespace Graft.Bench.Gpu;

/// <summary>A network with weights and images that torch_bench.py makes alike.</summary>
/// <param name="Name">"resnet50".</param>
/// <param name="Build">Its graph, from images to logits.</param>
internal sealed record GpuNetwork(string Name, Func<Model> Build)
{
    /// <summary>Side of the images of the rehearsal.</summary>
    private const int TinySide = 32, TinyClasses = 10;

    /// <summary>Names torchvision's layers, as PyTorch's users have them.</summary>
    public static GpuNetwork[] All(bool isTiny) => isTiny
        ?
        [
            new("vgg16", () => Vgg16.Build(includeTop: false, TinySide, TinySide, Pooling.Average)),
            new("resnet18", () => ResNet.Build(18, height: TinySide, width: TinySide, classes: TinyClasses, classifierActivation: Activation.Linear)),
        ]
        :
        [
            new("vgg16", () => Vgg16.Build(classifierActivation: Activation.Linear)),
            new("resnet50", () => ResNet.Build(50, variant: ResNetVariant.Torch, classifierActivation: Activation.Linear)),
        ];

    /// <summary>The network on a device.</summary>
    public Model Open(Device device) => Fill(Build(), device);

    /// <summary>Weights by their paths, in the ranges of <see cref="HeWeights"/>.</summary>
    public static Model Fill(Model model, Device device)
    {
        FillBy(model, HeWeights.Range);
        model.MoveTo(device);
        return model;
    }

    /// <summary>Fills every parameter by its path.</summary>
    /// <param name="model">The model.</param>
    /// <param name="range">Smallest and largest number of a parameter.</param>
    public static void FillBy(Model model, Func<string, Parameter, (double Low, double High)> range)
    {
        foreach ((string path, Parameter parameter) in model.NamedParameters())
        {
            (double low, double high) = range(path, parameter);
            parameter.Set(Numbers.Of(path, parameter.Shape.Count, low, high));
        }
    }

    /// <summary>Images; the first ones are the same for every batch.</summary>
    public static float[] Pixels(Shape shape) => Numbers.Of("pixels", shape.Count);
}
