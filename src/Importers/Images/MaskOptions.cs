namespace Graft.Importers.Images;

/// <summary>How the pixels of masks say classes.</summary>
public sealed record MaskOptions
{
    /// <summary>
    /// The pixel's value of each class, in the order of the classes: [0, 255] or [1, 2, 3]. Null takes the value as the class; of two classes, 1 and all from 128 on are the second, 0 and all below are the first.
    /// </summary>
    public IReadOnlyList<byte>? Values { get; init; }

    /// <summary>
    /// The value of pixels that have no class, such as the 255 of Pascal VOC: it stays as the label, for a loss that ignores it, <c>Loss.SparseCategoricalCrossEntropy(ignoreClass: 255)</c>. Sparse labels alone
    /// can say so.
    /// </summary>
    public byte? Ignored { get; init; }

    /// <summary>What a mask's name has behind that of its photograph, before the ending: "_mask" where photo.jpg has photo_mask.png.</summary>
    public string Suffix { get; init; } = "";
}
