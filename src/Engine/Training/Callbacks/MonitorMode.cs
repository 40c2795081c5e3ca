namespace Graft.Training;

/// <summary>Which way a watched quantity gets better.</summary>
public enum MonitorMode
{
    /// <summary>Up for accuracy, AUC, precision, recall, F1 and R², down for the rest.</summary>
    Auto,

    /// <summary>Smaller is better.</summary>
    Min,

    /// <summary>Larger is better.</summary>
    Max,
}

/// <summary>The best value so far of one column of the history.</summary>
internal sealed class Monitor(string name, MonitorMode mode, double minDelta)
{
    private static readonly string[] Rising = ["accuracy", "auc", "precision", "recall", "f1", "r2_score"];

    private readonly bool _up = mode == MonitorMode.Max || (mode == MonitorMode.Auto && Array.Exists(Rising, r => name.EndsWith(r, StringComparison.Ordinal)));

    public double? Best { get; private set; }

    public void Reset() => Best = null;

    /// <summary>Takes an epoch in; true where it is better than the best by more than the least difference. NaN never is.</summary>
    /// <exception cref="GraftException">The epoch has no such column.</exception>
    public bool Improves(IReadOnlyDictionary<string, double> row, string callback)
    {
        if (!row.TryGetValue(name, out double value))
            throw new GraftException($"{callback} watches '{name}', which this training does not have; it has {string.Join(", ", row.Keys)}."
                + (name.StartsWith("val_", StringComparison.Ordinal) && !row.ContainsKey("val_loss") ? " Give Fit validation data."
                    : $" The nearest name is '{Nearest(row.Keys)}'; metrics are named when the model is compiled."));
        bool better = !double.IsNaN(value) && (Best is not double best || (_up ? value - minDelta > best : value + minDelta < best));
        if (better)
            Best = value;
        return better;
    }

    // "val_acc" is short for a name more often than it is a misspelt one.
    private string? Nearest(IEnumerable<string> names) => names.OrderBy(n => !n.StartsWith(name, StringComparison.Ordinal)).ThenBy(n => NameDistance.Between(n, name)).FirstOrDefault();
}
