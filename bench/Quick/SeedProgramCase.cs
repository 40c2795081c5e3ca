using System.Globalization;
using Graft.Importers.Images;

namespace Graft.Bench.Quick;

/// <summary>
/// How long a program takes that trains a head on a frozen VGG16: 2000 photographs of 150 x 150 and 1000 to validate on, 30 epochs. Graft computes the
/// base once an image; the other loop runs it in ONNX Runtime in every epoch. The parts are measured and added up.
/// </summary>
internal sealed class SeedProgramCase : IQuickCase
{
    private const string Name = "seed-vgg16-30-epochs", OrtName = $"ort-{Name}";
    private const int Epochs = 30, Training = 2000, Validation = 1000, Photographs = 100;
    private const double Budget = 6; // seconds

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; } = [Name, OrtName];

    /// <inheritdoc/>
    public bool Run(QuickOptions options, Action<string> line, Action<string> note)
    {
        ModelCase vgg = ModelCase.Named($"vgg16-forward-b{HeadStep.BatchSize}")!;
        using var pair = new ModelPair(vgg);
        double deviation = pair.Deviation();
        if (!(deviation <= OutputCheck.Tolerance))
        {
            note($"{Name}: the base deviates from ONNX Runtime's by {deviation:g3}; {OutputCheck.Tolerance:g3} is allowed. It is not timed.");
            return false;
        }
        using var training = new HeadStep(Training);
        using var validation = new HeadStep(Validation);
        using var photographs = new SyntheticPhotographs(Photographs);
        ImageFolder folder = ImageLoadingCase.Open(photographs, options.Threads);
        double[][] seconds = PairedRounds.Measure(
        [
            .. pair.Contenders,
            Part(training.Train),
            Part(validation.Evaluate),
            Part(() => ImageLoadingCase.Read(folder)),
        ], Budget);
        Print(seconds, vgg.Batch, line, note);
        return true;
    }

    /// <summary>Sums up each round: base in Graft, base in ONNX Runtime (a batch each), an epoch of steps, an evaluation, some photographs.</summary>
    private static void Print(double[][] seconds, int batch, Action<string> line, Action<string> note)
    {
        const double Images = Training + Validation;
        double[] head = [.. seconds[2].Zip(seconds[3], (train, evaluate) => Epochs * (train + evaluate))];
        double[] loading = [.. seconds[4].Select(s => s / Photographs * Images)];
        double[] ours = [.. seconds[0].Select((s, i) => loading[i] + s / batch * Images + head[i])];
        double[] theirs = [.. seconds[1].Select((s, i) => loading[i] + s / batch * Images * Epochs + head[i])];
        double ratio = PairedRounds.Median(ours.Zip(theirs, (a, b) => b / a));
        note(string.Create(CultureInfo.InvariantCulture,
            $"{Name}: loading {PairedRounds.Median(loading):g3} s, base {PairedRounds.Median(seconds[0]) / batch * Images:g3} s, head {PairedRounds.Median(head):g3} s; a loop that runs the base in ONNX Runtime at every step takes {ratio:g4} times as long"));
        line(QuickBench.Line(Part(() => { }) with { Name = Name }, ours));
        line(QuickBench.Line(Part(() => { }) with { Name = OrtName }, theirs));
    }

    private static Contender Part(Action run) => new("", "s", run, seconds => seconds);
}
