namespace Graft.Training;

/// <summary>Watches training and can end it. Epochs are counted from 0.</summary>
public abstract class Callback
{
    /// <summary>Before the first step.</summary>
    public virtual void OnTrainBegin(TrainingContext context)
    {
    }

    /// <summary>After the last epoch; not called where training was cancelled or failed.</summary>
    public virtual void OnTrainEnd(TrainingContext context)
    {
    }

    /// <summary>Before the first step of an epoch.</summary>
    public virtual void OnEpochBegin(TrainingContext context, int epoch)
    {
    }

    /// <summary>After the last step of an epoch and before validation, where there is any.</summary>
    public virtual void OnValidationBegin(TrainingContext context)
    {
    }

    /// <summary>After validation, also where it was cancelled or failed.</summary>
    public virtual void OnValidationEnd(TrainingContext context)
    {
    }

    /// <summary>After validation.</summary>
    /// <param name="context">The run.</param>
    /// <param name="epoch">The epoch that ended.</param>
    /// <param name="row">Its row of the history.</param>
    public virtual void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
    }

    /// <summary>After each step.</summary>
    public virtual void OnBatchEnd(TrainingContext context, TrainingProgress progress)
    {
    }
}
