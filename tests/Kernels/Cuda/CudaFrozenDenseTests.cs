using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>The dense layer of inference plans on the emulated GPU against the Reference set.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaFrozenDenseTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int M = 5, K = 37, O = 19;

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(false, false, false, null)]
    [InlineData(true, false, false, UnaryFormula.ReLU)]
    [InlineData(true, true, false, UnaryFormula.GeluTanh)]
    [InlineData(false, true, true, null)] // the output lies where the residual does
    [InlineData(true, true, true, UnaryFormula.Sigmoid)]
    public void Bias_residual_and_activation_are_the_references(bool hasBias, bool hasResidual, bool inPlace, UnaryFormula? activation)
    {
        emulator.Begin($"{nameof(Bias_residual_and_activation_are_the_references)} {hasBias} {hasResidual} {inPlace} {activation}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        float[] expected = Run(KernelSet.Reference, hasBias, hasResidual, inPlace, activation), actual = Run(gpu.Kernels, hasBias, hasResidual, inPlace, activation);
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 1e-5));
    }

    private static float[] Run(KernelSet kernels, bool hasBias, bool hasResidual, bool inPlace, UnaryFormula? activation)
    {
        DevicePtr<float> New(int count, int seed) => KernelBlocks.New(kernels.Memory, KernelBlocks.Numbers(count, seed));
        DevicePtr<float> x = New(M * K, 1), w = New(K * O, 2), b = New(O, 3), residual = New(M * O, 4), y = New(M * O, 5);
        var packed = new DevicePtr<float>(kernels.Memory.Allocate(kernels.FrozenDense.PackedSize(K, O) * sizeof(float)));
        kernels.FrozenDense.Pack(K, O, w, packed);
        DevicePtr<float> output = inPlace ? residual : y;
        kernels.FrozenDense.Run(new FrozenDenseGeometry(M, K, O, activation), x, packed, hasBias ? b : default, hasResidual ? residual : default, output);
        float[] values = KernelBlocks.Read(kernels.Memory, output, M * O);
        foreach (DevicePtr<float> block in new[] { x, w, b, residual, y, packed })
            kernels.Memory.Free(block.Address);
        return values;
    }
}
