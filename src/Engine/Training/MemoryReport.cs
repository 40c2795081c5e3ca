using System.Globalization;

namespace Graft.Training;

/// <summary>What one training step held in memory.</summary>
/// <param name="KeptBytes">Bytes held for backward by each layer's path; a frozen base has no entry.</param>
/// <param name="PeakBytes">The most bytes of the device's pool that were in use at once, since the program began.</param>
/// <param name="LiveBytes">Bytes in use after the step: parameters and optimizer slots.</param>
public sealed record MemoryReport(IReadOnlyDictionary<string, long> KeptBytes, long PeakBytes, long LiveBytes)
{
    /// <summary>Bytes held for backward by all layers.</summary>
    public long TotalKeptBytes => KeptBytes.Values.Sum();

    /// <summary>Bytes held for backward by a layer or by all layers of a nested model.</summary>
    public long KeptBy(string path) =>
        KeptBytes.Where(k => k.Key == path || k.Key.StartsWith(path + "/", StringComparison.Ordinal)).Sum(k => k.Value);

    /// <summary>One line a layer and the totals.</summary>
    public override string ToString() =>
        string.Concat(KeptBytes.Select(k => string.Create(CultureInfo.InvariantCulture, $"{k.Key,-40} {k.Value / 1048576.0,10:0.00} MiB kept for backward\n")))
        + string.Create(CultureInfo.InvariantCulture, $"{"all",-40} {TotalKeptBytes / 1048576.0,10:0.00} MiB kept, {PeakBytes / 1048576.0:0.00} MiB at the peak");
}
