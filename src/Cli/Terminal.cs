using System.Globalization;
using Graft.Training;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Graft.Cli;

/// <summary>Where a command writes: tables and a live bar on a terminal, plain lines where output is redirected.</summary>
internal sealed class Terminal : IDisposable
{
    private readonly List<Model> _models = [];
    private const double RefreshesPerSecond = 8; // smooth to the eye, a thousandth of a core

    private readonly TextWriter _output;
    private readonly IAnsiConsole? _console;
    private bool _live;

    /// <summary>A terminal if <paramref name="output"/> is one, else plain lines.</summary>
    public Terminal(TextWriter output, CancellationToken interrupt)
        : this(output, ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected ? AnsiConsole.Console : null, interrupt)
    {
    }

    /// <summary>Writes to <paramref name="console"/>; null, or one without cursor control, is plain lines.</summary>
    internal Terminal(TextWriter output, IAnsiConsole? console, CancellationToken interrupt)
    {
        _output = output;
        _console = console is { Profile.Capabilities: { Ansi: true, Interactive: true } } ? console : null;
        Interrupt = interrupt;
    }

    /// <summary>Set by Ctrl+C.</summary>
    public CancellationToken Interrupt { get; }

    /// <summary>True where tables and a live bar are drawn.</summary>
    public bool IsInteractive => _console is not null;

    /// <summary>Columns of the terminal.</summary>
    public int Width => _console?.Profile.Width ?? int.MaxValue;

    /// <summary>The device that models of the command run on; null is the default one.</summary>
    public Device? Device { get; set; }

    /// <summary>Brings a model to the command's device, and gives its memory back when the command ends, however it ends.</summary>
    public T Own<T>(T model)
        where T : Model
    {
        if (Device is not null)
            model.MoveTo(Device);
        _models.Add(model);
        return model;
    }

    /// <summary>Gives the memory of the command's models back.</summary>
    public void Dispose()
    {
        _models.ForEach(m => m.Release());
        _models.Clear();
    }

    /// <summary>Writes a line as it is: no character in it is markup, and it is not wrapped.</summary>
    public void Line(string text = "")
    {
        if (_live)
            _console!.Write(new WholeLine(text)); // in the place of the bar, which is drawn again below
        else
            _output.WriteLine(text);
        _output.Flush();
    }

    /// <summary>Writes text as it is, without a line end, so that it is seen at once.</summary>
    public void Text(string text)
    {
        _output.Write(text);
        _output.Flush();
    }

    /// <summary>Draws a table or another renderable; on a terminal only.</summary>
    public void Draw(IRenderable renderable)
    {
        if (_console is null)
            return;
        _console.Write(renderable);
        _output.Flush();
    }

    /// <summary>Runs <paramref name="work"/> under a bar that is gone afterwards; where output is redirected the bar draws nothing.</summary>
    public T WithBar<T>(string title, Func<LiveBar, T> work)
    {
        if (_console is null)
            return work(new LiveBar(null));
        var bar = new LiveBar(title);
        _live = true;
        try
        {
            Progress progress = _console.Progress().AutoClear(true).Columns(bar.Columns).ExcludeVerticalPadding();
            progress.RefreshRate = TimeSpan.FromSeconds(1 / RefreshesPerSecond);
            return progress.Start(context =>
            {
                bar.Attach(context.AddTask(title));
                return work(bar);
            });
        }
        finally
        {
            _live = false;
        }
    }

    /// <summary>A line that leaves nothing of what stood in its place.</summary>
    private sealed class WholeLine(string text) : Renderable
    {
        private const string EraseToEnd = "\e[K";

        protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => [new Segment(text), Segment.Control(EraseToEnd), Segment.LineBreak];
    }
}

/// <summary>Writes one line for each epoch: a table that grows on a terminal, words and numbers where output is redirected.</summary>
internal sealed class EpochLines(Terminal terminal, string watched) : Callback
{
    /// <summary>Epochs that are to be trained, those before among them.</summary>
    public int Epochs { get; set; }

    private bool _titled;

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        if (terminal.IsInteractive)
        {
            if (!_titled)
                terminal.Line($"   epoch      loss  {watched}  val_loss  val_{watched}  images/s     time");
            _titled = true;
            string Cell(string name) => row.TryGetValue(name, out double v) ? v.ToString("F4", CultureInfo.InvariantCulture) : "";
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{$"{epoch + 1}/{Epochs}",8}{Cell("loss"),10}{Cell(watched).PadLeft(watched.Length + 2)}{Cell("val_loss"),10}{Cell($"val_{watched}").PadLeft(watched.Length + 6)}{row.GetValueOrDefault("images_per_second"),10:F0}{row.GetValueOrDefault("seconds"),7:F1} s"));
            return;
        }
        string Value(string name) => row.TryGetValue(name, out double v) ? string.Create(CultureInfo.InvariantCulture, $"  {name} {v:F4}") : "";
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"Epoch {epoch + 1,2}/{Epochs}{Value("loss")}{Value(watched)}{Value("val_loss")}{Value($"val_{watched}")}  {row.GetValueOrDefault("images_per_second"):F0} images/s  {row.GetValueOrDefault("seconds"):F1} s"));
    }
}
