using System.Globalization;
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
        [.. Networks.Select(n => ($"{n.Network}-forward-b{n.Batch}", (Func<ModelCase>)(() => new ModelCase($"{n.Network}-forward-b{n.Batch}", n.Build, n.Batch))))];

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names => All.Select(a => a.Name);

    /// <summary>A network by its name, without weights, with any batch size: "resnet50-forward-b8"; null where there is none.</summary>
    public static (Model Model, int Batch)? Network(string name)
    {
        foreach ((string network, _, Func<Model> build) in Networks)
        {
            string prefix = $"{network}-forward-b";
            if (name.StartsWith(prefix, StringComparison.Ordinal) && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int batch) && batch > 0)
                return (build(), batch);
        }
        return null;
    }

    private static (string Network, int Batch, Func<Model> Build)[] Networks =>
    [
        ("vgg16", 20, () => Vgg16.Build(includeTop: false, 150, 150)),
        ("vgg16", 1, () => Vgg16.Build(includeTop: false, 150, 150)),
        ("resnet50", 32, () => ResNet.Build(50, includeTop: false, pooling: Pooling.Average)),
        ("resnet50", 1, () => ResNet.Build(50, includeTop: false, pooling: Pooling.Average)),
        ("resnet18", 32, () => ResNet.Build(18, includeTop: false, pooling: Pooling.Average)),
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
}
