using System.Globalization;
using System.Text.Json;

namespace Graft.Bench.Gpu;

/// <summary>A line of rows.jsonl: one measurement, or why there is none. torch_bench.py writes the same.</summary>
internal sealed record GpuRow
{
    /// <summary>Where outputs are kept that another engine compares its own with.</summary>
    public const string Check = "check";

    /// <summary>Names of the peaks.</summary>
    public const string Copy = "copy", Product = "product";

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>peaks, vision, steps, text, ladder; or <see cref="Check"/>.</summary>
    public required string Part { get; init; }

    /// <summary>What is computed: "resnet50-forward-b32".</summary>
    public required string Name { get; init; }

    /// <summary>graft or torch.</summary>
    public string Engine { get; init; } = "graft";

    /// <summary>By what: "cuDNN", "naive"; eager, channels_last, compile, graph.</summary>
    public string Variant { get; init; } = "";

    /// <summary>What products are computed in.</summary>
    public string Precision { get; init; } = GpuPrecisions.Float32;

    /// <summary>ms, images/s or tokens/s.</summary>
    public string Unit { get; init; } = "ms";

    /// <summary>Things a run, for a rate.</summary>
    public double Count { get; init; } = 1;

    /// <summary>Median seconds a run; NaN where it was not measured.</summary>
    public double Seconds { get; init; } = double.NaN;

    /// <summary>The fastest.</summary>
    public double Fastest { get; init; } = double.NaN;

    /// <summary>The slowest.</summary>
    public double Slowest { get; init; } = double.NaN;

    /// <summary>Multiplications and additions of a run.</summary>
    public double Flops { get; init; }

    /// <summary>The least that a run has to move.</summary>
    public double Bytes { get; init; }

    /// <summary>Deviation of the result from the expected one; NaN where it was not compared.</summary>
    public double Deviation { get; init; } = double.NaN;

    /// <summary>Why it was not measured, or what is worth knowing.</summary>
    public string Note { get; init; } = "";

    /// <summary>Outputs, in a row of <see cref="Check"/>.</summary>
    public float[]? Values { get; init; }

    /// <summary>The median in the row's unit.</summary>
    public double Figure => Unit == "ms" ? Seconds * 1e3 : Count / Seconds;

    /// <summary>True where it was measured.</summary>
    public bool HasFigure => double.IsFinite(Seconds);

    /// <summary>One line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    /// <summary>The row of a line.</summary>
    public static GpuRow FromJson(string line) => JsonSerializer.Deserialize<GpuRow>(line, s_json)!;

    /// <summary>For people.</summary>
    public override string ToString()
    {
        string what = $"{Name} {Variant} {Precision}".Replace("  ", " ", StringComparison.Ordinal);
        return HasFigure
            ? string.Create(CultureInfo.InvariantCulture, $"{what,-58} {Figure,10:g4} {Unit,-9} ({Fastest * 1e3:g4} to {Slowest * 1e3:g4} ms){(double.IsNaN(Deviation) ? "" : $", deviates by {Deviation:g2}")}")
            : $"{what,-58} not available: {Note}";
    }
}
