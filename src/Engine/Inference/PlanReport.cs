using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Graft.Inference;

/// <summary>Lays out <see cref="InferencePlan.Describe()"/>.</summary>
internal static class PlanReport
{
    public static string Of(string model, Schedule schedule, Device device)
    {
        bool ran = schedule.Steps.Any(s => s.HasRun);
        double peak = ran ? device.Kernels.MeasurePeakFlops() : 0;
        string[] titles = ran ? ["#", "Layers", "Routine", "Output", "MFLOP", "MiB", "ms", "GFLOP/s", "of peak"] : ["#", "Layers", "Routine", "Output", "MFLOP", "MiB"];
        var rows = new List<string[]> { titles };
        for (int i = 0; i < schedule.Steps.Count; i++)
            rows.Add(Row(i, schedule.Steps[i], ran, peak));
        int[] widths = [.. titles.Select((_, column) => rows.Max(r => r[column].Length))];
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"Plan of '{model}' on {device.Name}: {schedule.Steps.Count} steps, {Megabytes(schedule.ArenaFloats * sizeof(float))} MiB of activations, {Megabytes(schedule.PackedBytes)} MiB of packed weights\n");
        foreach (string[] row in rows)
        {
            for (int column = 0; column < row.Length; column++)
                text.Append(column is > 0 and < 4 ? row[column].PadRight(widths[column]) : row[column].PadLeft(widths[column])).Append(column + 1 < row.Length ? "  " : "\n");
        }
        if (ran)
            text.Append(Total(schedule, peak));
        if (schedule.Launches.Length > 0)
            text.Append(schedule.Launches).Append('\n');
        return text.ToString();
    }

    private static string[] Row(int number, PlanStep step, bool ran, double peak)
    {
        string[] cells = [Text(number, "0"), Join(step.Layers), step.Routine, step.Output.ToString(), step.Flops == 0 ? "-" : Text(step.Flops / 1e6, "0.0"), Megabytes(step.Bytes)];
        if (!ran)
            return cells;
        double seconds = Seconds(step.Ticks), rate = step.Flops / Math.Max(seconds, 1e-9);
        return [.. cells, Text(seconds * 1e3, "0.000"), step.Flops == 0 ? "-" : Text(rate / 1e9, "0.0"), step.Flops == 0 || peak == 0 ? "-" : Text(100 * rate / peak, "0") + " %"];
    }

    private static string Total(Schedule schedule, double peak)
    {
        double seconds = Seconds(schedule.Steps.Sum(s => s.Ticks)), rate = schedule.Steps.Sum(s => (double)s.Flops) / Math.Max(seconds, 1e-9);
        string share = peak == 0 ? "" : $", {Text(100 * rate / peak, "0")} % of the {Text(peak / 1e9, "0")} GFLOP/s that multiply-adds in registers reach (Winograd's count as direct, and may pass 100 %)";
        return $"Fastest run of each step: {Text(seconds * 1e3, "0.00")} ms in all, {Text(rate / 1e9, "0")} GFLOP/s{share}\n";
    }

    // Fused layers share most of their path: "conv2_block1_1_conv, .._bn, .._relu" says it all.
    private static string Join(IReadOnlyList<string> layers)
    {
        if (layers.Count == 0)
            return "";
        int slash = layers[0].LastIndexOf('/') + 1;
        return string.Join(" + ", layers.Select((l, i) => i == 0 || slash == 0 || !l.StartsWith(layers[0][..slash], StringComparison.Ordinal) ? l : l[slash..]));
    }

    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;

    private static string Megabytes(long bytes) => Text(bytes / 1048576.0, "0.00");

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
