using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;

namespace Graft.Tests.Inference;

/// <summary>Models for the tests of plans, with weights under which every layer matters, and their outputs op by op.</summary>
internal static class PlanModels
{
    /// <summary>Draws all parameters: He's variance for kernels, scales about 1, offsets that are not 0.</summary>
    public static Model Fill(Model model, int seed = 1)
    {
        uint state = (uint)(seed * 2654435761);
        foreach ((string path, Parameter p) in model.NamedParameters())
        {
            string name = path[(path.LastIndexOf('/') + 1)..];
            double fanIn = p.Shape.Rank == 4 && name != "depthwise_kernel" ? p.Shape.Count / p.Shape[0] : p.Shape.Rank == 2 ? p.Shape[0] : 9;
            float bound = (float)Math.Sqrt(6 / fanIn); // uniform of variance 2 / fan-in
            (float low, float high) = name switch { "gamma" => (0.5f, 1), "moving_variance" => (0.5f, 1.5f), "beta" or "bias" or "moving_mean" => (-0.2f, 0.2f), _ => (-bound, bound) };
            var values = new float[p.Shape.Count];
            for (int i = 0; i < values.Length; i++) // xorshift (Marsaglia 2003): large networks have sixty million of them
            {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                values[i] = low + (state >> 8) * (1f / (1 << 24)) * (high - low);
            }
            p.Set(values);
        }
        return model;
    }

    /// <summary>Numbers from -1 to 1.</summary>
    public static float[] Samples(Model model, int count, int seed = 2)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, (int)(count * model.Inputs[0].Shape.Count)).Select(_ => random.NextSingle() * 2 - 1)];
    }

    /// <summary>What the layers compute op by op, on a tape.</summary>
    public static float[] Eager(Model model, float[] samples, int count)
    {
        using var tape = new Tape(model.Device);
        return model.Forward(tape, [tape.Constant(model.Inputs[0].Shape.Prepend(count), samples)]).ToArray();
    }

    /// <summary>The largest deviation, as a share of the largest number that is expected.</summary>
    public static double Deviation(float[] expected, float[] actual)
    {
        Xunit.Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(v => Math.Abs((double)v)), most = 0;
        for (int i = 0; i < expected.Length; i++)
            most = Math.Max(most, Math.Abs((double)expected[i] - actual[i]) / scale);
        return double.IsNaN(actual.Sum(v => (double)v)) ? double.NaN : most;
    }

    /// <summary>A graph with everything that a rewrite must leave alone or get right.</summary>
    public static Model Tangle()
    {
        Node input = Node.Input(new Shape(17, 19, 3), "in");
        Node stem = new ReLU { Name = "stem_relu" }.Apply(new BatchNormalization { Name = "stem_bn" }.Apply(
            new Conv2D(32, 3, 3) { Name = "stem", UseBias = false }.Apply(new ZeroPadding2D(new Padding2D(1, 2, 0, 1)) { Name = "stem_pad" }.Apply(input))));
        Node pooled = new MaxPooling2D(3, 2) { Name = "pool" }.Apply(new ZeroPadding2D(Padding2D.All(1)) { Name = "pool_pad" }.Apply(stem)); // not negative: merges
        // A convolution that two layers read: neither batch normalisation nor activation may go into it.
        Node shared = new Conv2D(32, 3, 3) { Name = "shared", Padding = Padding.Same }.Apply(pooled);
        Node normed = new BatchNormalization { Name = "shared_bn", Scale = false }.Apply(shared);
        Node sum = new Add { Name = "sum" }.Apply(shared, normed);
        // Padding that a convolution and a pooling read, of numbers that may be negative.
        Node padded = new ZeroPadding2D(Padding2D.All(1)) { Name = "padded" }.Apply(sum);
        Node left = new Conv2D(48, 3, 3) { Name = "left", Strides = (2, 2), Activation = Activation.ReLU6 }.Apply(padded);
        Node right = new MaxPooling2D(3, 2) { Name = "right" }.Apply(padded);
        right = new Conv2D(48, 1, 1) { Name = "right_conv" }.Apply(right);
        // Both sides are convolutions; one ends in an activation and cannot take the sum.
        Node both = new ReLU { Name = "both_relu" }.Apply(new Add { Name = "both" }.Apply(left, right));
        Node twice = new Add { Name = "twice" }.Apply(both, both);
        Node depth = new ActivationLayer(Activation.ReLU6) { Name = "depth_relu" }.Apply(
            new BatchNormalization { Name = "depth_bn" }.Apply(new DepthwiseConv2D(3, 3) { Name = "depth", Padding = Padding.Same }.Apply(twice)));
        Node grouped = new Conv2D(48, 3, 3) { Name = "grouped", Groups = 4, Padding = Padding.Same, Activation = Activation.Tanh }.Apply(depth);
        Node dilated = new Conv2D(32, 3, 3) { Name = "dilated", Dilation = (2, 2), Padding = Padding.Same }.Apply(grouped);
        Node joined = new Concatenate { Name = "joined" }.Apply(dilated, grouped, twice);
        joined = new Dropout(0.4f) { Name = "drop" }.Apply(joined);
        Node mixed = new SeparableConv2D(40, 3, 3) { Name = "mixed", Activation = Activation.Gelu }.Apply(joined);
        Node flat = new Flatten { Name = "flat" }.Apply(mixed);
        Node pooledAll = new GlobalAveragePooling2D { Name = "gap" }.Apply(joined);
        Node features = new Concatenate { Name = "features" }.Apply(new Dense(24, Activation.ReLU) { Name = "fc" }.Apply(flat), pooledAll);
        return new Model(input, new Dense(5) { Name = "out" }.Apply(features), "tangle");
    }

    /// <summary>Dense layers with everything that may and may not be fused into them.</summary>
    public static Model DenseTangle()
    {
        Node input = Node.Input(new Shape(6, 40), "in");
        Node x = new Dense(64, Activation.GeluTanh) { Name = "up" }.Apply(input);
        Node branch = new Dense(64, Activation.SiLU) { Name = "branch_in" }.Apply(new LayerNormalization { Name = "ln" }.Apply(x));
        x = new Add { Name = "sum" }.Apply(x, new Dense(64) { Name = "branch_out", UseBias = false }.Apply(branch)); // the sum goes into branch_out, in place
        Node flat = new Flatten { Name = "flat" }.Apply(x); // a view, read by a product whose residual has the same numbers
        Node joined = new Add { Name = "joined" }.Apply(flat, new Dense(384) { Name = "square" }.Apply(flat));
        Node shared = new Dense(32) { Name = "shared" }.Apply(joined);
        Node both = new Add { Name = "both" }.Apply(new ActivationLayer(Activation.Tanh) { Name = "tanh" }.Apply(shared), shared); // read twice: nothing goes into it
        Node elu = new Dense(48, Activation.ELU) { Name = "elu" }.Apply(both); // its activation has a parameter
        return new Model(input, new Dense(3) { Name = "narrow" }.Apply(elu), "dense_tangle");
    }
}
