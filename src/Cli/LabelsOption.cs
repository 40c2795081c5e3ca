using System.CommandLine;
using System.Text.RegularExpressions;

namespace Graft.Cli;

/// <summary>The options that say where in a table photographs and labels stand, and what labels are.</summary>
internal sealed partial class LabelsOption
{
    private static readonly (OutputKind Kind, string Word)[] s_kinds = [(OutputKind.Classes, "classes"), (OutputKind.Labels, "several"), (OutputKind.Values, "numbers")];

    private readonly Option<string?> _image = new("--image-column") { Description = "With a table: the column of the photographs' files, relative to the table's folder; by default the first." };
    private readonly Option<string?> _labels = new("--label-columns") { Description = "With a table: the columns of labels, with commas between, a name with a comma in it in double quotes; by default all others." };
    private readonly Option<string?> _kind = new("--labels")
    {
        Description = "With a table: classes (a column of names; the default), several (columns of 0 and 1: a photograph may have any number of labels), or numbers (columns of numbers to be predicted).",
    };

    /// <summary>Makes them.</summary>
    public LabelsOption() => _kind.AcceptOnlyFromAmong([.. s_kinds.Select(k => k.Word)]);

    /// <summary>The word for a kind on the command line.</summary>
    public static string WordOf(OutputKind kind) => Array.Find(s_kinds, k => k.Kind == kind).Word;

    /// <summary>All of the options.</summary>
    public Option[] All => [_image, _labels, _kind];

    /// <summary>The options that name columns.</summary>
    public Option[] OfColumns => [_image, _labels];

    /// <summary>Adds the columns to a command, and the kind of labels where it is asked.</summary>
    public void AddTo(Command command, bool asksKind)
    {
        command.Add(_image);
        command.Add(_labels);
        if (asksKind)
            command.Add(_kind);
    }

    /// <summary>The column of photographs; null where it is not given.</summary>
    public string? Image(ParseResult parsed) => parsed.GetValue(_image);

    /// <summary>The columns of labels; null where they are not given.</summary>
    /// <exception cref="UsageException">One is twice there, or empty, or a quote has no end.</exception>
    public IReadOnlyList<string>? Columns(ParseResult parsed) =>
        parsed.GetValue(_labels) is { } text ? NamesIn(text, _labels.Name, "names of columns", "age,height") : null;

    /// <summary>Names with commas between, one with a comma in it in double quotes.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="option">The option, for errors.</param>
    /// <param name="what">What the names are of.</param>
    /// <param name="such">An example of two or more.</param>
    /// <exception cref="UsageException">One is twice there, or empty, or a quote has no end.</exception>
    public static IReadOnlyList<string> NamesIn(string text, string option, string what, string such)
    {
        string[] names = [.. Field().Matches(text).Select(NameIn)];
        return Field().Replace(text, "").Length == 0 && !names.Contains("") && names.Distinct().Count() == names.Length ? names
            : throw new UsageException($"{option} {text}: takes {what} with commas between, each once, such as {such}; one with a comma in it in double quotes: {such[..such.LastIndexOf(',')]},\"a, or b\".");
    }

    /// <summary>Names as --label-columns takes them.</summary>
    public static string TextOf(IEnumerable<string> names) => CsvRows.Text([names]).TrimEnd('\n');

    private static string NameIn(Match field) => field.Groups[1].Success ? field.Groups[1].Value.Replace("\"\"", "\"", StringComparison.Ordinal).Trim() : field.Groups[2].Value.Trim();

    // As in the table: quotes are doubled inside of quotes, and one amid a name stands for itself.
    [GeneratedRegex("""(?:^|,)[ ]*(?:"((?:[^"]|"")*)"[ ]*(?=,|$)|((?![ ]*")[^,]*))""")]
    private static partial Regex Field();

    /// <summary>What labels are.</summary>
    public OutputKind Kind(ParseResult parsed) => Array.Find(s_kinds, k => k.Word == parsed.GetValue(_kind)).Kind; // not given: the first
}
