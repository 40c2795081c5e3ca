using Graft.Autograd;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>What masks mean, layer by layer, and that they travel through graphs, plans and wrappers.</summary>
[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class MaskTests
{
    private const int I = 3, U = 4;

    public static TheoryData<string> Kinds => ["lstm", "gru", "gru reset before", "simple rnn", "stacked", "conv lstm"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Padding_before_within_and_after_a_sequence_changes_nothing(string kind)
    {
        bool[] counts = [false, true, true, false, true, false];
        float[] padded = Sequence(kind, counts), bare = Sequence(kind, [true, true, true]);
        foreach (bool backwards in new[] { false, true })
        {
            (Model masked, Model plain) = (Build(kind, counts.Length, backwards, masks: true), Build(kind, 3, backwards, masks: false));
            float[] expected = Predict(plain, bare), all = Predict(masked, padded);
            int width = expected.Length / 3;
            int[] order = [.. Enumerable.Range(0, counts.Length).Where(t => counts[backwards ? counts.Length - 1 - t : t])];
            for (int i = 0; i < 3; i++)
                Near(expected.AsSpan(i * width, width), all.AsSpan(order[i] * width, width));
            Near(all.AsSpan(order[2] * width, width), all.AsSpan((counts.Length - 1) * width, width)); // the last step's output stays
            masked.Release();
            plain.Release();
        }
    }

    [Fact]
    public void A_plan_and_the_graph_run_op_by_op_mask_alike()
    {
        Model model = Build("lstm", 6, backwards: false, masks: true);
        float[] x = Sequence("lstm", [true, false, true, true, false, false]);
        using var tape = new Tape(model.Device);
        Near(model.Forward(tape, [tape.Constant(new Shape(1, 6, I), x)]).ToArray(), Predict(model, x));
        model.Release();
    }

    [Fact]
    public void Both_sides_of_a_bidirectional_layer_pass_over_padding_and_give_zeros_there()
    {
        bool[] counts = [true, true, true, false, false];
        Model Both(int steps, bool masks)
        {
            Node x = Node.Input(new Shape(steps, I));
            Node from = masks ? new Masking().Apply(x) : x;
            return Filled(new Model(x, new Bidirectional(new LSTM(U) { ReturnSequences = true }).Apply(from)));
        }
        Model masked = Both(5, true), plain = Both(3, false);
        float[] expected = Predict(plain, Sequence("lstm", [true, true, true])), all = Predict(masked, Sequence("lstm", counts));
        Near(expected, all.AsSpan(0, 3 * 2 * U));
        Assert.All(all[(3 * 2 * U)..], v => Assert.Equal(0, v));
        masked.Release();
        plain.Release();
    }

    [Fact]
    public void A_mask_passes_through_dense_dropout_time_distributed_and_nested_models()
    {
        bool[] counts = [true, true, false, false];
        Model Deep(int steps, bool masks)
        {
            Node inner = Node.Input(new Shape(steps, U), "inner");
            var nested = new Model(inner, new LayerNormalization().Apply(inner), "nested");
            Node x = Node.Input(new Shape(steps, I));
            Node h = new Dense(U, Activation.Tanh).Apply(masks ? new Masking().Apply(x) : x);
            h = new TimeDistributed(new Dense(U)).Apply(new Dropout(0.5f).Apply(h));
            h = nested.Apply(new GRU(U) { ReturnSequences = true }.Apply(h));
            return Filled(new Model(x, new LSTM(U).Apply(h)));
        }
        Model masked = Deep(4, true), plain = Deep(2, false);
        Near(Predict(plain, Sequence("lstm", [true, true])), Predict(masked, Sequence("lstm", counts)));
        masked.Release();
        plain.Release();
    }

    [Fact]
    public void Flatten_ends_a_mask_and_a_layer_behind_it_sees_all_steps()
    {
        Node x = Node.Input(new Shape(3, I));
        Node flat = new Reshape(3, I).Apply(new Masking().Apply(x));
        Model masked = Filled(new Model(x, new LSTM(U).Apply(flat))), plain = Build("lstm", 3, false, false);
        float[] sequence = Sequence("lstm", [true, true, false]);
        Near(Predict(plain, sequence).AsSpan(2 * U, U), Predict(masked, sequence));
        masked.Release();
        plain.Release();
    }

    [Fact]
    public void Id_0_is_padding_for_an_embedding_that_masks_it()
    {
        Node ids = Node.Input(new Shape(5));
        Node y = new GlobalAveragePooling1D().Apply(new Embedding(6, 2) { MaskZero = true }.Apply(ids));
        Model model = Filled(new Model(ids, y));
        float[] table = model.Parameters[0].Value.ToArray();
        float[] mean = [.. Enumerable.Range(0, 2).Select(c => (table[3 * 2 + c] + table[5 * 2 + c]) / 2)];
        Near(mean, Predict(model, [3, 0, 5, 0, 0]));
        using var tape = new Tape(model.Device);
        Near(mean, model.Forward(tape, [tape.Constant(new Shape(1, 5), new[] { 3, 0, 5, 0, 0 })]).ToArray()); // whole numbers too
        model.Release();
    }

    [Fact]
    public void Joins_count_a_step_that_one_side_counts_and_concatenation_in_time_joins_masks()
    {
        float[] Mean(Func<Node, Node, Node> join, int steps, float[] left, float[] right)
        {
            Node a = Node.Input(new Shape(steps, 1)), b = Node.Input(new Shape(steps, 1));
            Node y = new GlobalAveragePooling1D().Apply(join(new Masking().Apply(a), new Masking().Apply(b)));
            var model = new Model([a, b], [y]);
            using var tape = new Tape(model.Device);
            return model.Run(tape, [tape.Constant(new Shape(1, steps, 1), left), tape.Constant(new Shape(1, steps, 1), right)])[0].ToArray();
        }
        Near([(1 + 5 + 6) / 2f], Mean((a, b) => new Add().Apply(a, b), 3, [1, 5, 0], [0, 6, 0])); // two of three steps count
        Near([3, 3], Mean((a, b) => new Concatenate().Apply(a, b), 3, [1, 5, 0], [0, 6, 0]));
        Near([(1 + 5 + 6) / 3f], Mean((a, b) => new Concatenate(1).Apply(a, b), 3, [1, 5, 0], [0, 6, 0]));
    }

    private static Model Build(string kind, int steps, bool backwards, bool masks)
    {
        Node x = Node.Input(kind == "conv lstm" ? new Shape(steps, 2, 2, I) : new Shape(steps, I));
        RecurrentLayer layer = kind switch
        {
            "lstm" => new LSTM(U) { ReturnSequences = true, GoBackwards = backwards },
            "gru" => new GRU(U) { ReturnSequences = true, GoBackwards = backwards },
            "gru reset before" => new GRU(U) { ReturnSequences = true, GoBackwards = backwards, ResetAfter = false },
            "simple rnn" => new SimpleRNN(U) { ReturnSequences = true, GoBackwards = backwards },
            "stacked" => new RNN(new LSTMCell(3), new GRUCell(U)) { ReturnSequences = true, GoBackwards = backwards },
            _ => new ConvLSTM2D(2, 2, 2) { ReturnSequences = true, GoBackwards = backwards, Padding = Padding.Same },
        };
        // Masking says all-zero features; of images it says it pixel by pixel, so their steps get their mask from a stand-in.
        Node from = !masks ? x : kind == "conv lstm" ? new StepMasking().Apply(x) : new Masking().Apply(x);
        return Filled(new Model(x, layer.Apply(from)));
    }

    /// <summary>Steps of random numbers where they count, zeros elsewhere; what counts is the same for all masks of one count.</summary>
    private static float[] Sequence(string kind, bool[] counts)
    {
        int size = kind == "conv lstm" ? 4 * I : I;
        var random = new Random(4);
        return [.. counts.SelectMany(c => Enumerable.Range(0, size).Select(_ => c ? (float)(random.NextDouble() * 2 - 1) : 0))];
    }

    private static Model Filled(Model model)
    {
        int seed = 20;
        foreach (Parameter p in model.Parameters)
        {
            var random = new Random(seed++);
            p.Set([.. Enumerable.Range(0, (int)p.Shape.Count).Select(_ => (float)(random.NextDouble() * 2 - 1))]);
        }
        return model;
    }

    private static float[] Predict(Model model, float[] x) => model.Predict(x, model.Inputs[0].Shape.Prepend(1))[0];

    /// <summary>The same products in another order: some roundings.</summary>
    private static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= 2e-6f * MathF.Max(1, MathF.Abs(expected[i])), $"[{i}] is {actual[i]}, expected {expected[i]}.");
    }

    /// <summary>Masks the steps [T,..] that are zeros throughout.</summary>
    private sealed class StepMasking : Layer
    {
        public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

        public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => throw new NotSupportedException("Called with masks.");

        internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
        {
            Tensor x = inputs[0].Value;
            Tensor flat = tape.Run(new Graft.Ops.ReshapeOp(0, 0, -1), x);
            MaskedTensor masked = new Masking().Call(tape, [new MaskedTensor(flat)])[0];
            return [new MaskedTensor(tape.Run(new Graft.Ops.ReshapeOp([.. x.Shape]), masked.Value), masked.Mask)];
        }
    }
}
