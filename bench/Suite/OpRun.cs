using Graft.Bench.Torch;
using Graft.Kernels.Cpu;

namespace Graft.Bench.Suite;

/// <summary>One row of a table: a case, and what computes it.</summary>
/// <remarks>Public because BenchmarkDotNet sets it from the code that it generates.</remarks>
public sealed class OpRun
{
    private OpRun(OpCase of, string engine) => (Case, Engine) = (of, engine);

    /// <summary>What is computed.</summary>
    internal OpCase Case { get; }

    /// <summary>"reference", "cpu-512" and narrower or "cpu", "cuda", "ort", "torch".</summary>
    internal string Engine { get; }

    internal const string Reference = "reference", Cpu = "cpu", Cuda = "cuda", Ort = "ort", Torch = "torch";

    /// <summary>True for another library.</summary>
    internal bool IsPeer => Engine is Ort or Torch;

    /// <summary>Bits of the vectors; 0 where it does not say.</summary>
    internal int Bits => Engine.StartsWith("cpu-", StringComparison.Ordinal) ? int.Parse(Engine.AsSpan(4), System.Globalization.CultureInfo.InvariantCulture) : 0;

    /// <summary>All rows of a case that this machine can compute.</summary>
    internal static IEnumerable<OpRun> Of(OpCase each)
    {
        if (each.TimesReference)
            yield return new(each, Reference);
        if (!each.HasWidths)
            yield return new(each, Cpu);
        foreach (int bits in each.HasWidths ? LaneWidth.All.Where(b => b <= LaneWidth.Widest) : [])
            yield return new(each, $"{Cpu}-{bits}");
        if (Gpu.BenchGpu.Obstacle is null)
            yield return new(each, Cuda);
        if (each.Ort is not null)
            yield return new(each, Ort);
        if (each.Torch is not null && TorchLibrary.Loads)
            yield return new(each, Torch);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Case.Name} | {Engine}";
}
