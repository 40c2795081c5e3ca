namespace Graft.Bench.Gpu;

/// <summary>What stands behind "gpu" on the command line.</summary>
/// <param name="Output">Folder of the rows and of the report.</param>
internal sealed record GpuOptions(string Output)
{
    /// <summary>The parts, in the order in which they are worth most.</summary>
    public static readonly string[] AllParts = ["peaks", "vision", "steps", "text", "ladder"];

    /// <summary>How it is called.</summary>
    public const string Usage = "gpu --output FOLDER [--parts peaks,vision,steps,text,ladder] [--precision fp32,tf32,bf16] [--only NAME] [--once] [--host] [--tiny] | gpu --output FOLDER --report | gpu --device";

    /// <summary>What is measured.</summary>
    public IReadOnlyList<string> Parts { get; init; } = AllParts;

    /// <summary>What products are computed in.</summary>
    public IReadOnlyList<string> Precisions { get; init; } = GpuPrecisions.All;

    /// <summary>Small shapes and one sample each: to see that everything runs, on the emulator; the figures mean nothing.</summary>
    public bool IsTiny { get; init; }

    /// <summary>Beginning of the names of what is measured; empty for all.</summary>
    public string Only { get; init; } = "";

    /// <summary>False where nothing of this name, or whose name begins with it, is asked for.</summary>
    public bool Wants(string name) => name.StartsWith(Only, StringComparison.Ordinal) || Only.StartsWith(name, StringComparison.Ordinal);

    /// <summary>One run each, after the first: for a profiler that notes every kernel, as ncu does.</summary>
    public bool IsOnce { get; init; }

    /// <summary>Of training steps, the time of the host alone, unchecked.</summary>
    public bool IsHost { get; init; }

    /// <summary>True writes the tables of what lies in the folder.</summary>
    public bool IsReport { get; init; }

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="GraftException">An argument is unknown, or its value is missing or not known.</exception>
    public static GpuOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new GpuOptions("");
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            if (name is "--tiny" or "--report" or "--once" or "--host")
            {
                options = name switch
                {
                    "--tiny" => options with { IsTiny = true, IsOnce = true },
                    "--once" => options with { IsOnce = true },
                    "--host" => options with { IsHost = true },
                    _ => options with { IsReport = true },
                };
                continue;
            }
            string value = ++i < arguments.Length ? arguments[i] : throw new GraftException($"{name}: a value is due behind it; usage: {Usage}");
            options = name switch
            {
                "--output" => options with { Output = value },
                "--parts" => options with { Parts = List(name, value, AllParts) },
                "--only" => options with { Only = value },
                "--precision" => options with { Precisions = List(name, value, GpuPrecisions.All) },
                _ => throw new GraftException($"'{name}' is not known; usage: {Usage}"),
            };
        }
        return options.Output.Length > 0 ? options : throw new GraftException($"--output names the folder of the results; usage: {Usage}");
    }

    private static string[] List(string name, string value, string[] known)
    {
        string[] items = value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string? wrong = Array.Find(items, item => !known.Contains(item));
        return wrong is null && items.Length > 0 ? items : throw new GraftException($"{name}: '{wrong ?? value}' is none of {string.Join(", ", known)}.");
    }
}
