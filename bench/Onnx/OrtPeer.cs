using System.Globalization;
using Graft.Bench.Suite;
using Graft.Importers.Onnx;
using Graft.Kernels;
using Microsoft.ML.OnnxRuntime;

namespace Graft.Bench.Onnx;

/// <summary>One op in ONNX Runtime: inputs and weights as Graft has them, images put into planes where the op wants them so.</summary>
internal sealed class OrtPeer
{
    private readonly OnnxGraph _graph = new();
    private readonly List<Action<OrtSession>> _inputs = [];

    /// <summary>The graph, for nodes.</summary>
    public OnnxGraph Graph => _graph;

    /// <summary>An input in Graft's order; images [N,H,W,C] become planes.</summary>
    public OrtPeer Input(string name, Shape shape, float[] values)
    {
        Shape planes = Planes.Of(shape);
        Incoming(name, planes, OnnxType.Float);
        float[] turned = shape.Rank == 4 ? Planes.FromPixels(values, shape) : values;
        _inputs.Add(session => session.With<float>(name, planes, turned));
        return this;
    }

    /// <summary>An input whose shape ONNX has as well, even with four axes.</summary>
    public OrtPeer Plain(string name, Shape shape, float[] values)
    {
        Incoming(name, shape, OnnxType.Float);
        _inputs.Add(session => session.With<float>(name, shape, values));
        return this;
    }

    /// <summary>Whole numbers.</summary>
    public OrtPeer Ids(string name, Shape shape, int[] values)
    {
        Incoming(name, shape, OnnxType.Int64);
        long[] wide = [.. values.Select(v => (long)v)];
        _inputs.Add(session => session.With<long>(name, shape, wide));
        return this;
    }

    /// <summary>Numbers that the runtime may pack beforehand.</summary>
    public OrtPeer Weight(string name, Shape shape, float[] values)
    {
        _graph.Floats(name, shape, () => values);
        return this;
    }

    /// <summary>Loads the graph whose output is of that shape, in Graft's order.</summary>
    /// <param name="output">Its name in the graph.</param>
    /// <param name="shape">Its shape in Graft's order.</param>
    /// <param name="isImage">True where it comes in planes.</param>
    public Peer Open(string output, Shape shape, bool isImage = false)
    {
        Shape there = isImage ? Planes.Of(shape) : shape;
        _graph.Outputs.Add((output, OnnxType.Float, Dims(there)));
        byte[] model = new OnnxModelWriter(_graph, output, OnnxExportOptions.OldestOpset, []).ToArray();
        var session = new OrtSession(options => new InferenceSession(model, options), there, CpuThreads.Count);
        foreach (Action<OrtSession> input in _inputs)
            input(session);
        return new Peer(session.Run, () => isImage ? Planes.ToPixels(session.Result, shape) : session.Result.ToArray(), session.Dispose);
    }

    private void Incoming(string name, Shape shape, OnnxType type) => _graph.Inputs.Add((_graph.Free(name), type, Dims(shape)));

    private static string[] Dims(Shape shape) => [.. shape.Select(d => d.ToString(CultureInfo.InvariantCulture))];
}
