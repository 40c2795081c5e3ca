namespace Graft.Training;

/// <summary>What a metric sees of one batch, on the host.</summary>
/// <param name="predictions">Row-major outputs, [samples, outputs]; probabilities where the model gives logits of classes, unless all metrics ask for the largest alone.</param>
/// <param name="labels">Row-major labels of the kind <paramref name="labelKind"/>.</param>
/// <param name="samples">N; where each token or pixel of a sample has a class, the number of these.</param>
/// <param name="labelKind">How the labels are laid out.</param>
public readonly ref struct MetricBatch(ReadOnlySpan<float> predictions, ReadOnlySpan<float> labels, int samples, LabelKind labelKind)
{
    /// <summary>Row-major outputs, [samples, outputs].</summary>
    public ReadOnlySpan<float> Predictions { get; } = predictions;

    /// <summary>Row-major labels.</summary>
    public ReadOnlySpan<float> Labels { get; } = labels;

    /// <summary>Number of samples, or of the tokens or pixels that have a class each.</summary>
    public int Samples { get; } = samples;

    /// <summary>How the labels are laid out.</summary>
    public LabelKind LabelKind { get; } = labelKind;

    /// <summary>Outputs of one sample.</summary>
    public int Outputs => Samples == 0 ? 0 : Predictions.Length / Samples;

    /// <summary>The outputs of one sample.</summary>
    public ReadOnlySpan<float> Row(int sample) => Predictions.Slice(sample * Outputs, Outputs);

    /// <summary>The class that a label stands for: where a one-hot row is largest, else its number.</summary>
    public int Class(int sample) => ClassOf(Labels, sample, Samples, LabelKind);

    /// <summary>The class that a prediction stands for: the largest output, or for one output whether it is above 0.5.</summary>
    public int PredictedClass(int sample) => Outputs == 1 ? (Predictions[sample] > 0.5f ? 1 : 0) : ArgMax(Row(sample));

    /// <summary>The 0 or 1 that output <paramref name="output"/> of a sample should be.</summary>
    public bool IsPositive(int sample, int output) => LabelKind == LabelKind.Sparse && Outputs > 1
        ? Class(sample) == output
        : Labels[sample * Outputs + output] > 0.5f;

    internal static int ClassOf(ReadOnlySpan<float> labels, int sample, int samples, LabelKind kind)
    {
        int width = labels.Length / samples;
        float first = labels[sample * width];
        return kind switch
        {
            LabelKind.Categorical => ArgMax(labels.Slice(sample * width, width)),
            LabelKind.Binary => first > 0.5f ? 1 : 0, // mixed and smoothed ones are of the nearer class
            _ => (int)first,
        };
    }

    // The first of equal maxima, as numpy's argmax.
    internal static int ArgMax(ReadOnlySpan<float> row)
    {
        int best = 0;
        for (int i = 1; i < row.Length; i++)
        {
            if (row[i] > row[best])
                best = i;
        }
        return best;
    }
}
