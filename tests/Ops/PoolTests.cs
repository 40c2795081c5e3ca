using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;
using Xunit;

namespace Graft.Tests.Ops;

[Collection(OpsCollection.Name)]
public sealed class PoolTests
{
    public static TheoryData<string> Devices => new("cpu", "reference");

    [Theory]
    [MemberData(nameof(Devices))]
    public void The_first_of_equal_maxima_takes_the_gradient(string device)
    {
        foreach (int channels in new[] { 1, 16 }) // the tail and the lanes
        {
            using var tape = new Tape(Named(device));
            Tensor x = tape.Constant(new Shape(1, 2, 2, channels), new float[4 * channels]);
            tape.Watch(x);
            Tensor y = tape.Run(new Pool2DOp(PoolKind.Max, 2, 2, 2, 2, Padding2D.None), x);
            tape.Backward(y, [.. Enumerable.Repeat(3f, channels)]);
            Assert.Equal([.. Enumerable.Repeat(3f, channels), .. new float[3 * channels]], tape.Gradient(x)!.ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Padding_never_wins_over_negative_numbers(string device)
    {
        using var tape = new Tape(Named(device));
        Tensor x = tape.Constant(new Shape(1, 1, 1, 9), [.. Enumerable.Repeat(-2f, 9)]);
        Tensor y = tape.Run(new Pool2DOp(PoolKind.Max, 3, 3, 1, 1, Padding2D.All(1)), x);
        Assert.Equal(x.ToArray(), y.ToArray());
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void A_NaN_in_the_window_is_not_hidden(string device)
    {
        using var tape = new Tape(Named(device));
        Tensor x = tape.Constant(new Shape(1, 2, 2, 1), [1f, float.NaN, 2f, 0f]);
        Assert.True(float.IsNaN(tape.Run(new Pool2DOp(PoolKind.Max, 2, 2, 2, 2, Padding2D.None), x).Item()));
    }

    [Theory]
    [InlineData(2, 2, 0, 64)]
    [InlineData(2, 2, 0, 19)] // whole vectors and a rest
    [InlineData(3, 2, 1, 40)]
    [InlineData(2, 1, 1, 33)]
    [InlineData(3, 3, 0, 5)]
    public void Without_backward_the_maximum_is_the_same_to_the_last_bit(int window, int stride, int padding, int channels)
    {
        var random = new Random(4);
        var shape = new Shape(2, 7, 9, channels);
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.Next(40) == 0 ? float.NaN : random.NextSingle() - 0.5f)];
        var op = new Pool2DOp(PoolKind.Max, window, window, stride, stride, Padding2D.All(padding));
        foreach (Device device in new[] { Device.Cpu, Device.Reference })
        {
            using var plain = new Tape(device);
            using var recorded = new Tape(device);
            Tensor x = recorded.Constant(shape, values);
            recorded.Watch(x); // keeps the winners
            Assert.Equal(recorded.Run(op, x).ToArray(), plain.Run(op, plain.Constant(shape, values)).ToArray());
        }
    }

    [Fact]
    public void Padding_as_large_as_the_window_is_refused() =>
        Assert.Contains("pad by less", Assert.Throws<ShapeException>(() =>
            new Pool2DOp(PoolKind.Max, 2, 2, 2, 2, Padding2D.All(2)).InferShape([new Shape(1, 4, 4, 1)])).Message);

    private static Device Named(string name) => name == "cpu" ? Device.Cpu : Device.Reference;
}
