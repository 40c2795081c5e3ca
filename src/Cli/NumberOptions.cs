using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Graft.Cli;

/// <summary>How numbers on the command line are read: with a decimal point, whatever the language of the machine. A comma is refused, since .NET skips it: 0,001 would be 1.</summary>
internal static class NumberOptions
{
    private const NumberStyles Whole = NumberStyles.AllowLeadingSign, Decimal = Whole | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <summary>Sets the parser of every numeric option of a command and of those below it.</summary>
    public static void Apply(Command command)
    {
        foreach (Option option in command.Options)
            Apply(option);
        foreach (Command inner in command.Subcommands)
            Apply(inner);
    }

    private static void Apply(Option option)
    {
        switch (option)
        {
            case Option<int> o:
                o.CustomParser = r => Int(r, o.Name);
                break;
            case Option<int?> o:
                o.CustomParser = r => Int(r, o.Name);
                break;
            case Option<float> o:
                o.CustomParser = r => (float)Double(r, o.Name);
                break;
            case Option<float?> o:
                o.CustomParser = r => (float)Double(r, o.Name);
                break;
            case Option<double> o:
                o.CustomParser = r => Double(r, o.Name);
                break;
            case Option<double?> o:
                o.CustomParser = r => Double(r, o.Name);
                break;
        }
    }

    private static int Int(ArgumentResult result, string option)
    {
        string text = result.Tokens[0].Value;
        if (!int.TryParse(text, Whole, CultureInfo.InvariantCulture, out int value))
            result.AddError($"{option} takes a whole number, not '{text}'.");
        return value;
    }

    private static double Double(ArgumentResult result, string option)
    {
        string text = result.Tokens[0].Value;
        if (!double.TryParse(text, Decimal, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value))
            result.AddError($"{option} takes a number with a decimal point, such as 0.001 or 1e-3, not '{text}'.");
        return value;
    }
}
