using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Onnx;

/// <summary>The floating-point initialisers of an ONNX file, by name.</summary>
/// <remarks>
/// The file is walked once for names, shapes and places; numbers are read from there when they are asked for, so that a large file is
/// never in memory twice. float16 and bfloat16 are widened exactly, float64 is rounded.
/// </remarks>
public sealed class OnnxWeights : WeightFile
{
    private readonly Dictionary<string, OnnxTensor> _tensors;

    private OnnxWeights(string source, Dictionary<string, OnnxTensor> tensors)
    {
        Source = source;
        _tensors = tensors;
    }

    /// <inheritdoc/>
    public override string Source { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>Reads the names and shapes of a file.</summary>
    /// <exception cref="GraftException">The file is missing, truncated, not an ONNX model, or its numbers lie in a file that is not there.</exception>
    public static OnnxWeights Open(string path)
    {
        OnnxModelFile file = OnnxModelFile.Open(path);
        var tensors = new Dictionary<string, OnnxTensor>();
        foreach (OnnxTensor tensor in file.Tensors.Where(t => t.IsFloat))
        {
            tensor.Check(path);
            if (!tensors.TryAdd(tensor.Name, tensor))
                throw new GraftException($"{path}: has two initialisers named '{tensor.Name}'; the file is damaged.");
        }
        return tensors.Count > 0 ? new OnnxWeights(path, tensors)
            : throw new GraftException($"{path}: holds no floating-point initialisers; it is not an ONNX model with weights.");
    }

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _tensors[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name) => _tensors[name].ReadFloats(Source);

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) => WeightName.Torch(layer, parameter);
}
