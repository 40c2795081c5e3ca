using Microsoft.ML.OnnxRuntime;

namespace Graft.Bench.Onnx;

/// <summary>A network in ONNX Runtime, fed and read in Graft's order.</summary>
internal sealed class OrtModel : IDisposable
{
    private readonly OrtSession _session;
    private readonly Shape _outputShape;

    /// <summary>Loads a model and writes its input, which is not part of a run.</summary>
    /// <param name="open">Makes the session: from bytes or from a file.</param>
    /// <param name="pixels">Input as Graft has it, [N,H,W,C].</param>
    /// <param name="inputShape">Its shape.</param>
    /// <param name="outputShape">Shape of the output as Graft has it.</param>
    /// <param name="threads">Threads that share an op, the caller's among them.</param>
    public OrtModel(Func<SessionOptions, InferenceSession> open, float[] pixels, Shape inputShape, Shape outputShape, int threads)
    {
        _outputShape = outputShape;
        _session = new OrtSession(open, Planes.Of(outputShape), threads);
        _session.With<float>(_session.InputName, Planes.Of(inputShape), Planes.FromPixels(pixels, inputShape));
    }

    /// <summary>One forward pass; the result is where <see cref="Output"/> reads it.</summary>
    public void Run() => _session.Run();

    /// <summary>The result of the last run in Graft's order, [N,H,W,C].</summary>
    public float[] Output() => Planes.ToPixels(_session.Result, _outputShape);

    public void Dispose() => _session.Dispose();
}
