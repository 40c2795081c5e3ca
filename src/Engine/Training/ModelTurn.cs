namespace Graft.Training;

/// <summary>
/// A Fit, an Evaluate or a search of the learning rate that runs on a model. They take turns: two at once would move the same weights, or count in the same metrics. Predict needs no turn, as it runs
/// between two steps, unless layers remember the batch before.
/// </summary>
internal sealed class ModelTurn(string call, Action end) : IDisposable
{
    private readonly int _thread = Environment.CurrentManagedThreadId;

    /// <summary>True for all threads but the one that it runs on.</summary>
    public bool IsElsewhere => _thread != Environment.CurrentManagedThreadId;

    /// <summary>True while a pass over data counts metrics, which an Evaluate of the same thread, in a callback, would begin anew.</summary>
    public bool CountsMetrics { get; set; }

    /// <summary>Why another call has to wait; null for one that a callback of this one may make.</summary>
    public string? Objection(string other)
    {
        if (IsElsewhere)
            return $"{call} of it runs on another thread. Call one after the other";
        if (other != nameof(Model.Evaluate))
            return $"it was called by {call} on the same model, which has not ended. End that one first: a callback calls TrainingContext.Stop";
        return CountsMetrics ? $"it was called within a pass of {call} over its data, whose metrics it would begin anew. Call it in OnEpochEnd, or Predict" : null;
    }

    /// <inheritdoc/>
    public void Dispose() => end();
}
