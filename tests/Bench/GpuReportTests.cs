using Graft.Bench.Gpu;
using Graft.Bench.Suite;
using Xunit;

namespace Graft.Tests.Bench;

/// <summary>The parts of the GPU check that need no GPU: its arguments, its numbers, its tables.</summary>
public sealed class GpuReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Arguments_choose_parts_precisions_and_the_folder()
    {
        GpuOptions options = GpuOptions.Parse(["--output", "here", "--parts", "text,ladder", "--precision", "bf16", "--tiny"]);
        Assert.Equal(("here", "text ladder", "bf16", true, false), (options.Output, string.Join(' ', options.Parts), string.Join(' ', options.Precisions), options.IsTiny, options.IsReport));
    }

    [Theory]
    [InlineData("--parts", "vision,sound")]
    [InlineData("--precision", "fp64")]
    [InlineData("--output")]
    [InlineData("--fast", "yes")]
    public void An_argument_that_is_not_understood_is_named(params string[] arguments) =>
        Assert.Contains(arguments[0], Assert.Throws<GraftException>(() => GpuOptions.Parse(arguments)).Message, StringComparison.Ordinal);

    [Fact]
    public void Numbers_are_those_that_torch_bench_makes_of_the_same_name()
    {
        // torch_bench.py: numbers("pixels", 4), numbers("h.0.ln_1/gamma", 2, low=0.8, high=1.2), ids("text", 4, 50257)
        Assert.Equal([-0.42313826f, -0.67658937f, 0.96580803f, -0.62740695f], Numbers.Of("pixels", 4));
        Assert.Equal([1.1786807f, 1.032193f], Numbers.Of("h.0.ln_1/gamma", 2, 0.8, 1.2));
        Assert.Equal([30856, 47205, 7265, 34254], Numbers.Ids("text", 4, 50257));
        Assert.Equal(Numbers.Of("pixels", 200_000)[..4], Numbers.Of("pixels", 4)); // pieces go to threads
    }

    [Fact]
    public void The_last_table_has_the_ratio_to_PyTorchs_fastest_way_and_shares_of_the_measured_peak()
    {
        string text = Report(
            Row("peaks", "copy", seconds: 1) with { Bytes = 2e12 },
            Row("peaks", "product", seconds: 1) with { Flops = 50e12 },
            Row("vision", "net-forward-b32", seconds: 0.010) with { Unit = "images/s", Count = 32, Flops = 0.25e12 },
            Torch("vision", "net-forward-b32", "eager", seconds: 0.040) with { Unit = "images/s", Count = 32 },
            Torch("vision", "net-forward-b32", "graph", seconds: 0.015) with { Unit = "images/s", Count = 32 });
        string[] cells = [.. text.TrimEnd().Split('\n')[^1].Split('|', StringSplitOptions.TrimEntries)];
        Assert.Equal(["net-forward-b32", "fp32", "images/s", "3200", "50", "800", "-", "-", "2133", "1.5"], cells[1..^1]);
    }

    [Fact]
    public void A_kernels_share_is_that_of_the_nearer_roof_and_PyTorchs_row_has_the_same_work()
    {
        string text = Report(
            Row("peaks", "copy", seconds: 1) with { Bytes = 2e12 },
            Row("peaks", "product", seconds: 1) with { Flops = 50e12 },
            Row("ladder", "softmax", seconds: 2e-3) with { Variant = "own", Bytes = 1e9, Flops = 1e6 },
            Torch("ladder", "softmax", "", seconds: 1e-3));
        string[][] rows = [.. text.Split('\n').Where(l => l.StartsWith("| softmax", StringComparison.Ordinal)).Select(l => l.Split('|', StringSplitOptions.TrimEntries)[1..^1])];
        Assert.Equal([["softmax", "own", "2 ms", "0.0005", "500", "25", "0.5"], ["softmax", "PyTorch", "1 ms", "0.001", "1000", "50", "-"]], rows);
    }

    [Fact]
    public void What_was_not_measured_stands_there_with_its_reason_unless_a_later_run_has_measured_it()
    {
        string text = Report(
            Row("text", "decode") with { Precision = "bf16", Note = "no such thing" },
            Row("text", "prefill") with { Note = "failed: once" },
            Row("text", "prefill", seconds: 1));
        Assert.Contains("no such thing | decode bf16", text, StringComparison.Ordinal);
        Assert.DoesNotContain("failed: once", text, StringComparison.Ordinal);
        Assert.Equal(3, File.ReadAllLines(Path.Combine(_folder, "GpuCheck.csv")).Length);
    }

    [Fact]
    public void A_row_is_the_same_behind_json()
    {
        GpuRow row = Row("ladder", "softmax 4x4", seconds: 0.5) with { Note = "\"quoted\"", Values = [1, float.NaN] };
        Assert.Equal(row.ToJson(), GpuRow.FromJson(row.ToJson()).ToJson());
        Assert.True(double.IsNaN(GpuRow.FromJson("""{"part":"text","name":"decode"}""").Seconds));
    }

    [Fact]
    public void A_line_that_does_not_parse_is_told_of_and_the_others_are_read()
    {
        File.WriteAllText(Path.Combine(_folder, "rows.jsonl"),
            """{"part":"text","name":"decode","seconds":1}""" + "\n" + """{"part":"text","name":"prefill","engine":"torch","seconds":1,"deviation":NaN}""" + "\n\n" + """{"part":"text","na""" + "\n");
        string text = GpuReport.Write(_folder, new GpuResults(_folder).Load());
        Assert.Contains("| decode ", text, StringComparison.Ordinal);
        Assert.Contains("| rows.jsonl has no row there: it does not parse | line 2, line 4 |", text, StringComparison.Ordinal);
    }

    private string Report(params GpuRow[] rows) => GpuReport.Write(_folder, rows);

    private static GpuRow Row(string part, string name, double seconds = double.NaN) => new() { Part = part, Name = name, Seconds = seconds };

    private static GpuRow Torch(string part, string name, string variant, double seconds) => Row(part, name, seconds) with { Engine = "torch", Variant = variant };
}
