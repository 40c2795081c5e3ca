using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Graft.Bench.Suite;

/// <summary>A column that is worked out from a row's case and its median time.</summary>
/// <param name="name">Head of the column.</param>
/// <param name="legend">What it holds.</param>
/// <param name="figure">From the summary, the row and its seconds to the text.</param>
internal sealed class FigureColumn(string name, string legend, Func<Summary, OpRun, double, string> figure) : IColumn
{
    private const string Missing = "-";

    /// <summary>All columns of the suite, in order.</summary>
    public static IColumn[] All { get; } =
    [
        new FigureColumn("case", "network and size", (_, run, _) => run.Case.Name),
        new FigureColumn("by", "what computes it", (_, run, _) => run.Engine),
        new FigureColumn("median", "of a run", (_, _, seconds) => Time(seconds)),
        new FigureColumn("GFLOP/s", "multiplications and additions a second", (_, run, seconds) => Text(run.Case.Flops / seconds / 1e9)),
        new FigureColumn("% of peak", "share of the multiply-add peak of as many threads, measured in the same process", (_, run, seconds) => run.Engine == OpRun.Cuda ? Missing : Text(100 * run.Case.Flops / seconds / 1e9 / OpBench.Peak)),
        new FigureColumn("GB/s", "the least that has to move, each input and output once, over the time", (_, run, seconds) => Text(run.Case.Bytes / seconds / 1e9)),
        new FigureColumn("x best peer", "times the speed of the fastest peer", Ratio),
    ];

    public string Id => $"Graft.{name}";

    public string ColumnName => name;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => Array.IndexOf(All, this);

    public bool IsNumeric => name is not ("case" or "by");

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => legend;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        var run = (OpRun)benchmarkCase.Parameters[nameof(OpBench.Run)];
        double seconds = Seconds(summary, benchmarkCase);
        return IsNumeric && double.IsNaN(seconds) ? Missing : figure(summary, run, seconds);
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public bool IsAvailable(Summary summary) => true;

    /// <summary>Median seconds of a run; NaN where it failed.</summary>
    private static double Seconds(Summary summary, BenchmarkCase benchmarkCase) => summary[benchmarkCase]?.ResultStatistics?.Median / 1e9 ?? double.NaN;

    private static string Ratio(Summary summary, OpRun run, double seconds)
    {
        if (run.Engine == OpRun.Cuda)
            return Missing; // the peers run on the processor
        double best = double.NaN;
        foreach (BenchmarkCase other in summary.BenchmarksCases)
        {
            var otherRun = (OpRun)other.Parameters[nameof(OpBench.Run)];
            if (otherRun.IsPeer && otherRun.Case == run.Case && Seconds(summary, other) is var time && !(best < time) && !double.IsNaN(time))
                best = time;
        }
        return Text(best / seconds);
    }

    private static string Time(double seconds) => seconds switch
    {
        < 1e-3 => $"{Text(seconds * 1e6)} µs",
        < 1 => $"{Text(seconds * 1e3)} ms",
        _ => $"{Text(seconds)} s",
    };

    private static string Text(double value) => double.IsFinite(value) && value != 0 ? value.ToString(value >= 99.95 ? "f0" : "g3", CultureInfo.InvariantCulture) : Missing;
}
