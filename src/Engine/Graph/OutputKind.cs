namespace Graft;

/// <summary>What the numbers that a model gives for a sample stand for.</summary>
public enum OutputKind
{
    /// <summary>One class of several: a probability for each, or a single one for the second of two.</summary>
    Classes,

    /// <summary>Any number of labels (multi-label): a probability of its own for each.</summary>
    Labels,

    /// <summary>Plain numbers (regression).</summary>
    Values,
}
