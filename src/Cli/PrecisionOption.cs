using System.CommandLine;
using Graft.Kernels;

namespace Graft.Cli;

/// <summary>--precision of the commands that train, evaluate or predict.</summary>
internal static class PrecisionOption
{
    public static Option<string> Create()
    {
        var option = new Option<string>("--precision")
        {
            DefaultValueFactory = _ => ComputePrecision.Float32.Word(),
            Description = "Precision of matrix products and convolutions: float32; on a GPU also tf32, bf16 or fp16, which are faster and less exact. Sums and trained weights stay float32.",
        };
        option.AcceptOnlyFromAmong([.. Enum.GetValues<ComputePrecision>().Select(p => p.Word())]);
        return option;
    }

    /// <summary>What was asked for.</summary>
    /// <exception cref="GraftException">The device that was asked for, or the default one, does not compute in it: said before anything is read.</exception>
    public static ComputePrecision Read(ParseResult parsed, Option<string> option, Terminal terminal)
    {
        ComputePrecision precision = Enum.GetValues<ComputePrecision>().First(p => p.Word() == parsed.GetRequiredValue(option));
        _ = (terminal.Device ?? Device.Default).Kernels.In(precision);
        return precision;
    }
}
