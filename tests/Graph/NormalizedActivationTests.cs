using Graft.Autograd;
using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Graft.Models;
using Graft.Ops;
using Graft.Tests.Ops;
using Xunit;

namespace Graft.Tests.Graph;

/// <summary>A training step makes one op of a BatchNormalization, the sum behind it and ReLU, where nobody sees what lies between.</summary>
[Collection(OpsCollection.Name)]
public sealed class NormalizedActivationTests
{
    private const int Side = 6, Channels = 5;

    [Fact]
    public void All_of_ResNet50_are_fused_but_for_the_shortcuts_of_its_four_stages()
    {
        Model model = ResNet.Build(50, height: 32, width: 32);
        string[] ops = Ops(model, training: true);
        Assert.Equal(49, ops.Count(o => o == "BatchNormReLU"));
        Assert.Equal(4, ops.Count(o => o == "BatchNorm"));
        Assert.DoesNotContain("ReLU", ops);
        Assert.DoesNotContain("Add", ops);
        ops = Ops(model, training: false);
        Assert.Equal((53, 49, 16), (ops.Count(o => o == "BatchNorm"), ops.Count(o => o == "ReLU"), ops.Count(o => o == "Add")));
        model.Release();
    }

    [Fact]
    public void Each_form_of_ReLU_and_each_side_of_a_sum_is_fused()
    {
        Assert.Equal(["BatchNormReLU"], Fused(n => new ReLU().Apply(new BatchNormalization().Apply(n))));
        Assert.Equal(["BatchNormReLU6"], Fused(n => new ReLU { MaxValue = 6 }.Apply(new BatchNormalization().Apply(n))));
        Assert.Equal(["BatchNormReLU"], Fused(n => new ActivationLayer(Activation.ReLU).Apply(new BatchNormalization { Scale = false }.Apply(n))));
        Assert.Equal(["BatchNormReLU6"], Fused(n => new ActivationLayer(Activation.ReLU6).Apply(new Add().Apply(new BatchNormalization().Apply(n), n))));
        Assert.Equal(["BatchNormReLU"], Fused(n => new ReLU().Apply(new Add().Apply(n, new BatchNormalization().Apply(n)))));
        Assert.Equal(["BatchNorm", "BatchNormReLU"], Fused(n => new ReLU().Apply(new Add().Apply(new BatchNormalization().Apply(n), new BatchNormalization().Apply(n)))));
    }

    [Fact]
    public void What_is_seen_in_between_or_computes_otherwise_is_left_alone()
    {
        Assert.Equal(["BatchNorm", "LeakyReLU"], Fused(n => new ReLU { NegativeSlope = 0.1f }.Apply(new BatchNormalization().Apply(n))));
        Assert.Equal(["BatchNorm", "ReLUMax"], Fused(n => new ReLU { MaxValue = 5 }.Apply(new BatchNormalization().Apply(n))));
        Assert.Equal(["BatchNorm", "Add", "Add", "ReLU"], Fused(n => new ReLU().Apply(new Add().Apply(new BatchNormalization().Apply(n), n, n))));
        Assert.Equal(["BatchNorm", "Multiply", "ReLU"], Fused(n => new ReLU().Apply(new Multiply().Apply(new BatchNormalization().Apply(n), n))));
        Assert.Equal(["BatchNorm", "ReLU", "Add"], Fused(n =>
        {
            Node norm = new BatchNormalization().Apply(n);
            return new Add().Apply(new ReLU().Apply(norm), norm);
        }));
        Assert.Equal(["BatchNorm", "Add", "ReLU", "Add"], Fused(n =>
        {
            Node sum = new Add().Apply(new BatchNormalization().Apply(n), n);
            return new Add().Apply(new ReLU().Apply(sum), sum);
        }));
        Assert.Equal(["BatchNorm", "ReduceMean", "Add", "ReLU"], Fused(n => // a sum that repeats one side
            new ReLU().Apply(new Add().Apply(new BatchNormalization().Apply(n), new Reshape(1, 1, Channels).Apply(new GlobalAveragePooling2D().Apply(n))))).Where(o => o != "Reshape"));
    }

    [Fact]
    public void What_the_model_returns_is_left_alone()
    {
        Node input = Node.Input(new Shape(Side, Side, Channels)), norm = new BatchNormalization().Apply(input), relu = new ReLU().Apply(norm);
        Assert.Equal(["BatchNorm", "ReLU"], Ops(new Model([input], [norm, relu]), training: true));
        Assert.Equal(["BatchNormReLU"], Ops(new Model([input], [relu]), training: true));
    }

    [Fact]
    public void Where_either_side_of_a_sum_has_a_mask_of_steps_the_layers_pass_it_on()
    {
        Node steps = Node.Input(new Shape(Side, Channels)), masked = new Masking().Apply(steps);
        foreach ((Node x, Node other) in new[] { (steps, masked), (masked, steps) })
        {
            string[] ops = Ops(new Model(steps, new ReLU().Apply(new Add().Apply(new BatchNormalization().Apply(x), other))), training: true);
            Assert.Equal(["BatchNorm", "Add", "ReLU"], ops.Where(o => o.StartsWith("BatchNorm", StringComparison.Ordinal) || o is "Add" or "ReLU"));
        }
    }

