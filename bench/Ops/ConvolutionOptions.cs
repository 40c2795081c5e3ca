using System.Globalization;

namespace Graft.Bench.Ops;

/// <summary>What stands behind "convolutions" on the command line.</summary>
/// <param name="Network">Whose layers; a part of its name does, and nothing is all of them.</param>
/// <param name="Batch">Images; 0 for as many as the quick mode's network has.</param>
internal sealed record ConvolutionOptions(string Network = "", int Batch = 0)
{
    /// <summary>How it is called.</summary>
    public const string Usage = "convolutions [vgg16|resnet50 [BATCH]]";

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="GraftException">There are more than two, or the second is no number of images.</exception>
    public static ConvolutionOptions Parse(ReadOnlySpan<string> arguments)
    {
        int batch = 0;
        if (arguments.Length > 2)
            throw new GraftException($"'{arguments[2]}' is not known; usage: {Usage}");
        if (arguments.Length == 2 && !(int.TryParse(arguments[1], NumberStyles.None, CultureInfo.InvariantCulture, out batch) && batch > 0))
            throw new GraftException($"A number of images from 1 on is due, not '{arguments[1]}'; usage: {Usage}");
        return new(arguments.Length > 0 ? arguments[0] : "", batch);
    }

    /// <summary>True where the layers of this network are asked for.</summary>
    public bool Wants(string network) => network.Contains(Network, StringComparison.OrdinalIgnoreCase);
}
