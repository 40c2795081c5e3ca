using System.CommandLine;
using Graft.Cli.Commands;

namespace Graft.Cli;

/// <summary>The command line: parses, runs a command, and turns errors into one line and an exit code.</summary>
internal static class Application
{
    private const int Success = 0, BadInput = 1, BadUsage = 2, Interrupted = 130;

    /// <summary>Runs one command: 0 success, 1 bad input, 2 bad usage, 130 interrupted.</summary>
    public static int Run(string[] args, TextWriter output, TextWriter error)
    {
        using var interrupt = new CancellationTokenSource();
        ConsoleCancelEventHandler onInterrupt = (_, e) =>
        {
            e.Cancel = !interrupt.IsCancellationRequested; // a second Ctrl+C ends the program where it stands
            interrupt.Cancel();
        };
        Console.CancelKeyPress += onInterrupt;
        try
        {
            using var console = new Terminal(output, interrupt.Token);
            var root = new RootCommand("Graft: take a pretrained network and teach it your own task.")
            {
                FinetuneCommand.Create(console), FinetuneTextCommand.Create(console), EvaluateCommand.Create(console), PredictCommand.Create(console), DemoCommand.Create(console), DemoTextCommand.Create(console),
                WeightsCommand.Create(console), InspectCommand.Create(console), RunCommand.Create(console), TokenizeCommand.Create(console), GenerateCommand.Create(console),
                MergeAdapterCommand.Create(console), ExportCommand.Create(console), DevicesCommand.Create(console),
            };
#if SERVING
            root.Add(ServeCommand.Create(console));
#endif
            NumberOptions.Apply(root);
            ParseResult parsed = args.Length > 0 ? root.Parse(args) : root.Parse("--help");
            if (parsed.Errors.Count > 0)
            {
                error.WriteLine(UsageErrors.Tell(parsed));
                return BadUsage;
            }
            var invocation = new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false };
            return parsed.Invoke(invocation);
        }
        catch (UsageException e)
        {
            error.WriteLine($"graft: {e.Message}");
            return BadUsage;
        }
        catch (Exception e) when (e is GraftException or IOException or UnauthorizedAccessException)
        {
            error.WriteLine($"graft: {e.Message}");
            return BadInput;
        }
        catch (InterruptedException e)
        {
            error.WriteLine($"graft: {e.Message}");
            return Interrupted;
        }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
        {
            error.WriteLine("graft: interrupted before results were written; earlier ones are unchanged.");
            return Interrupted;
        }
        catch (Exception e) when (Environment.GetEnvironmentVariable("GRAFT_TRACE") != "1")
        {
            error.WriteLine($"graft: {e.GetType().Name}: {e.Message} This is a defect of graft; set GRAFT_TRACE=1 to see where.");
            return BadInput;
        }
        finally
        {
            Console.CancelKeyPress -= onInterrupt;
        }
    }

    /// <summary>Exit code of a command that did its work.</summary>
    public static int Done => Success;
}

/// <summary>An option whose value makes no sense: exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Ctrl+C where some results are there already; the message says which.</summary>
internal sealed class InterruptedException(string message) : OperationCanceledException(message);