    [Fact]
    public void Without_a_gradient_it_stays_op_by_op_and_behind_a_trained_layer_it_is_fused_with_frozen_statistics()
    {
        var model = new Sequential(Side, Side, Channels) { new Conv2D(4, 1, 1), new BatchNormalization(), new ReLU() };
        Assert.Equal(["Conv2D", "BatchNorm", "ReLU"], Ops(model, training: false));
        model.Layers[2].Trainable = false;
        Assert.Equal(["Conv2D", "BatchNormReLU"], Ops(model, training: true));
        model.Layers[1].Trainable = false;
        Assert.Equal(["Conv2D", "BatchNorm", "ReLU"], Ops(model, training: true));
    }

    [Fact]
    public void Models_within_models_and_layers_of_several_places_are_fused_too()
    {
        BatchNormalization norm = new();
        var inner = new Sequential(Side, Side, Channels) { norm, new ReLU() };
        Node input = Node.Input(new Shape(Side, Side, Channels));
        Node x = new ReLU().Apply(norm.Apply(inner.Apply(input)));
        Assert.Equal(["BatchNormReLU", "BatchNormReLU"], Ops(new Model(input, x), training: true));
        var steps = new Sequential(3, Side, Side, Channels) { new TimeDistributed(new Sequential(Side, Side, Channels) { new BatchNormalization(), new ReLU() }) };
        Assert.Contains("BatchNormReLU", Ops(steps, training: true));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void A_step_has_the_bits_of_one_that_shows_everything_in_between(int checkpointEvery)
    {
        foreach (bool frozen in new[] { false, true })
        {
            Model fused = ResidualNet(out Node[] between), open = new([.. fused.Inputs], [.. fused.Outputs, .. between]);
            foreach (BatchNormalization norm in fused.Layers.OfType<BatchNormalization>())
                norm.Trainable = !frozen;
            Assert.DoesNotContain("ReLU", Ops(fused, training: true));
            Assert.DoesNotContain("BatchNormReLU", Ops(open, training: true));
            int threads = CpuThreads.Count;
            CpuThreads.Count = 1;
            float[][] expected = Step(open, 0);
            foreach (int count in new[] { 1, 2, 3 })
            {
                CpuThreads.Count = count;
                float[][] actual = Step(fused, checkpointEvery);
                for (int i = 0; i < expected.Length; i++)
                    Assert.Equal(expected[i], actual[i]);
            }
            CpuThreads.Count = threads;
            fused.Release();
        }
    }

    // Output, gradients and moving statistics of a step, which are put back.
    private static float[][] Step(Model model, int checkpointEvery)
    {
        float[][] before = [.. model.Parameters.Select(p => p.Value.ToArray())];
        float[][] results;
        int live = model.Device.Pool.LiveBlocks;
        using (var tape = new Tape(model.Device) { Training = true, CheckpointEvery = checkpointEvery })
        {
            Tensor y = model.Run(tape, [tape.Constant(new Shape(3, 2 * Side, 2 * Side, 3), OpHarness.Random(3 * 4 * Side * Side * 3, 1))])[0];
            float[] output = y.ToArray();
            tape.Backward(y, OpHarness.Random(y.Count, 2));
            results = [output, .. model.Parameters.Select(p => p.IsTrainable ? tape.Gradient(p.Value)!.ToArray() : p.Value.ToArray())];
        }
        Assert.Equal(live, model.Device.Pool.LiveBlocks);
        for (int i = 0; i < before.Length; i++)
            model.Parameters[i].Value.Set(before[i]);
        return results;
    }

    // Both kinds of shortcut, and a ReLU without a sum.
    private static Model ResidualNet(out Node[] between)
    {
        var seen = new List<Node>();
        Node Seen(Node node)
        {
            seen.Add(node);
            return node;
        }
        Node Norm(Node x, int filters) => Seen(new BatchNormalization().Apply(new Conv2D(filters, 3, 3) { Padding = Padding.Same }.Apply(x)));
        Node input = Node.Input(new Shape(2 * Side, 2 * Side, 3));
        Node x = new ReLU().Apply(Norm(input, 19));
        x = new ReLU().Apply(Seen(new Add().Apply(x, Norm(new ReLU { MaxValue = 6 }.Apply(Norm(x, 7)), 19))));
        x = new ActivationLayer(Activation.ReLU).Apply(Seen(new Add().Apply(Norm(new MaxPooling2D().Apply(x), 16), Norm(new AveragePooling2D().Apply(x), 16))));
        Node y = new Dense(3).Apply(new GlobalAveragePooling2D().Apply(x));
        between = [.. seen];
        var model = new Model(input, y);
        model.SetSeed(3);
        return model;
    }

    private static string[] Fused(Func<Node, Node> layers)
    {
        Node input = Node.Input(new Shape(Side, Side, Channels));
        return Ops(new Model(input, layers(input)), training: true);
    }

    private static string[] Ops(Model model, bool training)
    {
        using var trace = new Trace(model, [.. model.Inputs.Select(i => i.Shape.Prepend(2))], training);
        return [.. trace.Ops.Where(o => o.Op is not ReshapeOp || !o.Inputs[0].Shape.Equals(o.Output.Shape)).Select(o => o.Op.Name)];
    }
}
