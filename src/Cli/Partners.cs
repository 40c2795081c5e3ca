using System.CommandLine;
using System.CommandLine.Parsing;

namespace Graft.Cli;

/// <summary>Options that mean something beside others alone: where these are missing they are refused, since nothing of them would be seen.</summary>
internal static class Partners
{
    /// <summary>True where an option stands on the command line, with its usual value too.</summary>
    public static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is OptionResult { Implicit: false };

    /// <summary>Refuses those of some options that are given.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="isMissing">True where what they go with is not there.</param>
    /// <param name="why">What they go with, as the end of a sentence.</param>
    /// <param name="options">The options.</param>
    /// <exception cref="UsageException">One is given.</exception>
    public static void Refuse(ParseResult parsed, bool isMissing, string why, params Option[] options)
    {
        string[] given = isMissing ? [.. options.Where(o => IsGiven(parsed, o)).Select(o => o.Name)] : [];
        if (given.Length > 0)
            throw new UsageException($"{string.Join(", ", given)}: {why}.");
    }
}
