namespace Graft.Bench.Quick;

/// <summary>Something that is timed, and how its time becomes the figure that is printed.</summary>
/// <param name="Name">First word of its line.</param>
/// <param name="Unit">Of the figure.</param>
/// <param name="Run">What is timed.</param>
/// <param name="Figure">From seconds a run.</param>
internal sealed record Contender(string Name, string Unit, Action Run, Func<double, double> Figure)
{
    /// <summary>Work of a known number of floating-point operations.</summary>
    public static Contender Flops(string name, double flops, Action run) => new(name, "GFLOP/s", run, seconds => flops / seconds / 1e9);

    /// <summary>A number of things a run, as things a second.</summary>
    public static Contender Rate(string name, string unit, double count, Action run) => new(name, unit, run, seconds => count / seconds);

    /// <summary>A forward pass: images a second of a batch, the time of a single image.</summary>
    public static Contender Forward(string name, int batch, Action run) => batch == 1
        ? new(name, "ms", run, seconds => seconds * 1e3)
        : new(name, "images/s", run, seconds => batch / seconds);

    /// <summary>A training step of a batch.</summary>
    public static Contender Step(string name, int batch, Action run) => new(name, "images/s", run, seconds => batch / seconds);
}
