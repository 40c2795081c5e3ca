using Graft.Kernels;

namespace Graft.Inference;

/// <summary>How a model computes what is frozen or only predicts.</summary>
public sealed record PlanOptions
{
    /// <summary>A compiled plan with the fastest algorithms.</summary>
    public static PlanOptions Default { get; } = new();

    /// <summary>No plan: the graph runs op by op, as it does where it is trained.</summary>
    public static PlanOptions Eager { get; } = new() { IsEnabled = false };

    /// <summary>False runs the graph op by op.</summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>
    /// False leaves out Winograd's algorithms, which need a quarter of the multiplications and round a little more: about 1e-5 of the
    /// largest output, where direct convolution is within 1e-6.
    /// </summary>
    public bool Winograd { get; init; } = true;

    /// <summary>
    /// What products are computed in. In 16 bits, weights and activations have 16 bits in memory from the plan's input to its outputs, wherever an op has kernels for them; sums
    /// are float32, and batch normalisation is folded before anything is rounded. What a device does not compute in throws when the plan is compiled.
    /// </summary>
    public ComputePrecision Precision { get; init; } = ComputePrecision.Float32;

    /// <summary>
    /// The batch size that algorithms are chosen for, whatever the size of a batch; 0 chooses for each call's own. With one size for all calls, what a plan gives for a sample on the
    /// processor is the same to the bit in a batch of any size: a server that gathers requests into batches answers each as if it were alone.
    /// </summary>
    public int TypicalBatch { get; init; }
}
