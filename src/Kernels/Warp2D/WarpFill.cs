namespace Graft.Kernels;

/// <summary>What lies beyond the border of an image, by Keras's names.</summary>
public enum WarpFill
{
    /// <summary>The image mirrored, its last pixel doubled: d c b a | a b c d | d c b a.</summary>
    Reflect,

    /// <summary>One number: k k k k | a b c d | k k k k.</summary>
    Constant,

    /// <summary>The image again: a b c d | a b c d | a b c d.</summary>
    Wrap,

    /// <summary>The last pixel: a a a a | a b c d | d d d d.</summary>
    Nearest,
}
