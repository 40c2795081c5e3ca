namespace Graft.Importers.Onnx;

/// <summary>An extent of an axis that may depend on the batch and on the length of the sequences: a factor times these.</summary>
/// <param name="Factor">The number.</param>
/// <param name="Batch">True where it is a multiple of the batch size.</param>
/// <param name="Sequence">True where it is a multiple of the length of the sequences.</param>
internal readonly record struct Extent(int Factor, bool Batch = false, bool Sequence = false)
{
    /// <summary>Names of the two in a file.</summary>
    public const string BatchName = "batch", SequenceName = "sequence";

    /// <summary>True for a plain number.</summary>
    public bool IsFixed => !Batch && !Sequence;

    /// <summary>True for the number 1.</summary>
    public bool IsOne => IsFixed && Factor == 1;

    /// <summary>As an ONNX file says it: a number, or a name.</summary>
    public override string ToString()
    {
        string[] factors = [.. Batch ? [BatchName] : Array.Empty<string>(), .. Sequence ? [SequenceName] : Array.Empty<string>(), .. Factor != 1 || IsFixed ? [$"{Factor}"] : Array.Empty<string>()];
        return string.Join("*", factors);
    }
}
