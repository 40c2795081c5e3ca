using Graft.Autograd;
using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>All layers on the emulated GPU: against Keras, and against the processor where Keras has no case.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaLayerTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>As between the processor's two kernel sets; sums in another order, and another exp and tanh.</summary>
    private const float Tolerance = 1e-5f;

    public static TheoryData<string> KerasNames => [.. KerasLayerTests.Names];

    public static TheoryData<string> Names => LayerBatteryTests.Names;

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(KerasNames))]
    public void Output_gradients_and_moved_statistics_equal_those_of_Keras(string name)
    {
        emulator.Begin($"{nameof(Output_gradients_and_moved_statistics_equal_those_of_Keras)} {name}");
        using var gpu = new EmulatedGpu();
        KerasLayerTests.Compare(name, gpu.Device);
    }

    [Theory, MemberData(nameof(Names))]
    public void A_step_and_a_plan_give_the_numbers_of_the_processor(string name)
    {
        emulator.Begin($"{nameof(A_step_and_a_plan_give_the_numbers_of_the_processor)} {name}");
        using var gpu = new EmulatedGpu();
        Model expected = LayerBatteryTests.Build(name), actual = LayerBatteryTests.Build(name);
        actual.MoveTo(gpu.Device);
        float[] x = LayerBatteryTests.Input(expected, 2);
        (Shape shape, float[] y, float[][] gradients) = LayerBatteryTests.Step(expected, x, 2);
        (Shape actualShape, float[] actualY, float[][] actualGradients) = LayerBatteryTests.Step(actual, x, 2);
        Assert.Equal(shape, actualShape);
        LayerBatteryTests.AssertClose(y, actualY, Tolerance);
        Assert.Equal(gradients.Length, actualGradients.Length);
        foreach ((float[] of, float[] by) in gradients.Zip(actualGradients))
            LayerBatteryTests.AssertClose(of, by, Tolerance);
        float[] Predict(Model model) => [.. model.Predict(x, model.Inputs[0].Shape.Prepend(2)).SelectMany(row => row)];
        LayerBatteryTests.AssertClose(Predict(expected), Predict(actual), Tolerance);
        expected.Release();
        actual.Release();
        Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Behind_a_dense_layer_of_16_bits_every_layer_trains_to_nearly_the_same_gradients(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Behind_a_dense_layer_of_16_bits_every_layer_trains_to_nearly_the_same_gradients)} {precision}");
        using var gpu = new EmulatedGpu();
        foreach (string name in LayerBatteryTests.Names.Select(row => row.Data))
        {
            float[][] exact = StepBehindDense(name, gpu.Device, ComputePrecision.Float32), rounded = StepBehindDense(name, gpu.Device, precision);
            double largest = exact[1..].Max(Norm);
            for (int i = 0; i < exact.Length; i++)
            {
                // Eight bits and some sums of them; of gradients, a number that a rounding takes over a corner changes as a whole, and some are differences of larger ones.
                double difference = Norm([.. exact[i].Zip(rounded[i], (a, b) => a - b)]), allowed = i == 0 ? 0.02 * Norm(exact[0]) : 0.25 * Math.Max(Norm(exact[i]), 0.05 * largest);
                Assert.True(difference <= allowed, $"{name}, {(i == 0 ? "output" : $"gradient {i - 1}")}: {difference:g3} of {Norm(exact[i]):g3}.");
            }
        }
        Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
    }

    [Theory]
    [InlineData(ComputePrecision.TF32)]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Behind_a_dense_layer_of_a_plan_every_layer_predicts_nearly_the_same_at_each_run(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Behind_a_dense_layer_of_a_plan_every_layer_predicts_nearly_the_same_at_each_run)} {precision}");
        using var gpu = new EmulatedGpu();
        foreach (string name in LayerBatteryTests.Names.Select(row => row.Data))
        {
            Model model = BehindDense(name, gpu.Device);
            float[] x = LayerBatteryTests.Input(model, 3);
            float[] Predict() => [.. model.Predict(x, model.Inputs[0].Shape.Prepend(3)).SelectMany(row => row)];
            float[] exact = Predict();
            model.PlanOptions = new PlanOptions { Precision = precision };
            float[] rounded = Predict();
            double difference = Norm([.. exact.Zip(rounded, (a, b) => a - b)]);
            Assert.True(difference <= 0.02 * Norm(exact), $"{name}: {difference:g3} of {Norm(exact):g3}."); // eight bits, and some sums of them
            Assert.Equal(rounded, Predict()); // by a graph
            model.Release();
        }
        Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
    }

    /// <summary>A layer of the battery that reads what a dense layer makes.</summary>
    private static Model BehindDense(string name, Device device)
    {
        Layer layer = LayerBatteryTests.Make(name, out Shape input);
        Node x = Node.Input(input);
        var model = new Model(x, layer.Apply(new Dense(input[-1]).Apply(x)));
        model.SetSeed(7);
        model.MoveTo(device);
        return model;
    }

    /// <summary>Its output and gradients.</summary>
    private static float[][] StepBehindDense(string name, Device device, ComputePrecision precision)
    {
        Model model = BehindDense(name, device);
        using var tape = new Tape(device) { Training = true, Seed = 11, Precision = precision };
        Tensor y = model.Forward(tape, [tape.Constant(model.Inputs[0].Shape.Prepend(3), LayerBatteryTests.Input(model, 3))]);
        float[] values = y.ToArray();
        var random = new Random(3);
        tape.Backward(y, [.. values.Select(_ => random.NextSingle() - 0.5f)]);
        float[][] all = [values, .. model.Parameters.Select(p => tape.Gradient(p.Value)?.ToArray()).OfType<float[]>()];
        model.Release();
        return all;
    }

    private static double Norm(float[] values) => Math.Sqrt(values.Sum(v => (double)v * v));
}
