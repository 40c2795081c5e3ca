using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>The vectors that the Cpu kernels compute on.</summary>
public static class CpuVectors
{
    private const int Features = 7, Avx2 = 5, Avx512F = 16; // leaf of CPUID, and bits of its EBX

    /// <summary>Their bits: 512, 256 or 128, chosen at start-up as the widest that the processor has; by a compiler ahead of time, which knows the processors that it was told of alone.</summary>
    public static int Bits => LaneWidth.Current;

    /// <summary>
    /// The bits that this processor has, where the program was compiled ahead of time for less, and so runs slower than it could; else null. IlcInstructionSet in the program's project names
    /// the processors that it is compiled for.
    /// </summary>
    public static int? Missed => !RuntimeFeature.IsDynamicCodeSupported && OfProcessor() is var bits && bits > LaneWidth.Widest ? bits : null;

    private static int OfProcessor()
    {
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < Features)
            return LaneWidth.Widest;
        int has = X86Base.CpuId(Features, 0).Ebx;
        return (has >> Avx512F & 1) != 0 ? 512 : (has >> Avx2 & 1) != 0 ? 256 : 128;
    }
}
