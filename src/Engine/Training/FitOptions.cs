using Graft.Autograd;
using Graft.Inference;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>What <see cref="Model.Fit"/> can do beyond its defaults.</summary>
public sealed class FitOptions
{
    /// <summary>
    /// Factor on the loss of each class's samples, or of its pixels or tokens where these have the classes; a class that is absent has 1, as in Keras. Not applied to validation. <see cref="ClassWeighting"/> makes them.
    /// </summary>
    public IReadOnlyDictionary<int, float>? ClassWeights { get; init; }

    /// <summary>Called in this order.</summary>
    public IReadOnlyList<Callback> Callbacks { get; init; } = [];

    /// <summary>Epoch to begin with, from 0: for going on where an earlier run ended.</summary>
    public int InitialEpoch { get; init; }

    /// <summary>Batch of the initial epoch to begin with: for going on in the middle of an epoch.</summary>
    public int InitialBatch { get; init; }

    /// <summary>Epochs of an earlier run, which the new ones are added to.</summary>
    public History? History { get; init; }

    /// <summary>Told after each step.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>
    /// Ends training within an op. The step that ran leaves no trace: weights, moving statistics and optimizer stand where
    /// the step before left them.
    /// </summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Seed of Dropout and other random ops: the same seed, the same weights.</summary>
    public int Seed { get; init; }

    /// <summary>What the frozen part computes of each sample is kept for the epochs to come; see <see cref="FeatureCacheOptions"/>.</summary>
    public FeatureCacheOptions FeatureCache { get; init; } = FeatureCacheOptions.Default;

    /// <summary>
    /// Gradient checkpointing: what so many trainable layers compute is given back when the next ones run, and computed once more in backward. Training
    /// is the same to the last bit; it holds less and takes one more forward pass. The square root of the number of layers holds the least; 0 holds everything.
    /// <see cref="Model.MemoryReport"/> shows the difference.
    /// </summary>
    public int CheckpointEvery { get; init; }

    /// <summary>Batches whose gradients are averaged before one optimizer step; what is left at the end of an epoch makes a step too.</summary>
    public int AccumulationSteps { get; init; } = 1;

    /// <summary>
    /// What the products of a step multiply in, forward and backward; weights, their gradients and the optimizer's slots stay float32 in memory (master weights). In 16 bits the factors of
    /// each dense layer, convolution and matrix product are rounded, and what they and most layers behind them hand on has 16 bits in memory; fp16 scales the loss
    /// (<see cref="LossScale"/>). What is frozen follows <see cref="Model.PlanOptions"/>. On devices that compute in float32 alone, anything else throws.
    /// </summary>
    public ComputePrecision Precision { get; init; } = ComputePrecision.Float32;

    /// <summary>Where the time of each op of a step is noted down; null where nobody asks.</summary>
    internal OpTimes? Times { get; init; }
}
