using Graft.Autograd;

namespace Graft.Bench.Quick;

/// <summary>A model in Graft with its input and room for its output: the one place that says how Graft runs inference.</summary>
internal sealed class GraftModel : IDisposable
{
    private readonly Model _model;
    private readonly float[] _pixels;
    private readonly Shape _inputShape;

    /// <param name="model">The model, with its weights; given back by <see cref="Dispose"/>.</param>
    /// <param name="pixels">Input, [N,H,W,C].</param>
    /// <param name="inputShape">Its shape.</param>
    public GraftModel(Model model, float[] pixels, Shape inputShape)
    {
        _model = model;
        _pixels = pixels;
        _inputShape = inputShape;
        OutputShape = model.Outputs[0].Shape.Prepend(inputShape[0]);
        Output = new float[OutputShape.Count];
    }

    /// <summary>Shape of the output, with the batch axis.</summary>
    public Shape OutputShape { get; }

    /// <summary>The result of the last run.</summary>
    public float[] Output { get; }

    /// <summary>One forward pass of the eager graph, from numbers on the host to numbers on the host.</summary>
    public void Run()
    {
        using var tape = new Tape(_model.Device);
        Tensor y = _model.Run(tape, [tape.Constant(_inputShape, _pixels)])[0];
        _model.Device.Kernels.Memory.Download(y.Data, Output.AsSpan());
    }

    public void Dispose()
    {
        _model.Release();
        _model.Device.Pool.Trim();
    }
}
