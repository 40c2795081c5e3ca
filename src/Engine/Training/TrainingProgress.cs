namespace Graft.Training;

/// <summary>How far training is, after each step.</summary>
/// <param name="Epoch">The running epoch, from 0.</param>
/// <param name="Epochs">The epoch at which training ends.</param>
/// <param name="Step">Steps of this epoch that are done.</param>
/// <param name="Steps">Steps in an epoch.</param>
/// <param name="Metrics">"loss" and the metrics so far in this epoch; a loss that left the numbers is NaN here.</param>
/// <param name="LearningRate">Rate of the step just done.</param>
/// <param name="SamplesPerSecond">Samples trained on in this epoch, by its time.</param>
/// <param name="Remaining">Estimated time to the end of this epoch.</param>
/// <param name="DataWait">Time of this epoch that was spent waiting for the data.</param>
public sealed record TrainingProgress(int Epoch, int Epochs, int Step, int Steps, IReadOnlyDictionary<string, double> Metrics,
    double LearningRate, double SamplesPerSecond, TimeSpan Remaining, TimeSpan DataWait);
