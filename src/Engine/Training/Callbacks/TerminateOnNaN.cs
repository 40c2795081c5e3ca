namespace Graft.Training;

/// <summary>Ends training at the first step whose loss is NaN or infinite. Without it training goes on, as in Keras.</summary>
public sealed class TerminateOnNaN : Callback
{
    /// <inheritdoc/>
    public override void OnBatchEnd(TrainingContext context, TrainingProgress progress)
    {
        double loss = progress.Metrics["loss"];
        if (!double.IsFinite(loss))
            context.Stop($"the loss became {loss} at step {progress.Step} of epoch {progress.Epoch + 1}; lower the learning rate, or look at the inputs and labels");
    }
}
