using System.Diagnostics;
using System.Globalization;
using Graft.Training;

namespace Graft.Cli;

/// <summary>Where a command writes: lines, and while training a bar that is redrawn on a terminal.</summary>
internal sealed class Terminal(TextWriter output, CancellationToken interrupt) : IProgress<TrainingProgress>
{
    private const int BarWidth = 24;

    private readonly bool _redraws = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;
    private readonly Stopwatch _sinceBar = Stopwatch.StartNew();
    private int _barLength;

    /// <summary>Set by Ctrl+C.</summary>
    public CancellationToken Interrupt => interrupt;

    /// <summary>Writes a line.</summary>
    public void Line(string text = "")
    {
        ClearBar();
        output.WriteLine(text);
        output.Flush();
    }

    /// <summary>Redraws the bar, at most ten times a second; where output is redirected there is none.</summary>
    public void Report(TrainingProgress value)
    {
        if (!_redraws || (_sinceBar.ElapsedMilliseconds < 100 && value.Step < value.Steps))
            return;
        _sinceBar.Restart();
        int filled = BarWidth * value.Step / Math.Max(1, value.Steps);
        string metrics = string.Join("  ", value.Metrics.Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Key} {m.Value:F4}")));
        string text = string.Create(CultureInfo.InvariantCulture,
            $"Epoch {value.Epoch + 1}/{value.Epochs} [{new string('█', filled)}{new string('░', BarWidth - filled)}] {value.Step}/{value.Steps}  {metrics}  {value.SamplesPerSecond:F0} images/s  ETA {value.Remaining.TotalSeconds:F0} s");
        output.Write("\r" + text.PadRight(_barLength));
        _barLength = text.Length;
    }

    private void ClearBar()
    {
        if (_barLength == 0)
            return;
        output.Write("\r" + new string(' ', _barLength) + "\r");
        _barLength = 0;
    }
}

/// <summary>Writes one line for each epoch.</summary>
internal sealed class EpochLines(Terminal terminal, int epochs) : Callback
{
    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        string Value(string name) => row.TryGetValue(name, out double v) ? string.Create(CultureInfo.InvariantCulture, $"  {name} {v:F4}") : "";
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"Epoch {epoch + 1,2}/{epochs}{Value("loss")}{Value("accuracy")}{Value("val_loss")}{Value("val_accuracy")}  {row.GetValueOrDefault("images_per_second"):F0} images/s  {row.GetValueOrDefault("seconds"):F1} s"));
    }
}
