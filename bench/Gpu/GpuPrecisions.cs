using Graft.Kernels;

namespace Graft.Bench.Gpu;

/// <summary>What products are computed in on a GPU.</summary>
internal static class GpuPrecisions
{
    /// <summary>float32; float32 whose factors are rounded to 10 bits of mantissa; 16 bits.</summary>
    public const string Float32 = "fp32", TF32 = "tf32", BFloat16 = "bf16";

    /// <summary>All that are asked for by default.</summary>
    public static readonly string[] All = [Float32, TF32, BFloat16];

    /// <summary>The same for the engine.</summary>
    public static ComputePrecision Of(string precision) => precision switch
    {
        Float32 => ComputePrecision.Float32,
        TF32 => ComputePrecision.TF32,
        _ => ComputePrecision.BFloat16,
    };

    /// <summary>
    /// Largest deviation of outputs from the processor's, as <see cref="Quick.OutputCheck"/> counts it: in float32 what two orders of sums differ by; factors of 11 or 8
    /// bits are off by 2^-11 or 2^-9 each, which a network's depth carries on.
    /// </summary>
    public static double Tolerance(string precision) => precision switch
    {
        Float32 => Quick.OutputCheck.Tolerance,
        TF32 => 1e-2,
        _ => 5e-2,
    };
}
