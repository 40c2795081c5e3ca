using Graft.Layers;

namespace Graft.Training;

/// <summary>A copy on the host of the weights that training can change.</summary>
internal sealed class WeightSnapshot
{
    private readonly Dictionary<Parameter, float[]> _values = [];

    /// <summary>Parameters and statistics of the layers that are trainable now.</summary>
    public static IEnumerable<Parameter> Moving(Layer layer) =>
        layer.OwnParameters.Where(p => p.Trainable && layer.OwnTrainable).Concat(layer.Inner.SelectMany(Moving)).Distinct();

    public void TakeAll(Model model)
    {
        foreach (Parameter p in Moving(model))
            _values[p] = p.Value.ToArray();
    }

    // What was frozen until now has the numbers that it had when the rest was copied.
    public void TakeMissing(Model model)
    {
        foreach (Parameter p in Moving(model))
        {
            if (!_values.ContainsKey(p))
                _values[p] = p.Value.ToArray();
        }
    }

    public void Restore(Model model)
    {
        using Lock.Scope alone = model.Plans.Lock.EnterScope(); // a Predict of another thread sees all of it or nothing
        foreach ((Parameter p, float[] values) in _values)
            p.Set(values);
    }
}
