using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;
using Xunit;

namespace Graft.Tests.Ops;

/// <summary>A normalisation with a residual and an activation in one op gives the bits of three ops.</summary>
[Collection(OpsCollection.Name)]
public sealed class BatchNormActivationTests
{
    /// <summary>Which inputs a gradient is wanted of, and who else has given one before.</summary>
    [Flags]
    public enum Wanted
    {
        X = 1, Scale = 2, Shift = 4, Residual = 8, AddsToAll = 16, ResidualIsX = 32, UpstreamIsShared = 64,
    }

    public static TheoryData<FusedActivation, bool, bool, int> Cases
    {
        get
        {
            var data = new TheoryData<FusedActivation, bool, bool, int>();
            foreach (FusedActivation activation in new[] { FusedActivation.ReLU, FusedActivation.ReLU6 })
            {
                foreach ((bool training, bool residual) in new[] { (false, false), (false, true), (true, false), (true, true) })
                {
                    foreach (int channels in new[] { 1, 3, 16, 37, 64, 130 })
                        data.Add(activation, training, residual, channels);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void One_op_has_the_bits_of_several(FusedActivation activation, bool training, bool residual, int channels)
    {
        int threads = CpuThreads.Count;
        try
        {
            foreach (Device device in new[] { Device.Reference, Device.Cpu })
            {
                foreach (Wanted wanted in Combinations(residual))
                {
                    CpuThreads.Count = 1;
                    float[][] separate = Run(device, activation, training, residual, channels, wanted, isFused: false);
                    foreach (int count in device == Device.Cpu ? new[] { 1, 2, 3 } : [1])
                    {
                        CpuThreads.Count = count;
                        float[][] fused = Run(device, activation, training, residual, channels, wanted, isFused: true);
                        for (int i = 0; i < separate.Length; i++)
                            Assert.True(separate[i].AsSpan().SequenceEqual(fused[i]), $"{device}, {wanted}, {count} threads: result {i} differs.");
                    }
                }
            }
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NaN_stays_forward_and_backward(bool residual)
    {
        foreach (Device device in new[] { Device.Reference, Device.Cpu })
        {
            foreach (bool training in new[] { false, true })
            {
                float[][] results = Run(device, FusedActivation.ReLU, training, residual, 16, Wanted.X | Wanted.Scale, isFused: true, x => x[5] = float.NaN);
                Assert.True(float.IsNaN(results[0][5]));
                Assert.Equal(training, float.IsNaN(results[1][5])); // by moving statistics a gradient is 0 where ReLU's is
                float[][] separate = Run(device, FusedActivation.ReLU, training, residual, 16, Wanted.X | Wanted.Scale, isFused: false, x => x[5] = float.NaN);
                Assert.Equal(separate, results);
            }
        }
    }

    [Fact]
    public void What_is_kept_is_x_for_the_statistics_of_the_batch_and_y_where_gamma_and_beta_are_frozen()
    {
        Assert.Equal(["BatchNormReLU [2,3,4]"], Kept(training: true, Wanted.X));
        Assert.Equal(["BatchNormReLU [2,3,4]"], Kept(training: false, Wanted.X | Wanted.Scale));
        Assert.Equal(["BatchNormReLU [2,3,4]"], Kept(training: false, Wanted.X));

        static IEnumerable<string> Kept(bool training, Wanted wanted)
        {
            using var tape = new Tape(Device.Cpu) { Training = true, Layer = "norm" };
            Tensor x = tape.Constant(new Shape(2, 3, 4), new float[24]), one = tape.Constant(new Shape(4), [1f, 1f, 1f, 1f]), zero = tape.Constant(new Shape(4), new float[4]);
            tape.Watch(x);
            if (wanted.HasFlag(Wanted.Scale))
                tape.Watch(one);
            Tensor y = tape.Run(new BatchNormOp(1e-3f, 0.9f, training, activation: FusedActivation.ReLU), x, one, zero, tape.Constant(new Shape(4), new float[4]), tape.Constant(new Shape(4), [1f, 1f, 1f, 1f]));
            tape.Release(x);
            tape.Release(y);
            bool keepsX = training || wanted.HasFlag(Wanted.Scale);
            Assert.Equal((!keepsX, keepsX), (x.IsReleased, y.IsReleased));
            return [.. tape.Held.Where(h => h.Shape.Rank == 3).Select(h => $"{h.Path.Split('/')[1]} {h.Shape}")];
        }
    }

    [Fact]
    public void A_residual_of_another_shape_is_named()
    {
        var op = new BatchNormOp(1e-3f, 0.9f, training: true, activation: FusedActivation.ReLU);
        Shape c = new(3);
        Assert.Contains("residual [2,1]", Assert.Throws<ShapeException>(() => op.InferShape([new Shape(2, 3), c, c, c, c, new Shape(2, 1)])).Message);
    }

    private static Wanted[] Combinations(bool residual)
    {
        Wanted all = Wanted.X | Wanted.Scale | Wanted.Shift;
        Wanted[] some = [Wanted.X, Wanted.Scale, Wanted.X | Wanted.Shift, all, all | Wanted.AddsToAll, all | Wanted.UpstreamIsShared];
        if (!residual)
            return some;
        return [.. some, .. some.Select(w => w | Wanted.Residual), Wanted.Residual, Wanted.Residual | Wanted.AddsToAll, all | Wanted.ResidualIsX, Wanted.X | Wanted.ResidualIsX,
            all | Wanted.ResidualIsX | Wanted.AddsToAll, Wanted.X | Wanted.ResidualIsX | Wanted.UpstreamIsShared];
    }

    // y, the gradients of x, scale, shift and the residual, and both moving statistics.
    private static float[][] Run(Device device, FusedActivation activation, bool training, bool hasResidual, int channels, Wanted wanted, bool isFused, Action<float[]>? change = null)
    {
        int rows = channels > 64 ? 9 : 71;
        Shape shape = new(rows, channels), c = new(channels);
        float[] numbers = OpHarness.Random(shape.Count, 1);
        change?.Invoke(numbers);
        int live = device.Pool.LiveBlocks;
        float[][] results;
        using (var tape = new Tape(device) { Training = true })
        {
            Tensor x = tape.Constant(shape, numbers), scale = Filled(c, 2, 1), shift = Filled(c, 3, 3);
            Tensor mean = Filled(c, 4, 0.3f), variance = tape.Constant(c, [.. OpHarness.Random(c.Count, 5).Select(v => 1 + 0.5f * v)]);
            Tensor residual = wanted.HasFlag(Wanted.ResidualIsX) ? x : Filled(shape, 6, 4);
            Tensor[] differentiated = [x, scale, shift, residual];
            for (int i = 0; i < differentiated.Length; i++)
            {
                if (wanted.HasFlag((Wanted)(1 << i)))
                    tape.Watch(differentiated[i]);
            }
            FusedActivation inside = isFused ? activation : FusedActivation.None;
            var op = new BatchNormOp(1e-3f, 0.9f, training, activation: inside);
            Tensor y = isFused && hasResidual ? tape.Run(op, x, scale, shift, mean, variance, residual) : tape.Run(op, x, scale, shift, mean, variance);
            if (!isFused)
            {
                if (hasResidual)
                    y = tape.Run(new BinaryOp(BinaryFormula.Add), y, residual);
                y = tape.Run(activation == FusedActivation.ReLU ? new UnaryOp(UnaryFormula.ReLU) : new UnaryOp(UnaryFormula.ReLUMax, 6), y);
            }
            float[] output = y.ToArray();
            foreach (Tensor tensor in differentiated.Distinct().Where(t => wanted.HasFlag(Wanted.AddsToAll) && tape.Wants(t)))
                tape.Gradients.Contribute(tensor).Gradient.Set(OpHarness.Random(tensor.Count, 8));
            if (wanted.HasFlag(Wanted.UpstreamIsShared))
            {
                // The gradient of the sum is that of both: the op may not write over it.
                Tensor other = Filled(shape, 9, 1);
                tape.Watch(other);
                Tensor sum = tape.Run(new BinaryOp(BinaryFormula.Add), y, other);
                tape.Backward(sum, OpHarness.Random(shape.Count, 7));
                Assert.Equal(OpHarness.Random(shape.Count, 7), tape.Gradient(other)!.ToArray());
            }
            else
            {
                tape.Backward(y, OpHarness.Random(shape.Count, 7));
            }
            results = [output, .. differentiated.Select(t => tape.Wants(t) ? tape.Gradient(t)!.ToArray() : []), mean.ToArray(), variance.ToArray()];

            Tensor Filled(Shape of, int seed, float size) => tape.Constant(of, [.. OpHarness.Random(of.Count, seed).Select(v => size * v)]);
        }
        Assert.Equal(live, device.Pool.LiveBlocks);
        return results;
    }
}
