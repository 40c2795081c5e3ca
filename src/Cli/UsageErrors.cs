using System.CommandLine;
using System.CommandLine.Parsing;

namespace Graft.Cli;

/// <summary>What was wrong with a command line, in one line: each fault, the name that was perhaps meant, and where help is.</summary>
internal static class UsageErrors
{
    private const int Far = 3; // letters apart: a name is no slip of another any more

    /// <summary>The line.</summary>
    public static string Tell(ParseResult parsed)
    {
        IEnumerable<string> faults = parsed.Errors.Select(e => string.Join(' ', e.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)))
            .Concat(parsed.UnmatchedTokens.Select(t => Nearest(t, parsed.CommandResult.Command)).OfType<string>().Select(n => $"Did you mean '{n}'?")).Distinct();
        return $"graft: {string.Join(" ", faults)} Try '{Path(parsed.CommandResult)} --help'.";
    }

    private static string? Nearest(string token, Command command)
    {
        IEnumerable<string> names = token.StartsWith('-') ? command.Options.Select(o => o.Name) : command.Subcommands.Select(c => c.Name);
        (string? name, int distance) = names.Select(n => ((string?)n, NameDistance.Between(n, token))).DefaultIfEmpty((null, Far)).MinBy(n => n.Item2);
        return distance < Far ? name : null;
    }

    private static string Path(SymbolResult? result) => result switch
    {
        CommandResult { Parent: null } => "graft",
        CommandResult command => $"{Path(command.Parent)} {command.Command.Name}",
        _ => "graft",
    };
}
