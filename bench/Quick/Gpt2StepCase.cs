using Graft.Autograd;
using Graft.Models;
using Graft.Training;

namespace Graft.Bench.Quick;

/// <summary>Forward and backward of a GPT-2 of 124 million parameters, all trainable, on four sequences of 64 tokens, without an optimizer: what libtorch was measured at.</summary>
internal sealed class Gpt2StepCase : IQuickCase
{
    private const string Name = "gpt2-train-step-4x64";
    private const int Sequences = 4, Length = 64;
    private const double Budget = 4; // seconds

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; } = [Name];

    /// <inheritdoc/>
    public bool Run(QuickOptions options, Action<string> line, Action<string> note)
    {
        Gpt2 model = Gpt2.Build(Gpt2Config.Small with { EmbeddingDropout = 0, ResidualDropout = 0, AttentionDropout = 0 }, Length);
        int[] ids = [.. Enumerable.Range(0, Sequences * (Length + 1)).Select(i => i * 7919 % model.VocabularySize)];
        int[] inputs = [.. ids.Where((_, i) => i % (Length + 1) < Length)];
        float[] labels = [.. ids.Where((_, i) => i % (Length + 1) > 0).Select(i => (float)i)];
        var loss = Loss.SparseCategoricalCrossEntropy(fromLogits: true);
        void Step()
        {
            using var tape = new Tape(model.Device) { Training = true };
            Tensor logits = model.Run(tape, [tape.Constant(new Shape(Sequences, Length), inputs)])[0];
            tape.Backward(loss.Mean(tape, logits, tape.Constant(new Shape(Sequences, Length), labels)));
        }
        Contender step = new(Name, "ms", Step, seconds => seconds * 1e3);
        line(QuickBench.Line(step, PairedRounds.Measure([step], Budget)[0]));
        model.Release();
        return true;
    }
}
