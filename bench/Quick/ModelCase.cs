using Graft.Bench.Onnx;
using Graft.Kernels;
using Graft.Models;

namespace Graft.Bench.Quick;

/// <summary>A network at a batch size, in Graft and in ONNX Runtime with the same weights and input.</summary>
internal sealed class ModelCase : IDisposable
{
    private const int WeightSeed = 1, InputSeed = 2;

    private readonly GraftModel _graft;
    private readonly OrtModel _ort;

    /// <param name="name">Network and batch: "vgg16-forward-b20".</param>
    /// <param name="build">Makes the graph.</param>
    /// <param name="batch">Images a run.</param>
    public ModelCase(string name, Func<Model> build, int batch)
    {
        Model model = build();
        HeWeights.Fill(model, WeightSeed);
        Shape input = model.Inputs[0].Shape.Prepend(batch);
        var random = new Random(InputSeed);
        var pixels = new float[input.Count];
        foreach (ref float p in pixels.AsSpan())
            p = (float)(random.NextDouble() * 2 - 1);
        _graft = new GraftModel(model, pixels, input);
        _ort = new OrtModel(OnnxExport.Write(model, batch), pixels, input, _graft.OutputShape, CpuThreads.Count);
        Contenders = [Contender.Forward(name, batch, _graft.Run), Contender.Forward($"ort-{name}", batch, _ort.Run)];
    }

    /// <summary>All networks with the batch sizes at which they are timed.</summary>
    public static (string Name, Func<ModelCase> Open)[] All { get; } =
    [
        Entry("vgg16", 20, () => Vgg16.Build(includeTop: false, 150, 150)),
        Entry("vgg16", 1, () => Vgg16.Build(includeTop: false, 150, 150)),
        Entry("resnet50", 32, () => ResNet.Build(50, includeTop: false, pooling: Pooling.Average)),
        Entry("resnet50", 1, () => ResNet.Build(50, includeTop: false, pooling: Pooling.Average)),
        Entry("resnet18", 32, () => ResNet.Build(18, includeTop: false, pooling: Pooling.Average)),
    ];

    /// <summary>Graft, then its peers.</summary>
    public IReadOnlyList<Contender> Contenders { get; }

    /// <summary>Runs both and returns the largest deviation; see <see cref="OutputCheck"/>.</summary>
    public double Deviation()
    {
        _graft.Run();
        _ort.Run();
        return OutputCheck.Deviation(_graft.Output, _ort.Output());
    }

    public void Dispose()
    {
        _ort.Dispose();
        _graft.Dispose();
    }

    private static (string, Func<ModelCase>) Entry(string network, int batch, Func<Model> build)
    {
        string name = $"{network}-forward-b{batch}";
        return (name, () => new ModelCase(name, build, batch));
    }
}
