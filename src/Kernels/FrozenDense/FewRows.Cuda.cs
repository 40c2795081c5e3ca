using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>How FewRows.cuh is launched.</summary>
/// <param name="Blocks">Blocks, which go through tiles of outputs.</param>
/// <param name="Parts">Warps that share an output.</param>
/// <param name="Group">Rows that lie in shared memory at a time.</param>
/// <param name="SharedBytes">Bytes of shared memory.</param>
internal readonly record struct FewRowsLaunch(int Blocks, int Parts, int Group, int SharedBytes)
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = Warps * 32;

    /// <summary>Outputs of a warp, where they are not many.</summary>
    public const int FewOutputs = 2;

    /// <summary>Rows that a kernel for several has sums for.</summary>
    public const int SeveralRows = 4;

    /// <summary>Most bytes of shared memory that a launch asks for: four rows of 3072; every GPU since Turing has 64 KiB for a block, some of which the kernel has itself.</summary>
    public const int MostShared = 63 << 10;

    private const int Warps = 8, Piece = 768; // as in FewRows.cuh
    private const int BlocksOfProcessor = 3; // that fit side by side
    private const int Alignment = 16; // of the loads

    /// <summary>The launch, or null where the kernel does not take the sizes.</summary>
    /// <param name="context">The GPU.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="k">Inputs.</param>
    /// <param name="o">Outputs.</param>
    /// <param name="outputs">Outputs of a warp.</param>
    /// <param name="rowBytes">Bytes of shared memory of a row, beside its numbers.</param>
    /// <param name="isNormed">True where rows are normalised before.</param>
    public static FewRowsLaunch? Of(CudaContext context, int rows, int k, int o, int outputs, int rowBytes, bool isNormed)
    {
        if (rows == 0 || o == 0 || k == 0)
            return null;
        int most = rows == 1 ? 1 : SeveralRows, fixedBytes = sizeof(float) * (Warps * outputs * most + (isNormed ? 2 * k : 0));
        int group = (int)Math.Min(most, Math.Max(0L, MostShared - fixedBytes) / (sizeof(float) * (long)k + rowBytes));
        if (group == 0)
            return null;
        int parts = 1;
        while (parts < Warps && k > (long)parts * Piece)
            parts *= 2;
        int tile = Warps / parts * outputs, tiles = (o + tile - 1) / tile;
        return new(Math.Min(tiles, BlocksOfProcessor * Math.Max(1, context.Info.Multiprocessors)), parts, group, fixedBytes + group * (sizeof(float) * k + rowBytes));
    }

    /// <summary>True where all addresses are those of 16 bytes.</summary>
    public static bool IsAligned(params ReadOnlySpan<nint> addresses)
    {
        nint all = 0;
        foreach (nint address in addresses)
            all |= address;
        return all % Alignment == 0;
    }

    /// <summary>The number of an activation that the kernel applies, as Unary.cuh has them; -1 for none and for those that an own kernel has to follow for.</summary>
    public static int Fused(UnaryFormula? activation) => activation is UnaryFormula.ReLU or UnaryFormula.Gelu or UnaryFormula.GeluTanh ? (int)activation : -1;

    /// <summary>Which of four kernels: for a row, the same normed, for several, the same normed.</summary>
    public static int Kernel(int rows, bool isNormed) => (rows == 1 ? 0 : 1) * 2 + (isNormed ? 1 : 0);
}
