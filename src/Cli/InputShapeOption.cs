using System.CommandLine;
using System.Globalization;

namespace Graft.Cli;

/// <summary>--input-shape, for files that leave extents of their inputs open.</summary>
internal static class InputShapeOption
{
    public static Option<string[]> Create() => new("--input-shape")
    {
        Description = "Extents that --model leaves open, without the axis of samples: 224,224,3; with several inputs NAME=224,224,3 for each.",
    };

    /// <summary>Shapes by the names of inputs; under "" that of the only one.</summary>
    /// <exception cref="UsageException">A value is no list of extents, or comes twice.</exception>
    public static Dictionary<string, Shape> Read(ParseResult parsed, Option<string[]> option)
    {
        var shapes = new Dictionary<string, Shape>();
        foreach (string text in parsed.GetValue(option) ?? [])
        {
            int equals = text.LastIndexOf('=');
            string name = equals < 0 ? "" : text[..equals];
            string[] extents = text[(equals + 1)..].Split(',');
            if (!Array.TrueForAll(extents, e => int.TryParse(e, NumberStyles.None, CultureInfo.InvariantCulture, out int extent) && extent > 0) || !shapes.TryAdd(name, new Shape([.. extents.Select(e => int.Parse(e, CultureInfo.InvariantCulture))])))
                throw new UsageException($"--input-shape {text}: is no list of whole numbers from 1 on, like 224,224,3 or NAME=224,224,3, or comes twice.");
        }
        return shapes;
    }
}
