using Graft.Cli;

namespace Graft.Tests.Cli;

/// <summary>Commands in this process, as the program's entry point runs them; or by the program that the run names.</summary>
internal static class GraftRun
{
    /// <summary>What a command that must succeed writes; it writes no error.</summary>
    public static string Succeeds(params string[] args)
    {
        (int code, string output, string error) = Run(args);
        Assert.Equal((0, ""), (code, error));
        return output;
    }

    /// <summary>The error of a command that must fail with this code and these words.</summary>
    public static string Fails(int expected, string words, params string[] args)
    {
        (int code, _, string error) = Run(args);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Equal(expected, code);
        return error;
    }

    /// <summary>Exit code and what was written.</summary>
    public static (int Code, string Output, string Error) Run(params string[] args)
    {
        if (GraftProcess.Named is not null)
            return GraftProcess.Run(libraries: null, args);
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int code = Application.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>What was written, line by line, without empty ones.</summary>
    public static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
