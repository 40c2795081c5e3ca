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
}
