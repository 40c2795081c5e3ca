namespace Graft.Serving;

/// <summary>What a model gets for one answer.</summary>
/// <param name="Inputs">For each input, in the model's order: its shape without the axis of samples, and the numbers.</param>
internal sealed record Sample(IReadOnlyList<(Shape Shape, float[] Values)> Inputs)
{
    /// <summary>Name of the file that it came as; null where it came without.</summary>
    public string? File { get; init; }

    /// <summary>True for a text that was longer than the model reads.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>True where both can stand in one batch.</summary>
    public bool FitsWith(Sample other)
    {
        for (int i = 0; i < Inputs.Count; i++)
        {
            if (!Inputs[i].Shape.Equals(other.Inputs[i].Shape))
                return false;
        }
        return true;
    }
}
