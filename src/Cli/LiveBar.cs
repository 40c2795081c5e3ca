using System.Diagnostics;
using System.Globalization;
using Graft.Training;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Graft.Cli;

/// <summary>What the bar of a long piece of work shows: how far it is, how long it takes yet, how fast it is, and how well it goes.</summary>
/// <remarks>A report writes a few fields; drawing is done by another thread, some times a second, whatever the number of reports.</remarks>
internal sealed class LiveBar(string? title) : IProgress<TrainingProgress>
{
    private const int LeastBar = 8;

    private readonly Stopwatch _watch = new();
    private ProgressTask? _task;
    private volatile string _title = title ?? "";
    private volatile string[] _facts = [];

    /// <summary>Title, bar, facts; facts that do not fit beside a bar of eight columns are left out, the last first.</summary>
    public ProgressColumn[] Columns =>
    [
        new TextColumn(_ => _title),
        new ProgressBarColumn { Width = null, CompletedStyle = Color.Green, FinishedStyle = Color.Green, RemainingStyle = Color.Grey },
        new TextColumn(width =>
        {
            string[] facts = _facts;
            int shown = facts.Length;
            int room = width - _title.Length - LeastBar - 2;
            while (shown > 1 && string.Join("  ", facts, 0, shown).Length > room)
                shown--;
            return string.Join("  ", facts, 0, shown);
        }),
    ];

    /// <summary>What a training step counts.</summary>
    public string Unit { get; set; } = "images";

    /// <summary>Gives the bar the task that it moves.</summary>
    public void Attach(ProgressTask task) => _task = task;

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        if (_task is null)
            return;
        IEnumerable<string> metrics = value.Metrics.Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Key} {m.Value:F4}"));
        _facts = [$"{value.Step}/{value.Steps}", $"ETA {Clock(value.Remaining)}", .. metrics, string.Create(CultureInfo.InvariantCulture, $"{value.SamplesPerSecond:F0} {Unit}/s")];
        _title = $"Epoch {value.Epoch + 1}/{value.Epochs}";
        Move(value.Step, value.Steps);
    }

    /// <summary>A count of images under a title; each count that begins anew begins a new measurement of time.</summary>
    public IProgress<(int Done, int Total)> Images(string title) => new Count(this, title);

    private void Report(string title, int done, int total)
    {
        if (_task is null)
            return;
        if (title != _title || !_watch.IsRunning)
            _watch.Restart();
        double seconds = _watch.Elapsed.TotalSeconds;
        _facts = done == 0 || seconds < 0.05 ? [$"{done}/{total}"]
            : [$"{done}/{total}", $"ETA {Clock(TimeSpan.FromSeconds(seconds / done * (total - done)))}", string.Create(CultureInfo.InvariantCulture, $"{done / seconds:F0} images/s")];
        _title = title;
        Move(done, total);
    }

    private void Move(int done, int total)
    {
        _task!.MaxValue = Math.Max(1, total);
        _task.Value = done;
    }

    private static string Clock(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes}:{time.Seconds:00}");

    private sealed class Count(LiveBar bar, string title) : IProgress<(int Done, int Total)>
    {
        public void Report((int Done, int Total) value) => bar.Report(title, value.Done, value.Total);
    }

    private sealed class TextColumn(Func<int, string> text) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(text(options.ConsoleSize.Width));
    }
}
