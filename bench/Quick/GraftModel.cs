namespace Graft.Bench.Quick;

/// <summary>A model in Graft with its input and room for its output: the one place that says how Graft runs inference.</summary>
internal sealed class GraftModel : IDisposable
{
    private readonly Model _model;
    private readonly Inference.InferencePlan _plan;
    private readonly float[] _pixels;
    private readonly int _batch;

    /// <param name="model">The model, with its weights; given back by <see cref="Dispose"/>.</param>
    /// <param name="pixels">Input, [N,H,W,C].</param>
    /// <param name="inputShape">Its shape.</param>
    public GraftModel(Model model, float[] pixels, Shape inputShape)
    {
        _model = model;
        _plan = Inference.InferencePlan.Compile(model);
        _pixels = pixels;
        _batch = inputShape[0];
        OutputShape = model.Outputs[0].Shape.Prepend(_batch);
        Output = new float[OutputShape.Count];
    }

    /// <summary>Shape of the output, with the batch axis.</summary>
    public Shape OutputShape { get; }

    /// <summary>The result of the last run.</summary>
    public float[] Output { get; }

    /// <summary>One forward pass, from numbers on the host to numbers on the host.</summary>
    public void Run() => _plan.Run(_pixels, _batch, Output);

    /// <summary>The steps with the times of the last run.</summary>
    public string Describe() => _plan.Describe();

    public void Dispose()
    {
        _plan.Dispose();
        _model.Release();
        _model.Device.Pool.Trim();
    }
}
