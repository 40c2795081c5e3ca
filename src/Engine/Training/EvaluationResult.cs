using System.Globalization;

namespace Graft.Training;

/// <summary>What <see cref="Model.Evaluate"/> found.</summary>
/// <param name="Loss">Mean loss over the samples; of several outputs the sum of their losses, each times its weight.</param>
/// <param name="Metrics">Metrics by name; of several outputs the losses and metrics of each under its name: "age_loss", "age_mae".</param>
/// <param name="Samples">Number of samples.</param>
/// <param name="Seconds">Time it took.</param>
/// <param name="Confusion">Counts of real and predicted classes of the first output; null where its labels are not classes.</param>
/// <param name="Predictions">What the first output gave for each sample, in the order of the data set; null unless asked for.</param>
public sealed record EvaluationResult(double Loss, IReadOnlyDictionary<string, double> Metrics, int Samples, double Seconds,
    ConfusionMatrix? Confusion, float[][]? Predictions)
{
    /// <summary>For each output of the model the counts of its classes; null where its labels are not classes. The first is <see cref="Confusion"/>.</summary>
    public IReadOnlyList<ConfusionMatrix?> Confusions { get; init; } = [];

    /// <summary>For each output of the model what it gave for each sample, in the order of the data set; empty unless asked for. The first are <see cref="Predictions"/>.</summary>
    public IReadOnlyList<float[][]> AllPredictions { get; init; } = [];

    /// <summary>"loss" or a metric by its name.</summary>
    /// <exception cref="GraftException">There is no such metric.</exception>
    public double this[string name] => name == "loss" ? Loss : Metrics.TryGetValue(name, out double value) ? value
        : throw new GraftException($"No metric '{name}' was compiled; there are loss{string.Concat(Metrics.Keys.Select(k => ", " + k))}.");

    /// <summary>Loss and metrics in a line.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"loss {Loss:F4}{string.Concat(Metrics.Select(m => string.Create(CultureInfo.InvariantCulture, $", {m.Key} {m.Value:F4}")))} on {Samples} samples");
}
