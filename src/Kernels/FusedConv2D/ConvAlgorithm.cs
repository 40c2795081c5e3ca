namespace Graft.Kernels;

/// <summary>How a <see cref="FusedConv2DKernels"/> computes a convolution. Each has a domain; see <see cref="FusedConv2DKernels.Supports"/>.</summary>
public enum ConvAlgorithm
{
    /// <summary>Patches gathered with a test for every edge, then a matrix product: any geometry.</summary>
    General,

    /// <summary>A matrix product per filter row, read where the input lies: needs its zero border to cover the padding.</summary>
    Direct,

    /// <summary>1x1 filter without padding: a matrix product of pixels and weights.</summary>
    Pointwise,

    /// <summary>
    /// Few input channels: direct, with a whole window summed in registers, a few pixels at a time. Gathering patches first was slower
    /// (65 % of the multiply-add peak against 91 % for 7x7 on 3 channels).
    /// </summary>
    Stem,

    /// <summary>Winograd F(2x2,3x3): 3x3 filter, stride 1; 2.25 times fewer products than direct.</summary>
    WinogradF2,

    /// <summary>Winograd F(3x3,3x3): 3.24 times fewer products.</summary>
    WinogradF3,

    /// <summary>Winograd F(4x4,3x3): 4 times fewer products.</summary>
    WinogradF4,
}
