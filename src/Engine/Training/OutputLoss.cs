namespace Graft.Training;

/// <summary>How one of several outputs is learned: <see cref="Model.Compile(Optimizer, IReadOnlyList{OutputLoss})"/> takes one for each.</summary>
/// <param name="Loss">What is made small.</param>
/// <param name="Weight">Factor on it in the sum over the outputs.</param>
/// <param name="Metrics">What is watched beside it.</param>
public sealed record OutputLoss(Loss Loss, float Weight = 1, params IReadOnlyList<Metric> Metrics);
