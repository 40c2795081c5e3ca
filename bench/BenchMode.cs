namespace Graft.Bench;

/// <summary>A way to measure: the first word of the command line.</summary>
/// <param name="Usage">How it is called; begins with the word.</param>
/// <param name="What">What it measures.</param>
/// <param name="Run">From the arguments behind the word to the exit code: 0; 1 where a result was wrong; 2 where the arguments are not understood.</param>
internal sealed record BenchMode(string Usage, string What, Func<string[], int> Run)
{
    private const string Command = "dotnet run -c Release --project bench --", More = "docs/benchmarks.md says more.";

    /// <summary>True where it takes --help itself, and options without a word before them: BenchmarkDotNet, which has many.</summary>
    public bool IsDefault { get; init; }

    /// <summary>The first word.</summary>
    public string Name => Usage.Split(' ')[0];

    /// <summary>Runs what the command line asks for, or says what there is.</summary>
    /// <param name="all">All ways to measure.</param>
    /// <param name="arguments">The command line.</param>
    /// <param name="output">Where help goes that was asked for.</param>
    /// <param name="error">Where it goes where the arguments are not understood.</param>
    /// <returns>The exit code.</returns>
    public static int Dispatch(IReadOnlyList<BenchMode> all, string[] arguments, TextWriter output, TextWriter error)
    {
        if (arguments is ["help" or "--help" or "-h", ..])
        {
            List(all, output);
            return 0;
        }
        BenchMode? mode = arguments is [] ? null : all.FirstOrDefault(m => arguments[0].StartsWith('-') ? m.IsDefault : m.Name == arguments[0]);
        if (mode is null)
        {
            if (arguments is not [])
                error.WriteLine($"'{arguments[0]}' is no way to measure.");
            List(all, error);
            return 2;
        }
        string[] rest = arguments[0] == mode.Name ? arguments[1..] : arguments;
        if (!rest.Contains("--help") && (mode.IsDefault || !rest.Contains("-h")))
            return mode.Run(rest);
        output.WriteLine($"{Command} {mode.Usage}");
        output.WriteLine($"{mode.Name}: {mode.What}. {More}");
        return mode.IsDefault ? mode.Run(rest) : 0;
    }

    private static void List(IReadOnlyList<BenchMode> all, TextWriter to)
    {
        to.WriteLine($"{Command} MODE ..., where MODE is one of:");
        foreach (BenchMode mode in all)
            to.WriteLine($"  {mode.Name,-13} {mode.What}");
        to.WriteLine($"MODE --help shows its arguments. {More}");
    }
}
