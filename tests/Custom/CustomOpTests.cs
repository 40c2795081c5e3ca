using Graft.Autograd;
using Graft.Inference;
using Graft.Kernels;
using Graft.Ops;
using Graft.Tests.CudaEmulator;
using Graft.Tests.Training;
using Graft.Training;
using Outside;
using Xunit;
using Dense = Graft.Layers.Dense;

namespace Graft.Tests.Custom;

/// <summary>Ops of an assembly that sees no internals, on the processor and on the emulated GPU.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CustomOpTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private static readonly Shape s_shape = new(2, 3);
    private static readonly float[] s_a = [0.5f, -1.2f, 0.3f, 1.1f, -0.4f, 0.9f], s_b = [0.2f, 0.8f, -1.5f, 0.6f, 1.3f, -0.7f];

    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData("reference")]
    [InlineData("cpu")]
    [InlineData("cuda")]
    public void Own_ops_pass_the_gradient_check_on_every_device(string name) => On(name, device =>
    {
        GradientCheck.Run(device, (tape, x) => tape.Run(new CubeOp(), x[0]), [(s_shape, s_a)]);
        GradientCheck.Run(device, (tape, x) => tape.Run(new BlendOp(), x[0], x[1]), [(s_shape, s_a), (s_shape, s_b)]);
        // Read twice: the second contribution is added to the first.
        GradientCheck.Run(device, (tape, x) => tape.Run(new BinaryOp(BinaryFormula.Multiply), tape.Run(new CubeOp(), x[0]), tape.Run(new BlendOp(), x[0], x[1])), [(s_shape, s_a), (s_shape, s_b)]);
    });

    [Theory]
    [InlineData("cpu")]
    [InlineData("cuda")]
    public void A_gradient_by_the_devices_own_routines_is_written_or_added(string name) => On(name, device =>
    {
        using var tape = new Tape(device) { Training = true };
        Tensor x = tape.Constant(s_shape, s_a);
        tape.Watch(x);
        Tensor turned = tape.Run(new ReverseGradientOp(0.5f), x);
        Assert.Equal(s_a, turned.ToArray());
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Add), turned, tape.Run(new ReverseGradientOp(2), x));
        tape.Backward(y, s_b);
        Assert.Equal(Array.ConvertAll(s_b, dy => -2.5f * dy), tape.Gradient(x)!.ToArray());
    });

    [Fact]
    public void The_check_names_what_is_wrong()
    {
        string Fault(Func<Tape, IReadOnlyList<Tensor>, Tensor> compute) => Assert.Throws<GraftException>(() => GradientCheck.Run(Device.Cpu, compute, [(s_shape, s_a), (s_shape, s_b)])).Message;
        Assert.Contains("the gradient of number 0 of input 0 [2,3] is", Fault((tape, x) => tape.Run(new BlendOp(turned: true), x[0], x[1])), StringComparison.Ordinal);
        Assert.Contains("no gradient reached input 1 [2,3]", Fault((tape, x) => tape.Run(new BlendOp(silent: true), x[0], x[1])), StringComparison.Ordinal);
        Assert.Contains("finite differences give", Fault((tape, x) => tape.Run(new BinaryOp(BinaryFormula.Multiply), x[1], tape.Run(new ReverseGradientOp(1), x[0]))), StringComparison.Ordinal); // it reverses on purpose
    }

    [Fact]
    public void Wrong_shapes_and_counts_are_told()
    {
        using var tape = new Tape(Device.Cpu) { Training = true };
        Tensor x = tape.Constant(s_shape, s_a);
        tape.Watch(x);
        Assert.Contains("[2,3] and [3,2] differ", Assert.Throws<ShapeException>(() => tape.Run(new BlendOp(), x, tape.Constant(new Shape(3, 2), s_b))).Message, StringComparison.Ordinal);
        Tensor y = tape.Run(new ShortOp(), x);
        Assert.Contains("Short: backward gives 1 numbers as the gradient of input 0 [2,3], which takes 6", Assert.Throws<ShapeException>(() => tape.Backward(y, s_b)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gradient_that_nobody_wants_is_not_made()
    {
        using var tape = new Tape(Device.Cpu) { Training = true };
        Tensor a = tape.Constant(s_shape, s_a), b = tape.Constant(s_shape, s_b);
        tape.Watch(b);
        Tensor y = tape.Run(new BlendOp(), a, b);
        tape.Backward(y, s_b);
        Assert.Null(tape.Gradient(a));
        Assert.Equal(s_a.Zip(s_b, (x, dy) => x * dy), tape.Gradient(b)!.ToArray());
    }

    [Fact]
    public void A_network_with_own_ops_learns_and_predicts_on_the_gpu_as_on_the_processor()
    {
        emulator.Begin(nameof(A_network_with_own_ops_learns_and_predicts_on_the_gpu_as_on_the_processor));
        (float[] Weights, float[] Outputs) Train(Device device)
        {
            var model = new Sequential(TrainingData.Features) { new Scale(0.9f), new Cube(), new Residual(6, 0.1f), new Dense(1, Graft.Layers.Activation.Sigmoid) };
            model.SetSeed(2);
            model.MoveTo(device);
            model.Compile(new SignSgd(0.01f), Loss.BinaryCrossEntropy());
            model.Fit(TrainingData.Binary(), epochs: 2);
            float[] weights = [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
            float[][] once = model.Predict(TrainingData.Binary()), twice = model.Predict(TrainingData.Binary()); // a plan that was recorded would repeat the first numbers
            Assert.Equal(once, twice);
            float[] other = model.Predict(s_a, new Shape(1, 6))[0];
            Assert.NotEqual(other, model.Predict(s_b, new Shape(1, 6))[0]);
            using (InferencePlan plan = InferencePlan.Compile(model))
            {
                var outputs = new float[1];
                plan.Run(s_a, 1, outputs);
                Assert.Equal(other, outputs);
                if (device != Device.Cpu)
                    Assert.Contains("No CUDA graph: ", plan.Describe(), StringComparison.Ordinal);
            }
            model.Release();
            model.Optimizer!.Dispose();
            return (weights, [.. once.SelectMany(o => o)]);
        }
        using var gpu = new EmulatedGpu();
        (float[] expectedWeights, float[] expected) = Train(Device.Cpu);
        (float[] weights, float[] outputs) = Train(gpu.Device);
        // Signs of sums near 0 may differ, by a step of 0.01 each.
        Assert.True(weights.Zip(expectedWeights, (a, b) => MathF.Abs(a - b)).Count(d => d > 1e-4f) < weights.Length / 20);
        for (int i = 0; i < outputs.Length; i++)
            Assert.Equal(expected[i], outputs[i], 0.02f);
    }

    private void On(string name, Action<Device> test)
    {
        if (name != "cuda")
        {
            test(Device.Parse(name));
            return;
        }
        emulator.Begin(nameof(CustomOpTests));
        using var gpu = new EmulatedGpu();
        test(gpu.Device);
    }
}
