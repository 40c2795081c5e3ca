using System.Globalization;
using Graft.Kernels;

namespace Graft.Bench.Quick;

/// <summary>What stands behind "plan" and "step" on the command line.</summary>
/// <param name="Name">What is timed: "resnet50-forward-b32".</param>
/// <param name="Threads">How many compute it.</param>
internal sealed record NamedOptions(string Name, int Threads)
{
    /// <summary>Reads the arguments.</summary>
    /// <param name="usage">How the command is called.</param>
    /// <param name="names">What it knows.</param>
    /// <param name="arguments">Name and, if wanted, threads.</param>
    /// <exception cref="GraftException">There is no name, the second is no number of threads, or there are more.</exception>
    public static NamedOptions Parse(string usage, IEnumerable<string> names, ReadOnlySpan<string> arguments)
    {
        int threads = CpuThreads.Count;
        if (arguments.Length is < 1 or > 2)
            throw new GraftException($"usage: {usage}; there are {string.Join(", ", names)}, and those of a network with any batch size.");
        if (arguments.Length == 2 && !(int.TryParse(arguments[1], NumberStyles.None, CultureInfo.InvariantCulture, out threads) && threads > 0))
            throw new GraftException($"A number of threads from 1 on is due, not '{arguments[1]}'; usage: {usage}");
        return new(arguments[0], threads);
    }

    /// <summary>What a name that is not known ends in.</summary>
    public static GraftException Unknown(string name, IEnumerable<string> names) => new($"'{name}' is none of: {string.Join(", ", names)}, and those of a network with any batch size.");
}
