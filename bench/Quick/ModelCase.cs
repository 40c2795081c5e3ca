using Graft.Models;

namespace Graft.Bench.Quick;

/// <summary>A network at a batch size, with weights and input that every contender gets alike.</summary>
/// <param name="Name">Network and batch: "vgg16-forward-b20".</param>
/// <param name="Batch">Images a run.</param>
/// <param name="Build">Makes the graph.</param>
internal sealed record ModelCase(string Name, int Batch, Func<Model> Build) : BatchCase(Name, Batch, Build)
{
    private const int InputSeed = 2;

    /// <summary>All networks with the batch sizes at which they are timed.</summary>
    public static ModelCase[] All { get; } =
    [
        Of("vgg16", 20, () => Vgg16.Build(includeTop: false, 150, 150)),
        Of("vgg16", 1, () => Vgg16.Build(includeTop: false, 150, 150)),
        Of("resnet50", 32, () => ResNet.Build(50, includeTop: false, pooling: Pooling.Average)),
        Of("resnet50", 1, () => ResNet.Build(50, includeTop: false, pooling: Pooling.Average)),
        Of("resnet18", 32, () => ResNet.Build(18, includeTop: false, pooling: Pooling.Average)),
    ];

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names => All.Select(a => a.Name);

    /// <summary>First word of the line of ONNX Runtime.</summary>
    public string OrtName => $"ort-{Name}";

    /// <summary>A network by its name, with any batch size; null where there is none.</summary>
    public static ModelCase? Named(string name) => Named(All, name);

    /// <summary>Shape of the input with the batch axis.</summary>
    public Shape InputShape(Model model) => model.Inputs[0].Shape.Prepend(Batch);

    /// <summary>Shape of the output with the batch axis.</summary>
    public Shape OutputShape(Model model) => model.Outputs[0].Shape.Prepend(Batch);

    /// <summary>The input, [N,H,W,C].</summary>
    public static float[] Pixels(Shape shape)
    {
        var random = new Random(InputSeed);
        var pixels = new float[shape.Count];
        foreach (ref float p in pixels.AsSpan())
            p = (float)(random.NextDouble() * 2 - 1);
        return pixels;
    }

    private static ModelCase Of(string network, int batch, Func<Model> build) => new($"{network}-forward-b{batch}", batch, build);
}
