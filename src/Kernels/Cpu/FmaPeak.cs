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
    public static float Run(int rounds) => Lanes switch { 16 => FusedChains512(rounds), 8 => FusedChains256(rounds), _ => Chains128(rounds) };

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
    private static float FusedChains512(int rounds)
    {
        Vector512<float> x = Vector512.Create(0.5f), a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (int round = 0; round < rounds; round++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, x); b = Vector512.FusedMultiplyAdd(b, x, x); c = Vector512.FusedMultiplyAdd(c, x, x);
            d = Vector512.FusedMultiplyAdd(d, x, x); e = Vector512.FusedMultiplyAdd(e, x, x); f = Vector512.FusedMultiplyAdd(f, x, x);
            g = Vector512.FusedMultiplyAdd(g, x, x); h = Vector512.FusedMultiplyAdd(h, x, x); i = Vector512.FusedMultiplyAdd(i, x, x);
            j = Vector512.FusedMultiplyAdd(j, x, x); k = Vector512.FusedMultiplyAdd(k, x, x); l = Vector512.FusedMultiplyAdd(l, x, x);
        }
        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float FusedChains256(int rounds)
    {
        Vector256<float> x = Vector256.Create(0.5f), a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (int round = 0; round < rounds; round++)
        {
            a = Vector256.FusedMultiplyAdd(a, x, x); b = Vector256.FusedMultiplyAdd(b, x, x); c = Vector256.FusedMultiplyAdd(c, x, x);
            d = Vector256.FusedMultiplyAdd(d, x, x); e = Vector256.FusedMultiplyAdd(e, x, x); f = Vector256.FusedMultiplyAdd(f, x, x);
            g = Vector256.FusedMultiplyAdd(g, x, x); h = Vector256.FusedMultiplyAdd(h, x, x); i = Vector256.FusedMultiplyAdd(i, x, x);
            j = Vector256.FusedMultiplyAdd(j, x, x); k = Vector256.FusedMultiplyAdd(k, x, x); l = Vector256.FusedMultiplyAdd(l, x, x);
        }
        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    /// <summary>For x86 without fused multiply-adds, which the runtime would compute by a call each: a multiplication and an addition, as the kernels do there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Chains128(int rounds)
    {
        Vector128<float> x = Vector128.Create(0.5f), a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (int round = 0; round < rounds; round++)
        {
            a = Vector128.MultiplyAddEstimate(a, x, x); b = Vector128.MultiplyAddEstimate(b, x, x); c = Vector128.MultiplyAddEstimate(c, x, x);
            d = Vector128.MultiplyAddEstimate(d, x, x); e = Vector128.MultiplyAddEstimate(e, x, x); f = Vector128.MultiplyAddEstimate(f, x, x);
            g = Vector128.MultiplyAddEstimate(g, x, x); h = Vector128.MultiplyAddEstimate(h, x, x); i = Vector128.MultiplyAddEstimate(i, x, x);
            j = Vector128.MultiplyAddEstimate(j, x, x); k = Vector128.MultiplyAddEstimate(k, x, x); l = Vector128.MultiplyAddEstimate(l, x, x);
        }
        return Vector128.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
