namespace Graft.Kernels;

/// <summary>What dense layers, convolutions and matrix products multiply in. Sums are made in float32 whatever this says.</summary>
public enum ComputePrecision
{
    /// <summary>IEEE single precision, exact products: the default everywhere.</summary>
    Float32,

    /// <summary>
    /// Numbers stay float32 in memory; factors are rounded to 10 bits behind the point as they go into tensor cores (by at most 2^-11 of a number), with the range of float32. GPUs of
    /// compute capability 8.0 on.
    /// </summary>
    TF32,

    /// <summary>16 bits in memory: the upper half of a float32, rounded to nearest (by at most 2^-8 of a number), with its range. GPUs of compute capability 8.0 on.</summary>
    BFloat16,

    /// <summary>16 bits in memory: IEEE half precision (2^-11), from 6e-8 to 65504. Training needs a scaled loss.</summary>
    Float16,
}

/// <summary>What follows from a precision.</summary>
public static class ComputePrecisions
{
    /// <summary>True for numbers of 16 bits.</summary>
    public static bool IsNarrow(this ComputePrecision precision) => precision is ComputePrecision.BFloat16 or ComputePrecision.Float16;

    /// <summary>The name that reports and the command line have for it.</summary>
    public static string Word(this ComputePrecision precision) => precision switch
    {
        ComputePrecision.Float32 => "float32",
        ComputePrecision.TF32 => "tf32",
        ComputePrecision.BFloat16 => "bf16",
        _ => "fp16",
    };
}
