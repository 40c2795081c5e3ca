using Graft.Bench.Onnx;
using Graft.Importers.Onnx;
using Graft.Kernels;
using Microsoft.ML.OnnxRuntime;

namespace Graft.Bench.Quick;

/// <summary>A network in Graft and in ONNX Runtime, side by side.</summary>
internal sealed class ModelPair : IDisposable
{
    private readonly GraftModel _graft;
    private readonly OrtModel _ort;

    public ModelPair(ModelCase of)
    {
        Model model = of.Open();
        Shape input = of.InputShape(model), output = of.OutputShape(model);
        float[] pixels = ModelCase.Pixels(input);
        byte[] onnx = OnnxExport.ToBytes(model, new OnnxExportOptions { Layout = OnnxLayout.ChannelsFirst, BatchSize = of.Batch });
        _graft = new GraftModel(model, pixels, input);
        _ort = new OrtModel(options => new InferenceSession(onnx, options), pixels, input, output, CpuThreads.Count);
        Contenders = [Contender.Forward(of.Name, of.Batch, _graft.Run), Contender.Forward(of.OrtName, of.Batch, _ort.Run)];
    }

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
