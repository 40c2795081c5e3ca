using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Graft.Tests.Importers.Onnx;

/// <summary>ONNX Runtime on the CPU: the oracle for what the exporter writes and the importer reads.</summary>
internal sealed class OrtRun : IDisposable
{
    private readonly InferenceSession _session;

    /// <summary>Loads a model file from memory.</summary>
    public OrtRun(byte[] model)
    {
        using SessionOptions options = Options();
        _session = new InferenceSession(model, options);
    }

    /// <summary>Loads a model file; weights beside it are found.</summary>
    public OrtRun(string path)
    {
        using SessionOptions options = Options();
        _session = new InferenceSession(path, options);
    }

    public IReadOnlyList<string> Inputs => [.. _session.InputMetadata.Keys];

    public IReadOnlyList<string> Outputs => [.. _session.OutputMetadata.Keys];

    /// <summary>Names of the extents of an input or output; numbers for those that are fixed.</summary>
    public string[] Dims(string name)
    {
        NodeMetadata node = _session.InputMetadata.TryGetValue(name, out NodeMetadata? input) ? input : _session.OutputMetadata[name];
        return [.. node.SymbolicDimensions.Zip(node.Dimensions, (s, d) => s.Length > 0 ? s : $"{d}")];
    }

    /// <summary>Runs the graph; numbers go in as float, long or byte arrays.</summary>
    public Dictionary<string, (Shape Shape, float[] Values)> Run(params (string Name, Shape Shape, Array Values)[] inputs)
    {
        NamedOnnxValue[] given = [.. inputs.Select(i => i.Values switch
        {
            float[] f => NamedOnnxValue.CreateFromTensor(i.Name, new DenseTensor<float>(f, i.Shape.Dims)),
            long[] l => NamedOnnxValue.CreateFromTensor(i.Name, new DenseTensor<long>(l, i.Shape.Dims)),
            byte[] b => NamedOnnxValue.CreateFromTensor(i.Name, new DenseTensor<byte>(b, i.Shape.Dims)),
            _ => throw new ArgumentException($"{i.Values.GetType()} is no type of an input here."),
        })];
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> results = _session.Run(given);
        return results.ToDictionary(r => r.Name, r => (new Shape(r.AsTensor<float>().Dimensions), r.AsTensor<float>().ToArray()));
    }

    /// <summary>The only output for floats at the only input.</summary>
    public (Shape Shape, float[] Values) Run(Shape shape, float[] values) => Run((Inputs[0], shape, values))[Outputs[0]];

    public void Dispose() => _session.Dispose();

    private static SessionOptions Options() => new() { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
}
