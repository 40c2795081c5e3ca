using System.Text;
using Graft.Cli;
using Graft.Training;
using Spectre.Console;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>What is drawn on a terminal, and what is written where there is none.</summary>
public sealed class TerminalTests
{
    private static readonly TrainingProgress s_step = new(2, 10, 7, 15, new Dictionary<string, double> { ["loss"] = 0.25, ["accuracy"] = 0.875 }, 1e-3, 41.6, TimeSpan.FromSeconds(65), TimeSpan.Zero);

    [Theory]
    [InlineData(120)]
    [InlineData(80)]
    public void A_bar_shows_epoch_step_time_left_metrics_and_speed_in_one_line(int width)
    {
        string line = Bar(width);
        foreach (string part in new[] { "Epoch 3/10", "━━━━", "7/15", "ETA 1:05", "loss 0.2500", "accuracy 0.8750", "42 images/s" })
            Assert.Contains(part, line, StringComparison.Ordinal);
        Assert.InRange(line.TrimEnd().Length, 70, width);
    }

    [Fact]
    public void A_narrow_terminal_leaves_facts_out_rather_than_breaking_the_line()
    {
        string line = Bar(50);
        Assert.Contains("7/15  ETA 1:05", line, StringComparison.Ordinal);
        Assert.DoesNotContain("images/s", line, StringComparison.Ordinal);
        Assert.InRange(line.TrimEnd().Length, 1, 50);
    }

    [Fact]
    public void Lines_that_are_written_beside_a_bar_are_kept_as_they_are()
    {
        (Terminal terminal, StringWriter screen, _) = Screen(80);
        int result = terminal.WithBar("Epoch 1/1", bar =>
        {
            terminal.Line("[red]not markup[/] C:\\[class]");
            return 5;
        });
        Assert.Equal(5, result);
        Assert.Contains("[red]not markup[/] C:\\[class]\e[K", screen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_classes_are_no_markup()
    {
        ConfusionMatrix matrix = Matrix("[bold]cats[/]", "do[gs");
        (Terminal terminal, StringWriter screen, _) = Screen(80);
        ConfusionTables.Write(matrix, terminal);
        Assert.Contains("[bold]cats[/]", screen.ToString(), StringComparison.Ordinal);
        Assert.Contains("do[gs", screen.ToString(), StringComparison.Ordinal);
        Assert.Contains("precision", screen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void More_classes_than_fit_side_by_side_are_shown_as_their_most_frequent_confusions()
    {
        ConfusionMatrix matrix = Matrix([.. Enumerable.Range(0, 30).Select(i => $"class{i:00}")]);
        (Terminal terminal, StringWriter screen, _) = Screen(80);
        ConfusionTables.Write(matrix, terminal);
        Assert.Contains("30 classes do not fit", screen.ToString().ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.All(Plain(screen).Split('\n'), l => Assert.InRange(l.TrimEnd().Length, 0, 80));
    }

    [Fact]
    public void Where_output_is_redirected_a_bar_draws_nothing_and_lines_are_plain()
    {
        using var output = new StringWriter();
        var terminal = new Terminal(output, CancellationToken.None);
        terminal.WithBar("Epoch 1/1", bar =>
        {
            bar.Report(s_step);
            bar.Images("Validating").Report((3, 9));
            return 0;
        });
        ConfusionMatrix matrix = Matrix("cats", "dogs");
        ConfusionTables.Write(matrix, terminal);
        terminal.Line("accuracy=0.5000");
        Assert.Equal($"{matrix}{Environment.NewLine}accuracy=0.5000{Environment.NewLine}", output.ToString());
    }

    private static string Bar(int width)
    {
        (Terminal terminal, StringWriter screen, TextWriter shared) = Screen(width);
        bool IsDrawn()
        {
            lock (shared) // as the thread that draws does
                return screen.ToString().Contains("7/15", StringComparison.Ordinal);
        }
        terminal.WithBar("Epoch 1/10", bar =>
        {
            bar.Report(s_step);
            SpinWait.SpinUntil(IsDrawn, TimeSpan.FromSeconds(20));
            return 0;
        });
        return Plain(screen).Split('\n', '\r').First(l => l.Contains("7/15", StringComparison.Ordinal));
    }

    private static ConfusionMatrix Matrix(params string[] names)
    {
        var matrix = new ConfusionMatrix(names.Length, names);
        matrix.Add(0, 0);
        matrix.Add(1, 0);
        matrix.Add(1, 1);
        return matrix;
    }

    private static string Plain(StringWriter screen) => System.Text.RegularExpressions.Regex.Replace(screen.ToString(), @"\e\[[0-9;?]*[A-Za-z]", "");

    // What is written to the screen goes through the last, which locks itself.
    private static (Terminal Terminal, StringWriter Screen, TextWriter Shared) Screen(int width)
    {
        var screen = new StringWriter();
        TextWriter shared = TextWriter.Synchronized(screen);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes, ColorSystem = ColorSystemSupport.NoColors, Out = new Output(shared, width),
        });
        return (new Terminal(screen, console, CancellationToken.None), screen, shared);
    }

    private sealed class Output(TextWriter writer, int width) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => true;

        public int Width => width;

        public int Height => 40;

        public void SetEncoding(Encoding encoding)
        {
        }
    }
}
