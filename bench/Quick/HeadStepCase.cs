using System.Globalization;
using Graft.Bench.Torch;

namespace Graft.Bench.Quick;

/// <summary>Steps a second of a head on stored features, through Fit, beside the same loop in libtorch.</summary>
internal sealed class HeadStepCase : IQuickCase
{
    /// <summary>First word of its line.</summary>
    public const string Name = "head-step-b20";

    /// <summary>Samples of an epoch.</summary>
    public const int Samples = 1000;

    private const string TorchName = $"torch-{Name}";
    private const double Budget = 3; // seconds
    private const double WarmUp = 2; // seconds: what lies around the two products is many small methods, which the JIT compiles in three stages

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; } = [Name, TorchName];

    /// <inheritdoc/>
    public bool Run(QuickOptions options, Action<string> line, Action<string> note)
    {
        using var graft = new HeadStep(Samples);
        var contenders = new List<Contender> { Of(Name, graft.Steps, graft.Train) };
        if (!TorchLibrary.Loads)
        {
            note($"{TorchName} is left out: {TorchLibrary.Reason}");
            line(QuickBench.Line(contenders[0], PairedRounds.Measure(contenders, Budget, WarmUp)[0]));
            return true;
        }
        using var torch = new TorchHead(graft);
        contenders.Add(Of(TorchName, graft.Steps, torch.Train));
        graft.Train();
        torch.Train();
        double deviation = OutputCheck.Deviation(graft.Output(), torch.Output());
        if (!(deviation <= OutputCheck.Tolerance))
        {
            note($"{Name}: after an epoch Graft's output deviates from libtorch's by {deviation:g3}; {OutputCheck.Tolerance:g3} is allowed. It is not timed.");
            return false;
        }
        double[][] seconds = PairedRounds.Measure(contenders, Budget, WarmUp);
        double ratio = PairedRounds.Median(seconds[0].Zip(seconds[1], (ours, theirs) => theirs / ours));
        note(string.Create(CultureInfo.InvariantCulture, $"{Name}: outputs differ by {deviation:g3} at most; Graft runs at {ratio:g4} times libtorch's speed"));
        foreach (string text in contenders.Zip(seconds, QuickBench.Line))
            line(text);
        return true;
    }

    private static Contender Of(string name, int steps, Action epoch) => new(name, "steps/s", epoch, seconds => steps / seconds);
}
