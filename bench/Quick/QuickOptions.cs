using System.Globalization;
using System.IO.Enumeration;
using Graft.Kernels;

namespace Graft.Bench.Quick;

/// <summary>What stands behind "quick" on the command line.</summary>
/// <param name="Threads">Threads of each engine.</param>
/// <param name="Only">Pattern of names with * and ?; a pattern without them is looked for anywhere in a name.</param>
internal sealed record QuickOptions(int Threads, string Only)
{
    /// <summary>How it is called.</summary>
    public const string Usage = "quick [--threads N] [--only PATTERN]";

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="GraftException">An argument is unknown, or its value is missing or no number of threads.</exception>
    public static QuickOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new QuickOptions(CpuThreads.Count, "*");
        for (int i = 0; i < arguments.Length; i += 2)
        {
            string value = i + 1 < arguments.Length ? arguments[i + 1]
                : throw new GraftException($"{arguments[i]}: a value is due behind it; usage: {Usage}");
            options = arguments[i] switch
            {
                "--threads" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n > 0 => options with { Threads = n },
                "--threads" => throw new GraftException($"--threads: a number from 1 on is due, not '{value}'."),
                "--only" => options with { Only = value.AsSpan().ContainsAny('*', '?') ? value : $"*{value}*" },
                _ => throw new GraftException($"'{arguments[i]}' is not known; usage: {Usage}"),
            };
        }
        return options;
    }

    /// <summary>True where the pattern asks for a line of this name.</summary>
    public bool Wants(string name) => FileSystemName.MatchesSimpleExpression(Only, name);
}
