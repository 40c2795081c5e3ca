namespace Graft.Tests.Cli;

/// <summary>Does something when a line of this beginning is written.</summary>
internal sealed class InterruptingWriter(string at, Action act) : StringWriter
{
    /// <summary>Ctrl+C at that line.</summary>
    public InterruptingWriter(string at, CancellationTokenSource interrupt)
        : this(at, interrupt.Cancel)
    {
    }

    public override void WriteLine(string? value)
    {
        base.WriteLine(value);
        if (value!.StartsWith(at, StringComparison.Ordinal))
            act();
    }
}
