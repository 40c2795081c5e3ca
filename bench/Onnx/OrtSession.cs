using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Graft.Bench.Onnx;

/// <summary>A graph in ONNX Runtime at its best: all graph optimisations, spinning threads, an arena, bound inputs and one bound output.</summary>
internal sealed class OrtSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly OrtIoBinding _binding;
    private readonly List<OrtValue> _values = [];
    private readonly OrtValue _output;

    /// <summary>Loads a model whose numbers go in and out as float32.</summary>
    /// <param name="open">Makes the session: from bytes or from a file.</param>
    /// <param name="outputShape">Shape of the output.</param>
    /// <param name="threads">Threads that share an op, the caller's among them.</param>
    public OrtSession(Func<SessionOptions, InferenceSession> open, Shape outputShape, int threads)
    {
        using SessionOptions options = Options(threads);
        _session = open(options);
        _binding = _session.CreateIoBinding();
        _output = Allocate(TensorElementType.Float, outputShape);
        _binding.BindOutput(_session.OutputNames[0], _output);
    }

    /// <summary>Writes an input, which is not part of a run.</summary>
    public OrtSession With<T>(string name, Shape shape, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        OrtValue value = Allocate(typeof(T) == typeof(long) ? TensorElementType.Int64 : TensorElementType.Float, shape);
        values.CopyTo(value.GetTensorMutableDataAsSpan<T>());
        _binding.BindInput(name, value);
        return this;
    }

    /// <summary>The name of the only input.</summary>
    public string InputName => _session.InputNames[0];

    /// <summary>The result of the last run, in the graph's order.</summary>
    public ReadOnlySpan<float> Result => _output.GetTensorDataAsSpan<float>();

    /// <summary>One pass.</summary>
    public void Run() => _session.RunWithBinding(_runOptions, _binding);

    public void Dispose()
    {
        _binding.Dispose();
        foreach (OrtValue value in _values)
            value.Dispose();
        _runOptions.Dispose();
        _session.Dispose();
    }

    /// <summary>The settings under which it runs best on so many threads.</summary>
    public static SessionOptions Options(int threads)
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

    private OrtValue Allocate(TensorElementType type, Shape shape)
    {
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, [.. shape.Select(d => (long)d)]);
        _values.Add(value);
        return value;
    }
}
