namespace Graft.Tests.Cli;

/// <summary>Ctrl+C when a line of this beginning is written.</summary>
internal sealed class InterruptingWriter(string at, CancellationTokenSource interrupt) : StringWriter
{
    public override void WriteLine(string? value)
    {
        base.WriteLine(value);
        if (value!.StartsWith(at, StringComparison.Ordinal))
            interrupt.Cancel();
    }
}
