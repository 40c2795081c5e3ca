namespace Graft.Training;

/// <summary>
/// What the loss is multiplied by before backward, so that small gradients are not lost where products have fp16's range, and the gradients are divided by in the optimizer's step.
/// Doubled after 2000 good steps, halved after a step whose gradients are not finite; that step is left out.
/// </summary>
/// <remarks>The rule and the numbers of PyTorch's GradScaler; Keras's LossScaleOptimizer begins with 32768. Powers of two: multiplying and dividing round nothing.</remarks>
public sealed class LossScale
{
    private const float First = 65536, Largest = 1.7014118e38f, Smallest = 1.1754944e-38f; // 2^127 and 2^-126: beyond them it, or one divided by it, would be infinite
    private const int GoodSteps = 2000;

    private int _good;

    /// <summary>The factor of the next step.</summary>
    public float Value { get; private set; } = First;

    /// <summary>Steps that were left out.</summary>
    public long Skipped { get; private set; }

    /// <summary>What a model file keeps.</summary>
    internal float[] State
    {
        get => [Value, _good, Skipped >> 20, Skipped & ((1 << 20) - 1)]; // a float holds whole numbers exactly up to 2^24
        set => (Value, _good, Skipped) = (value[0], (int)value[1], ((long)value[2] << 20) + (long)value[3]);
    }

    /// <summary>Takes note of a step.</summary>
    /// <param name="isFinite">True where all its gradients were finite numbers.</param>
    internal void Note(bool isFinite)
    {
        if (!isFinite)
        {
            Value = Math.Max(Value / 2, Smallest);
            _good = 0;
            Skipped++;
        }
        else if (++_good == GoodSteps)
        {
            Value = Math.Min(2 * Value, Largest);
            _good = 0;
        }
    }
}
