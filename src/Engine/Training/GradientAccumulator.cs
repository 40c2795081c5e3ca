using Graft.Layers;

namespace Graft.Training;

/// <summary>Sums gradients over batches, for one optimizer step with their mean.</summary>
internal sealed class GradientAccumulator : IDisposable
{
    private readonly Dictionary<Parameter, Tensor> _sums = [];

    /// <summary>Batches in the sums.</summary>
    public int Steps { get; set; }

    public void Add(Parameter parameter, Tensor gradient)
    {
        if (_sums.TryGetValue(parameter, out Tensor? sum))
        {
            gradient.Device.Kernels.Gradient.AddScaled(gradient.Data, 1, sum.Data, gradient.Count);
            return;
        }
        _sums.Add(parameter, gradient.Copy());
    }

    /// <summary>The sum for a parameter, or null.</summary>
    public Tensor? Find(Parameter parameter) => _sums.GetValueOrDefault(parameter);

    /// <summary>The mean gradients; the sums are scaled in place.</summary>
    public (Parameter, Tensor)[] Mean()
    {
        foreach (Tensor sum in _sums.Values)
            sum.Device.Kernels.Gradient.Scale(sum.Data, sum.Count, 1f / Steps);
        return [.. _sums.Select(s => (s.Key, s.Value))];
    }

    public void Clear()
    {
        foreach (Tensor sum in _sums.Values)
            sum.Release();
        _sums.Clear();
        Steps = 0;
    }

    public void Dispose() => Clear();
}
