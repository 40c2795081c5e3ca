using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Graft.Tests;

/// <summary>xUnit's, but that a message in the form $"..." is made where it is shown alone: checks of single numbers run millions of times, and to write a number down takes longer than to compare it.</summary>
internal sealed class Assert : Xunit.Assert
{
    /// <summary>Fails with the message unless the condition holds.</summary>
    public static void True([DoesNotReturnIf(false)] bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] FailedUnless message)
    {
        if (!condition)
            Xunit.Assert.True(condition, message.Text);
    }

    /// <summary>Fails with the message if the condition holds.</summary>
    public static void False([DoesNotReturnIf(true)] bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] FailedIf message)
    {
        if (condition)
            Xunit.Assert.False(condition, message.Text);
    }
}

/// <summary>A message that is made if a condition does not hold.</summary>
[InterpolatedStringHandler]
internal ref struct FailedUnless
{
    private DefaultInterpolatedStringHandler _text;

    public FailedUnless(int literalLength, int formattedCount, bool condition, out bool isWanted)
    {
        isWanted = !condition;
        if (isWanted)
            _text = new DefaultInterpolatedStringHandler(literalLength, formattedCount);
    }

    /// <summary>The message, once.</summary>
    public string Text => _text.ToStringAndClear();

    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);
}

/// <summary>A message that is made if a condition holds.</summary>
[InterpolatedStringHandler]
internal ref struct FailedIf
{
    private FailedUnless _text;

    public FailedIf(int literalLength, int formattedCount, bool condition, out bool isWanted) => _text = new FailedUnless(literalLength, formattedCount, !condition, out isWanted);

    /// <summary>The message, once.</summary>
    public string Text => _text.Text;

    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);
}
