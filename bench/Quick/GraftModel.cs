namespace Graft.Bench.Quick;

/// <summary>A frozen model in Graft with its input: the one place that says how Graft runs inference.</summary>
internal sealed class GraftModel : IDisposable
{
    private readonly Model _model;
    private readonly float[] _pixels;
    private readonly Shape _inputShape;
    private float[][] _rows = [];

    /// <param name="model">The model, with its weights; frozen here and given back by <see cref="Dispose"/>.</param>
    /// <param name="pixels">Input, [N,H,W,C].</param>
    /// <param name="inputShape">Its shape.</param>
    public GraftModel(Model model, float[] pixels, Shape inputShape)
    {
        _model = model;
        _model.Trainable = false;
        _pixels = pixels;
        _inputShape = inputShape;
    }

    /// <summary>The result of the last run.</summary>
    public float[] Output => [.. _rows.SelectMany(r => r)];

    /// <summary>One forward pass, from numbers on the host to numbers on the host.</summary>
    public void Run() => _rows = _model.Predict(_pixels, _inputShape);

    public void Dispose()
    {
        _model.Release();
        _model.Device.Pool.Trim();
    }
}
