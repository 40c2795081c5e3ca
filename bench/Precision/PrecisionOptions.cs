using System.Globalization;

namespace Graft.Bench.Precision;

/// <summary>What stands behind "precision" on the command line.</summary>
/// <param name="Text">The text: its first nine tenths are learned, the rest is what perplexity is measured on.</param>
/// <param name="Folder">A model that has learned this text so already; null trains one.</param>
/// <param name="Epochs">Times that it is read in training.</param>
internal sealed record PrecisionOptions(string Text, string? Folder = null, int Epochs = 4)
{
    /// <summary>How it is called.</summary>
    public const string Usage = "precision TEXT [--model FOLDER] [--epochs N]";

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="GraftException">There is no text, an argument is unknown, or its value is missing or no number of epochs.</exception>
    public static PrecisionOptions Parse(ReadOnlySpan<string> arguments)
    {
        if (arguments.Length == 0 || arguments[0].StartsWith('-'))
            throw new GraftException($"precision: a text file is due first; usage: {Usage}");
        var options = new PrecisionOptions(arguments[0]);
        for (int i = 1; i < arguments.Length; i += 2)
        {
            string name = arguments[i], value = i + 1 < arguments.Length ? arguments[i + 1] : throw new GraftException($"{name}: a value is due behind it; usage: {Usage}");
            options = name switch
            {
                "--model" => options with { Folder = value },
                "--epochs" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n > 0 => options with { Epochs = n },
                "--epochs" => throw new GraftException($"--epochs: a number from 1 on is due, not '{value}'."),
                _ => throw new GraftException($"'{name}' is not known; usage: {Usage}"),
            };
        }
        return options;
    }
}
