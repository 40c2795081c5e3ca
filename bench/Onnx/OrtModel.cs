using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Graft.Bench.Onnx;

/// <summary>A model in ONNX Runtime, at its best: all graph optimisations, spinning threads, an arena, bound input and output.</summary>
internal sealed class OrtModel : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly OrtValue _input, _output;
    private readonly OrtIoBinding _binding;
    private readonly Shape _outputShape;

    /// <summary>Loads a model and writes its input, which is not part of a run.</summary>
    /// <param name="onnx">The model file.</param>
    /// <param name="pixels">Input as Graft has it, [N,H,W,C].</param>
    /// <param name="inputShape">Its shape.</param>
    /// <param name="outputShape">Shape of the output as Graft has it.</param>
    /// <param name="threads">Threads that share an op, the caller's among them.</param>
    public OrtModel(byte[] onnx, float[] pixels, Shape inputShape, Shape outputShape, int threads)
    {
        using SessionOptions options = Options(threads);
        _session = new InferenceSession(onnx, options);
        _outputShape = outputShape;
        _input = Allocate(Planes.Of(inputShape));
        _output = Allocate(Planes.Of(outputShape));
        Planes.FromPixels(pixels, inputShape).CopyTo(_input.GetTensorMutableDataAsSpan<float>());
        _binding = _session.CreateIoBinding();
        _binding.BindInput(_session.InputNames[0], _input);
        _binding.BindOutput(_session.OutputNames[0], _output);
    }

    /// <summary>One forward pass; the result is where <see cref="Output"/> reads it.</summary>
    public void Run() => _session.RunWithBinding(_runOptions, _binding);

    /// <summary>The result of the last run in Graft's order, [N,H,W,C].</summary>
    public float[] Output() => Planes.ToPixels(_output.GetTensorDataAsSpan<float>(), _outputShape);

    public void Dispose()
    {
        _binding.Dispose();
        _output.Dispose();
        _input.Dispose();
        _runOptions.Dispose();
        _session.Dispose();
    }

    private static SessionOptions Options(int threads)
    {
        var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            EnableCpuMemArena = true,
            EnableMemoryPattern = true,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "1");
        return options;
    }

    private static OrtValue Allocate(Shape shape) =>
        OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, [.. shape.Select(d => (long)d)]);
}
