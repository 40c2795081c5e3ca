using System.Runtime.Intrinsics;

namespace Graft.Kernels.Cpu;

/// <summary>Work that is written once for every width of vector.</summary>
internal interface ILaneWork
{
    /// <summary>Does the work on vectors <typeparamref name="V"/>.</summary>
    void Run<V>() where V : unmanaged, ILanes<V>;
}

/// <summary>The widths of vector and the one that this processor runs best, chosen at start-up.</summary>
internal static class LaneWidth
{
    /// <summary>The widest in hardware; 128 bits are the portable width, which the runtime has on every processor.</summary>
    public static int Widest { get; } = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    /// <summary>Every width in bits. All of them compute everywhere; those above <see cref="Widest"/> slowly.</summary>
    public static int[] All { get; } = [512, 256, 128];

    /// <summary>
    /// Bits of the vectors that the kernels of this process compute on. Benches set it; a <see cref="CpuKernelSet"/> holds packed weights
    /// of the width that was current when it was made. Some small loops (the largest number, sums of squares, copies) are written for 512 bits alone,
    /// which the runtime cuts up where the processor has less: their sums have one order everywhere.
    /// </summary>
    public static int Current { get; set; } = Widest;

    /// <summary>Does the work on vectors of that many bits.</summary>
    public static void Run<T>(int bits, T work)
        where T : unmanaged, ILaneWork
    {
        switch (bits)
        {
            case 512: work.Run<Lanes512>(); break;
            case 256: work.Run<Lanes256>(); break;
            case 128: work.Run<Lanes128>(); break;
            default: throw new ArgumentOutOfRangeException(nameof(bits), bits, "Vectors have 128, 256 or 512 bits.");
        }
    }
}
