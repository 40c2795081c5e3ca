using System.Globalization;
using Graft.Bench.Gpu;
using Graft.Models;

namespace Graft.Bench.Quick;

/// <summary>The networks, training steps and texts of the quick mode on the first GPU, from numbers on the host to numbers on the host; results are compared with the processor's.</summary>
internal sealed class CudaCase : IQuickCase
{
    private const string Prefix = "cuda-";
    private const double Budget = 2; // seconds a line

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; } =
        [.. ModelCase.All.Select(m => m.CudaName), .. StepCase.All.Select(s => s.CudaName), .. Gpt2Case.Lines.Select(l => Prefix + l.Name)];

    /// <inheritdoc/>
    public bool Run(QuickOptions options, Action<string> line, Action<string> note)
    {
        if (BenchGpu.Obstacle is { } obstacle)
        {
            note($"{Prefix}* is left out: {obstacle}");
            return true;
        }
        note($"{Prefix}*: {BenchGpu.Describe()}");
        bool fine = true;
        foreach (ModelCase of in ModelCase.All.Where(m => options.Wants(m.CudaName)))
            fine &= Run(of, line, note);
        foreach (StepCase of in StepCase.All.Where(s => options.Wants(s.CudaName)))
            fine &= Run(of, line, note);
        foreach (Gpt2Case.Line of in Gpt2Case.Lines.Where(l => options.Wants(Prefix + l.Name)))
            fine &= Run(of, line, note);
        return fine;
    }

    private static bool Run(ModelCase of, Action<string> line, Action<string> note)
    {
        GraftModel Open(Device device)
        {
            Model model = of.Open(device);
            return new GraftModel(model, ModelCase.Pixels(of.InputShape(model)), of.InputShape(model));
        }
        float[] expected;
        using (GraftModel there = Open(Device.Cpu))
        {
            there.Run();
            expected = there.Output;
        }
        using GraftModel here = Open(BenchGpu.Device);
        here.Run();
        return Measure(Contender.Forward(of.CudaName, of.Batch, here.Run), OutputCheck.Deviation(here.Output, expected), OutputCheck.Tolerance, line, note);
    }

    private static bool Run(StepCase of, Action<string> line, Action<string> note)
    {
        float expected;
        using (var there = new GraftStep(of))
        {
            there.Run();
            expected = there.Loss;
        }
        using var here = new GraftStep(of, device: BenchGpu.Device);
        here.Run();
        return Measure(Contender.Step(of.CudaName, of.Batch, here.Run), OutputCheck.Deviation([here.Loss], [expected]), OutputCheck.LossTolerance, line, note);
    }

    private static bool Run(Gpt2Case.Line of, Action<string> line, Action<string> note)
    {
        Gpt2 model = Gpt2.Build(Gpt2Config.Small);
        float[] expected = new float[model.VocabularySize], logits = new float[model.VocabularySize];
        Gpt2Case.Open(model, of, of.Name, expected).Run();
        model.MoveTo(BenchGpu.Device);
        Contender here = Gpt2Case.Open(model, of, Prefix + of.Name, logits);
        here.Run();
        bool fine = Measure(here, OutputCheck.Deviation(logits, expected), OutputCheck.Tolerance, line, note);
        model.Release();
        return fine;
    }

    private static bool Measure(Contender here, double deviation, double tolerance, Action<string> line, Action<string> note)
    {
        if (!(deviation <= tolerance))
        {
            note(string.Create(CultureInfo.InvariantCulture, $"{here.Name}: deviates from the processor's by {deviation:g3}; {tolerance:g3} is allowed. It is not timed."));
            return false;
        }
        line(QuickBench.Line(here, PairedRounds.Measure([here], Budget)[0]));
        return true;
    }
}
