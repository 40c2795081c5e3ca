namespace Graft.Training;

/// <summary>A training run, as callbacks see it.</summary>
public sealed class TrainingContext
{
    internal TrainingContext(Model model, Optimizer optimizer, History history, int epochs)
    {
        Model = model;
        Optimizer = optimizer;
        History = history;
        Epochs = epochs;
    }

    /// <summary>What is trained.</summary>
    public Model Model { get; }

    /// <summary>What moves its weights.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>The epochs so far.</summary>
    public History History { get; }

    /// <summary>The epoch at which training ends.</summary>
    public int Epochs { get; }

    /// <summary>The moving average that is validated with; null without one.</summary>
    internal WeightAverage? Average { get; set; }

    /// <summary>Why a callback ended training; null while it goes on.</summary>
    public string? StopReason { get; private set; }

    /// <summary>Does something with the weights that were validated: the moving average where there is one.</summary>
    internal void AsValidated(Action act)
    {
        Average?.Swap(Model);
        try
        {
            act();
        }
        finally
        {
            Average?.Swap(Model);
        }
    }

    /// <summary>Ends training after the running step; validation and the history of the epoch are still made.</summary>
    public void Stop(string reason) => StopReason ??= reason;
}
