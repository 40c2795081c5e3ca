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

    [Fact]
    public void Padding_as_large_as_the_window_is_refused() =>
        Assert.Contains("pad by less", Assert.Throws<ShapeException>(() =>
            new Pool2DOp(PoolKind.Max, 2, 2, 2, 2, Padding2D.All(2)).InferShape([new Shape(1, 4, 4, 1)])).Message);

    private static Device Named(string name) => name == "cpu" ? Device.Cpu : Device.Reference;
}
