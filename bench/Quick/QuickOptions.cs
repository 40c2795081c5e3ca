using System.Globalization;
using System.IO.Enumeration;
using Graft.Kernels;

namespace Graft.Bench.Quick;

/// <summary>What stands behind "quick" on the command line.</summary>
/// <param name="Threads">Threads of each engine.</param>
/// <param name="Only">Pattern of names with * and ?; a pattern without them is looked for anywhere in a name.</param>
internal sealed record QuickOptions(int Threads, string Only)
{
    /// <summary>The engines that can run alone.</summary>
    public const string Graft = "graft", Ort = "ort", Torch = "torch";

    /// <summary>How it is called.</summary>
    public const string Usage = "quick [--threads N] [--only PATTERN] [--contender graft|ort|torch] [--memory]";

    /// <summary>The only engine in the process; null for all of them side by side.</summary>
    public string? Contender { get; init; }

    /// <summary>True adds a line with the peak of memory; each engine then runs in a process of its own.</summary>
    public bool Memory { get; init; }

    /// <summary>The network's ONNX file where it has been written already; for the processes that <see cref="Memory"/> starts.</summary>
    public string? OnnxFile { get; init; }

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="GraftException">An argument is unknown, or its value is missing or no number of threads.</exception>
    public static QuickOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new QuickOptions(CpuThreads.Count, "*");
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--memory")
            {
                options = options with { Memory = true };
                continue;
            }
            string name = arguments[i];
            string value = ++i < arguments.Length ? arguments[i] : throw new GraftException($"{name}: a value is due behind it; usage: {Usage}");
            options = name switch
            {
                "--threads" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n > 0 => options with { Threads = n },
                "--threads" => throw new GraftException($"--threads: a number from 1 on is due, not '{value}'."),
                "--only" => options with { Only = value.AsSpan().ContainsAny('*', '?') ? value : $"*{value}*" },
                "--contender" when value is Graft or Ort or Torch => options with { Contender = value },
                "--contender" => throw new GraftException($"--contender: {Graft}, {Ort} or {Torch} is due, not '{value}'."),
                "--onnx" => options with { OnnxFile = value },
                _ => throw new GraftException($"'{name}' is not known; usage: {Usage}"),
            };
        }
        return options;
    }

    /// <summary>True where engines run alone, each in its process: of networks and training steps.</summary>
    public bool IsApart => Memory || Contender is not null;

    /// <summary>False where the engine that runs alone has no forward passes here: libtorch.</summary>
    public bool RunsNetworks => Contender is not Torch;

    /// <summary>False where the engine that runs alone has no training steps: ONNX Runtime.</summary>
    public bool RunsSteps => Contender is not Ort;

    /// <summary>True where the pattern asks for a line of this name.</summary>
    public bool Wants(string name) => FileSystemName.MatchesSimpleExpression(Only, name);

    /// <summary>What the command ends in where it asks for nothing that there is.</summary>
    /// <param name="possible">Names of the lines that these options can give.</param>
    /// <param name="others">Those that need all engines side by side, or another engine.</param>
    public GraftException Nothing(IEnumerable<string> possible, IEnumerable<string> others)
    {
        string[] elsewhere = [.. others.Where(Wants)];
        string option = Contender is null ? "--memory" : $"--contender {Contender}";
        return new(elsewhere.Length == 0 ? $"--only '{Only}' asks for none of: {string.Join(", ", possible)}."
            : $"--only '{Only}' asks for {string.Join(", ", elsewhere)}, which {option} does not run. It runs {string.Join(", ", possible)}.");
    }
}
