using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graft.Kernels.Cpu;

/// <summary>The multiply-add peak of this machine: chains of fused multiply-adds in registers, the ceiling of every other figure.</summary>
internal static unsafe class FmaPeak
{
    private const int Chains = 12; // more than the units (2) times their latency (4)

    /// <summary>Floats that a vector of <see cref="Run"/> holds: that of the widest registers, or two of them where a processor other than x86 has 128 bits.</summary>
    public static int Lanes { get; } = Vector512.IsHardwareAccelerated ? 16 : Fma.IsSupported || !Sse.IsSupported ? 8 : 4;

    /// <summary>Operations of that many rounds.</summary>
    public static double Flops(long rounds) => 2.0 * Chains * Lanes * rounds;

    /// <summary>Runs the chains on this thread.</summary>
    /// <remarks>On x86 without fused multiply-adds, which the runtime would compute by a call each, it is a multiplication and an addition, as the kernels do there.</remarks>
    public static float Run(int rounds) => Lanes switch { 16 => RunChains<Lanes512>(rounds), 8 => RunChains<Lanes256>(rounds), _ => RunChains<Lanes128>(rounds) };

    /// <summary>Runs the chains on Graft's own threads, in small pieces as its kernels do: a thread that loses its core delays one piece.</summary>
    public static void RunThreaded(int pieces, int roundsPerPiece)
    {
        var body = new Pieces { Rounds = roundsPerPiece };
        WorkerPool.For(pieces, ref body);
    }

    /// <summary>Operations a second on all of Graft's threads: the best of some short rounds, as other programs only ever take away.</summary>
    public static double Measure()
    {
        const int Rounds = 8, Pieces = 64, PerPiece = 1 << 13;
        double best = 0;
        for (int i = 0; i < Rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            RunThreaded(Pieces, PerPiece);
            best = Math.Max(best, Flops((long)Pieces * PerPiece) / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    private struct Pieces : IChunkBody
    {
        public int Rounds;

        public readonly void Run(int chunk) => FmaPeak.Run(Rounds);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float RunChains<V>(int rounds)
        where V : unmanaged, ILanes<V>
    {
        V x = V.Create(0.5f), a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (int round = 0; round < rounds; round++)
        {
            a = V.MultiplyAdd(a, x, x); b = V.MultiplyAdd(b, x, x); c = V.MultiplyAdd(c, x, x); d = V.MultiplyAdd(d, x, x);
            e = V.MultiplyAdd(e, x, x); f = V.MultiplyAdd(f, x, x); g = V.MultiplyAdd(g, x, x); h = V.MultiplyAdd(h, x, x);
            i = V.MultiplyAdd(i, x, x); j = V.MultiplyAdd(j, x, x); k = V.MultiplyAdd(k, x, x); l = V.MultiplyAdd(l, x, x);
        }
        return V.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
