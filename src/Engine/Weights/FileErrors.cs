using System.Text.Json;

namespace Graft.Weights;

/// <summary>
/// The edge between files and this engine: whatever the content of a file makes .NET throw leaves as one line that names the file.
/// </summary>
/// <remarks>
/// A description in a file (JSON of a network, of a tokenizer) may say anything; where it is not as expected, the code that follows it throws one of many
/// exceptions. Readers say themselves what is wrong wherever they can tell; this is for the rest.
/// </remarks>
internal static class FileErrors
{
    private const int Longest = 300; // characters that are shown of what .NET says

    /// <summary>Runs a reader.</summary>
    /// <param name="path">The file, which each error then names.</param>
    /// <param name="what">What is wrong in general: "cannot be read as a model of Keras".</param>
    /// <param name="read">The reader.</param>
    /// <exception cref="GraftException">The file cannot be read, or its content is not as it must be.</exception>
    public static T Named<T>(string path, string what, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (GraftException e) when (!e.Message.Contains(path, StringComparison.Ordinal) || HasControls(e.Message))
        {
            string line = Printable(e.Message); // a name in a file may hold line ends and what moves a terminal's cursor
            throw new GraftException(line.Contains(path, StringComparison.Ordinal) ? line : $"{path}: {line}", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not EndOfStreamException)) // the file may be as it should be
        {
            throw new GraftException($"{path}: cannot be read ({Reason(e)}).", e);
        }
        catch (Exception e) when (IsOfContent(e))
        {
            throw new GraftException($"{path}: {what} ({Reason(e)}); it is damaged or truncated, or of another kind. Use another copy.", e);
        }
    }

    private static bool IsOfContent(Exception e) => e is JsonException or InvalidDataException or EndOfStreamException or InvalidOperationException or FormatException
        or ArithmeticException or ArgumentException or KeyNotFoundException or IndexOutOfRangeException or InvalidCastException or NullReferenceException or NotSupportedException
        or OutOfMemoryException or InsufficientExecutionStackException;

    private static bool HasControls(string text) => text.Any(char.IsControl);

    // On one line, and without what moves a terminal's cursor.
    private static string Printable(string text) =>
        string.Concat(string.Join("; ", text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(c => char.IsControl(c) ? '\uFFFD' : c));

    private static string Shortened(string text) => text.Length <= Longest ? text : $"{text[..Longest]}...";

    private static string Reason(Exception e) => e switch
    {
        NullReferenceException or IndexOutOfRangeException or KeyNotFoundException => "a part of its description is missing",
        InvalidCastException => "a part of its description is of another kind than is due",
        OutOfMemoryException => "it asks for more memory than there is",
        InsufficientExecutionStackException => "it is nested too deep",
        ArithmeticException => "a size in it is out of range",
        _ => Shortened(Printable(e.Message)).TrimEnd('.'),
    };
}
