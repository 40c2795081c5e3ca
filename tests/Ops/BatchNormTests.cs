using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;
using Xunit;

namespace Graft.Tests.Ops;

[Collection(OpsCollection.Name)]
public sealed class BatchNormTests
{
    [Theory]
    [InlineData("cpu")]
    [InlineData("reference")]
    public void Training_moves_the_statistics_by_one_minus_momentum_with_the_biased_variance(string device)
    {
        using var tape = new Tape(device == "cpu" ? Device.Cpu : Device.Reference);
        Tensor mean = tape.Constant(new Shape(1), [10f]), variance = tape.Constant(new Shape(1), [100f]);
        Tensor y = tape.Run(
            new BatchNormOp(0, 0.75f, training: true), tape.Constant(new Shape(2, 1), [1f, 3f]), tape.Constant(new Shape(1), [2f]),
            tape.Constant(new Shape(1), [5f]), mean, variance);
        Assert.Equal([3f, 7f], y.ToArray()); // batch mean 2, biased variance 1
        Assert.Equal(10 * 0.75f + 2 * 0.25f, mean.Item());
        Assert.Equal(100 * 0.75f + 1 * 0.25f, variance.Item());
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("reference")]
    public void The_moving_variance_can_follow_the_unbiased_variance_as_in_PyTorch(string device)
    {
        using var tape = new Tape(device == "cpu" ? Device.Cpu : Device.Reference);
        Tensor variance = tape.Constant(new Shape(1), [100f]), one = tape.Constant(new Shape(1), [1f]), zero = tape.Constant(new Shape(1), [0f]);
        Tensor y = tape.Run(new BatchNormOp(0, 0.75f, training: true, unbiased: true), tape.Constant(new Shape(2, 1), [1f, 3f]), one, zero, tape.Constant(new Shape(1), [0f]), variance);
        Assert.Equal([-1f, 1f], y.ToArray()); // the output takes the biased one: 1
        Assert.Equal(100 * 0.75f + 2 * 0.25f, variance.Item()); // 1 · 2 / (2 - 1)
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("reference")]
    public void Gamma_and_beta_of_two_normalisations_have_the_sum_of_both_gradients(string device)
    {
        Shape one = new(1), two = new(2, 1);
        float[] both = Gradients(true, true), first = Gradients(true, false), second = Gradients(false, true);
        for (int i = 0; i < both.Length; i++)
            Assert.Equal(first[i] + second[i], both[i], tolerance: 1e-5f);

        float[] Gradients(bool hasFirst, bool hasSecond)
        {
            using var tape = new Tape(device == "cpu" ? Device.Cpu : Device.Reference);
            Tensor gamma = tape.Constant(one, [2f]), beta = tape.Constant(one, [5f]), sum = tape.Constant(two, [0f, 0f]);
            tape.Watch(gamma);
            tape.Watch(beta);
            foreach ((bool has, float[] x) in new[] { (hasFirst, new[] { 1f, 3f }), (hasSecond, [4f, -1f]) })
            {
                if (has)
                    sum = tape.Run(new BinaryOp(BinaryFormula.Add), sum, tape.Run(new BatchNormOp(0.1f, 0.75f, training: true), tape.Constant(two, x), gamma, beta, tape.Constant(one, [0f]), tape.Constant(one, [1f])));
            }
            tape.Backward(sum, [1f, 3f]);
            return [tape.Gradient(gamma)!.Item(), tape.Gradient(beta)!.Item()];
        }
    }

    [Fact]
    public void Inference_leaves_the_statistics_alone()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor mean = tape.Constant(new Shape(1), [1f]), variance = tape.Constant(new Shape(1), [4f]);
        Tensor one = tape.Constant(new Shape(1), [1f]), zero = tape.Constant(new Shape(1), [0f]);
        Tensor y = tape.Run(new BatchNormOp(0, 0.75f, training: false), tape.Constant(new Shape(2, 1), [1f, 5f]), one, zero, mean, variance);
        Assert.Equal([0f, 2f], y.ToArray());
        Assert.Equal((1f, 4f), (mean.Item(), variance.Item()));
    }

    [Fact]
    public void A_mean_far_from_zero_costs_no_digits_of_the_variance()
    {
        var random = new Random(1);
        float[] x = [.. Enumerable.Range(0, 5000 * 3).Select(_ => 1000 + random.NextSingle())];
        float[] Run(Device device)
        {
            using var tape = new Tape(device);
            Tensor one = tape.Constant(new Shape(3), [1f, 1f, 1f]), zero = tape.Constant(new Shape(3), [0f, 0f, 0f]);
            Tensor variance = tape.Constant(new Shape(3), [0f, 0f, 0f]);
            tape.Run(new BatchNormOp(0, 0, training: true), tape.Constant(new Shape(5000, 3), x), one, zero, tape.Constant(new Shape(3), [0f, 0f, 0f]), variance);
            return variance.ToArray();
        }
        float[] expected = Run(Device.Reference), actual = Run(Device.Cpu);
        for (int c = 0; c < 3; c++)
            Assert.Equal(expected[c], actual[c], 1e-5f * expected[c]); // E[x²] - E[x]² in float would be off by 0.06, of 0.083
    }

    [Fact]
    public void A_batch_of_nothing_is_refused_in_training_and_has_an_output_of_nothing_in_inference()
    {
        Shape[] inputs = [new(0, 4, 4, 3), new(3), new(3), new(3), new(3)];
        Assert.Contains("input [0,4,4,3] holds no sample", Assert.Throws<ShapeException>(() => new BatchNormOp(1e-3f, 0.99f, training: true).InferShape(inputs)).Message, StringComparison.Ordinal);
        Assert.Equal(inputs[0], new BatchNormOp(1e-3f, 0.99f, training: false).InferShape(inputs));
    }

    [Fact]
    public void BatchNorm_names_the_vector_that_does_not_fit() =>
        Assert.Contains("moving mean has shape [4]", Assert.Throws<ShapeException>(() =>
            new BatchNormOp(1e-3f, 0.99f, training: true).InferShape([new Shape(2, 3), new Shape(3), new Shape(3), new Shape(4), new Shape(3)])).Message);
}
