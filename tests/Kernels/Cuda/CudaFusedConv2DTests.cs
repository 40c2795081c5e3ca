using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>The convolution of inference plans on the emulated GPU, by cuDNN and by own kernels, against the Reference set.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaFusedConv2DTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const float Untouched = 12345.5f;

    // Tiles, and the naive kernel with uneven padding; odd sizes, so that pooling drops a row.
    private static readonly FusedConv2DGeometry[] s_geometries =
        [new(2, 7, 6, 9, 11, 3, 3, 1, 1, 1, 1, Padding2D.All(1)), new(1, 9, 8, 2, 3, 3, 2, 2, 1, 1, 2, new Padding2D(0, 2, 1, 2))];

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Bias_residual_activation_and_pooling_are_the_references(bool usesCudnn)
    {
        emulator.Begin($"{nameof(Bias_residual_activation_and_pooling_are_the_references)} {usesCudnn}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu(usesCudnn: usesCudnn);
        for (int i = 0; i < 48; i++)
        {
            FusedConv2DGeometry g = s_geometries[i % 2] with { Activation = (FusedActivation)(i / 2 % 3) };
            Compare(gpu.Kernels, i / 6 % 2 == 0 ? g : g.WithMaxPool(), hasBias: i / 12 % 2 == 0, hasResidual: i / 24 == 0, inPlace: false);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_output_may_lie_where_the_residual_does_or_among_other_numbers(bool usesCudnn)
    {
        emulator.Begin($"{nameof(The_output_may_lie_where_the_residual_does_or_among_other_numbers)} {usesCudnn}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu(usesCudnn: usesCudnn);
        foreach (FusedConv2DGeometry g in s_geometries)
        {
            foreach (FusedActivation activation in Enum.GetValues<FusedActivation>())
            {
                Compare(gpu.Kernels, g with { Activation = activation }, hasBias: true, hasResidual: true, inPlace: true);
                FusedConv2DGeometry spread = g with
                {
                    Activation = activation, Input = ImageLayout.Dense(g.H, g.W, g.C + 3), Output = ImageLayout.Dense(g.OutH, g.OutW, g.O + 5), Residual = ImageLayout.Dense(g.OutH, g.OutW, g.O + 1),
                };
                Compare(gpu.Kernels, spread, hasBias: true, hasResidual: true, inPlace: false);
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NaN_stays_NaN_through_activation_and_pooling(bool usesCudnn)
    {
        emulator.Begin($"{nameof(NaN_stays_NaN_through_activation_and_pooling)} {usesCudnn}");
        using var gpu = new EmulatedGpu(usesCudnn: usesCudnn);
        foreach (FusedConv2DGeometry g in s_geometries)
        {
            foreach (FusedActivation activation in Enum.GetValues<FusedActivation>())
            {
                FusedConv2DGeometry one = g with { Activation = activation };
                Assert.Equal(1, Run(gpu.Kernels, one, true, true, false, spoiled: 0).Count(float.IsNaN));
                Assert.Equal(1, Run(gpu.Kernels, one.WithMaxPool(), true, true, false, spoiled: 0).Count(float.IsNaN));
            }
        }
    }

    [Fact]
    public void Bias_and_residual_are_one_call_of_cudnn_and_an_activation_one_pass_after_it()
    {
        emulator.Begin(nameof(Bias_and_residual_are_one_call_of_cudnn_and_an_activation_one_pass_after_it));
        using var gpu = new EmulatedGpu();
        Run(gpu.Kernels, s_geometries[0], true, true, false);
        Assert.Equal((0UL, 0UL), (emulator.Counter("launches:conv2d_epilogue"), emulator.Counter("launches:conv2d_forward_tiled")));
        Run(gpu.Kernels, s_geometries[0] with { Activation = FusedActivation.ReLU }, true, true, false);
        Assert.Equal((1UL, 0UL), (emulator.Counter("launches:conv2d_epilogue"), emulator.Counter("launches:conv2d_forward_tiled")));
    }

    [Fact]
    public void An_algorithm_of_another_set_is_refused_by_name()
    {
        emulator.Begin(nameof(An_algorithm_of_another_set_is_refused_by_name));
        using var gpu = new EmulatedGpu();
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => gpu.Kernels.FusedConv2D.Pack(s_geometries[0], ConvAlgorithm.WinogradF4, default, default));
        Assert.Contains("WinogradF4", e.Message, StringComparison.Ordinal);
    }

    private static void Compare(KernelSet kernels, FusedConv2DGeometry g, bool hasBias, bool hasResidual, bool inPlace)
    {
        float[] expected = Run(KernelSet.Reference, g, hasBias, hasResidual, inPlace), actual = Run(kernels, g, hasBias, hasResidual, inPlace);
        // Sums of up to 81 products below 1 in float against double.
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 1e-5));
    }

    /// <summary>All numbers of y's block; those that are no pixels must stay as they were.</summary>
    private static float[] Run(KernelSet kernels, FusedConv2DGeometry g, bool hasBias, bool hasResidual, bool inPlace, int spoiled = -1)
    {
        MemoryKernels memory = kernels.Memory;
        float[] beside = Numbers((int)(g.N * g.Residual.ImageStride), 4);
        if (spoiled >= 0)
            beside[spoiled] = float.NaN;
        float[] before = new float[(int)(g.N * g.Output.ImageStride)];
        Array.Fill(before, Untouched);
        DevicePtr<float> x = New(memory, Numbers((int)(g.N * g.Input.ImageStride), 1)), w = New(memory, Numbers(g.O * g.R * g.S * g.C, 2)), b = New(memory, Numbers(g.O, 3));
        DevicePtr<float> residual = New(memory, beside), y = New(memory, before);
        var packed = new DevicePtr<float>(memory.Allocate(kernels.FusedConv2D.PackedSize(g, ConvAlgorithm.General) * sizeof(float)));
        Assert.Equal(ConvAlgorithm.General, kernels.FusedConv2D.Choose(g));
        kernels.FusedConv2D.Pack(g, ConvAlgorithm.General, w, packed);
        DevicePtr<float> to = inPlace ? residual : y;
        kernels.FusedConv2D.Run(g, ConvAlgorithm.General, x, packed, hasBias ? b : default, hasResidual ? residual : default, to);
        float[] values = Read(memory, to, before.Length);
        foreach (DevicePtr<float> block in new[] { x, w, b, residual, y, packed })
            memory.Free(block.Address);
        return values;
    }
}
