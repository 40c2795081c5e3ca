using System.CommandLine;
using Graft.Cli.Commands;
using Graft.Training;

namespace Graft.Cli;

/// <summary>--threshold: of a model of several labels, the probability above which a photograph is said to have one.</summary>
internal static class ThresholdOption
{
    public static Option<float?> Create() => new("--threshold") { Description = "With a model of several labels: a photograph is said to have those whose probability is above this; by default 0.5." };

    /// <exception cref="UsageException">It is no probability, or the model has no labels.</exception>
    public static float Read(ParseResult parsed, Option<float?> option, OutputKind kind)
    {
        if (parsed.GetValue(option) is not float asked)
            return LabelCounts.UsualThreshold;
        return kind == OutputKind.Labels ? (float)FinetuneCommand.Within(asked, 0, 1, option.Name)
            : throw new UsageException($"{option.Name} is for a model of several labels; this one gives {(kind == OutputKind.Values ? "numbers" : "one class")} for each photograph.");
    }
}
