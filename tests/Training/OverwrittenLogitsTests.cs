using Graft.Autograd;
using Graft.Layers;
using Graft.Models;
using Graft.Ops;
using Graft.Tests.Kernels.Cpu;
using Graft.Tests.Ops;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Softmax and cross-entropy write their gradient over the logits where nothing else needs those.</summary>
[Collection(CpuThreadsCollection.Name)] // looks at the peak of the one pool
public sealed class OverwrittenLogitsTests
{
    private const int Vocabulary = 5003, Length = 8, Batch = 4; // no multiple of a vector's lanes

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void The_peak_of_a_GPT2_step_falls_by_the_logits_and_gradients_have_the_same_bits(int checkpointEvery)
    {
        Gpt2 gpt = Model();
        (float[][] apart, long peak, long logits, long kept) = Step(gpt, false, checkpointEvery);
        (float[][] over, long lower, _, long keptOver) = Step(gpt, true, checkpointEvery);
        Assert.Equal(apart, over);
        Assert.Equal(peak - logits, lower);
        Assert.Equal(kept, keptOver); // they were held until backward all the same
        gpt.Release();
    }

    [Fact]
    public void Fit_holds_the_logits_once()
    {
        Gpt2 gpt = Model();
        gpt.Compile(new Sgd(0.1f), Loss.SparseCategoricalCrossEntropy(fromLogits: true));
        long before = gpt.Device.Pool.LiveBytes;
        gpt.Device.Pool.RestartPeak();
        gpt.Fit(new ArrayBatches(Ids(0), new Shape(Length), Ids(1), new Shape(Length), LabelKind.Sparse, Batch), 1);
        MemoryReport report = gpt.MemoryReport!;
        const long Logits = (long)Batch * Length * Vocabulary * sizeof(float);
        Assert.InRange(report.PeakBytes - before, Logits, 2 * Logits); // the rest of this model is a third of them
        Assert.Contains(report.Tensors, t => t is { Path: "loss/SoftmaxCrossEntropy", Use: MemoryUse.Activation, Bytes: >= Logits });
        gpt.Release();
    }

    [Theory]
    [InlineData(true, 0, false)]
    [InlineData(true, 0.1f, false)]
    [InlineData(false, 0.1f, false)]
    [InlineData(true, 0, true)]
    [InlineData(false, 0, true)]
    public void Rows_are_the_same_in_place_for_both_kinds_of_labels_and_both_kernel_sets(bool sparse, float smoothing, bool reference)
    {
        Device device = reference ? Device.Reference : Device.Default;
        const int Rows = 7, Classes = 37;
        float[] logits = OpHarness.Random(Rows * Classes, 1), upstream = OpHarness.Random(Rows, 2);
        float[] labels = sparse ? [3, 36, -1, 0, 37, 12, 5] : [.. OpHarness.Random(Rows * Classes, 3).Select(Math.Abs)]; // two rows name no class
        float[] Gradient(bool overwrites)
        {
            using var tape = new Tape(device) { Training = true, OverwritesOutputs = overwrites };
            Tensor x = tape.Constant(new Shape(Rows, Classes), logits);
            tape.Watch(x);
            tape.Backward(tape.Run(new SoftmaxCrossEntropyOp(sparse, smoothing), x, tape.Constant(sparse ? new Shape(Rows) : new Shape(Rows, Classes), labels)), upstream);
            if (overwrites)
                Assert.Contains("written over by its own gradient", Assert.Throws<InvalidOperationException>(x.ToArray).Message, StringComparison.Ordinal);
            else
                Assert.Equal(logits, x.ToArray());
            return tape.Gradient(x)!.ToArray();
        }
        Assert.Equal(Gradient(false), Gradient(true));
    }

    [Fact]
    public void Logits_that_something_else_reads_stay()
    {
        float[] Gradient(bool overwrites, Func<Tape, Tensor, Tensor> loss)
        {
            using var tape = new Tape(Device.Default) { Training = true, OverwritesOutputs = overwrites };
            Tensor x = tape.Constant(new Shape(3, 4), OpHarness.Random(12, 1));
            tape.Watch(x);
            Tensor y = tape.Run(new UnaryOp(Graft.Kernels.UnaryFormula.Exp), x); // backward reads its output
            tape.Backward(loss(tape, y), OpHarness.Random(3, 2));
            return tape.Gradient(x)!.ToArray();
        }
        Tensor CrossEntropy(Tape tape, Tensor x) => tape.Run(new SoftmaxCrossEntropyOp(sparse: true), x, tape.Constant(new Shape(3), (float[])[0, 1, 3]));
        Tensor Twice(Tape tape, Tensor x)
        {
            Tensor squares = tape.Run(new BinaryOp(Graft.Kernels.BinaryFormula.Multiply), x, x); // recorded before: its backward comes after
            return tape.Run(new BinaryOp(Graft.Kernels.BinaryFormula.Add), CrossEntropy(tape, x), tape.Run(new ReduceOp(Graft.Kernels.ReduceFormula.Sum, [1]), squares));
        }
        Tensor View(Tape tape, Tensor x) => CrossEntropy(tape, tape.Run(new ReshapeOp(3, 4), x));
        foreach (Func<Tape, Tensor, Tensor> loss in new Func<Tape, Tensor, Tensor>[] { CrossEntropy, Twice, View })
            Assert.Equal(Gradient(false, loss), Gradient(true, loss));
    }

    private static (float[][] Gradients, long Peak, long Logits, long Kept) Step(Gpt2 gpt, bool overwrites, int checkpointEvery)
    {
        long before = gpt.Device.Pool.LiveBytes;
        gpt.Device.Pool.RestartPeak();
        using var tape = new Tape(gpt.Device) { Training = true, OverwritesOutputs = overwrites, CheckpointEvery = checkpointEvery };
        Tensor logits = gpt.Forward(tape, [tape.Constant(new Shape(Batch, Length), Ids(0))]);
        long bytes = logits.Bytes;
        tape.Backward(Loss.SparseCategoricalCrossEntropy(fromLogits: true).Mean(tape, logits, tape.Constant(new Shape(Batch, Length), Ids(1))));
        return ([.. gpt.Parameters.Distinct().Select(p => tape.Gradient(p.Value)!.ToArray())], gpt.Device.Pool.PeakBytes - before, bytes, tape.KeptBytes.Values.Sum());
    }

    private static Gpt2 Model()
    {
        Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = Vocabulary, Positions = Length, Width = 8, Blocks = 2, Heads = 2, EmbeddingDropout = 0, ResidualDropout = 0, AttentionDropout = 0 });
        gpt.SetSeed(3);
        foreach (Parameter parameter in gpt.Parameters)
            _ = parameter.Value; // drawn before memory is looked at
        return gpt;
    }

    private static float[] Ids(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Batch * Length).Select(_ => (float)random.Next(Vocabulary))];
    }
}
