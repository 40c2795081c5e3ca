using Graft.Inference;
using Graft.Kernels;
using Convolution = Graft.Layers.Conv2D;
using Graft.Layers;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Winograd's algorithm on the emulated GPU, with every access checked, against the direct sums of the Reference set.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaWinogradTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    // Whole tiles, tiles that hang over, images smaller than a tile, and every padding that there is.
    private static readonly Conv2DGeometry[] s_geometries =
    [
        Geometry(2, 8, 8, 16, 16, Padding2D.All(1)), Geometry(2, 9, 11, 17, 19, Padding2D.All(1)), Geometry(1, 7, 6, 16, 33, Padding2D.None), Geometry(1, 6, 7, 20, 16, new Padding2D(0, 2, 1, 0)),
        Geometry(3, 3, 3, 16, 16, Padding2D.None), Geometry(1, 2, 5, 16, 18, Padding2D.All(2)),
    ];

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(1 << 24)]
    [InlineData(5000)] // some tiles a round
    public void All_directions_are_the_references(int roundFloats)
    {
        emulator.Begin($"{nameof(All_directions_are_the_references)} {roundFloats}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu();
        var winograd = new WinogradConvolution(gpu.Context) { RoundFloats = roundFloats };
        foreach (Conv2DGeometry g in s_geometries)
        {
            Assert.True(winograd.Takes(g), $"{g}");
            foreach (float beta in new[] { 0f, 1f })
            {
                Same(
                    Run(KernelSet.Reference.Memory, g, KernelSet.Reference.Conv2D.Forward, (x, d, y) => KernelSet.Reference.Conv2D.BackwardInput(g, x, d, y, beta), (x, d, y) => KernelSet.Reference.Conv2D.BackwardWeight(g, x, d, y, beta)),
                    Run(gpu.Kernels.Memory, g, (in Conv2DGeometry of, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y) => winograd.Forward(of, x, w, b, y),
                        (dy, w, dx) => winograd.BackwardInput(g, dy, w, dx, beta), (x, dy, dw) => winograd.BackwardWeight(g, x, dy, dw, beta)));
            }
        }
    }

    [Fact]
    public void What_follows_the_sums_in_a_plan_is_the_references()
    {
        emulator.Begin(nameof(What_follows_the_sums_in_a_plan_is_the_references));
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        foreach (Conv2DGeometry plain in s_geometries.Take(4))
        {
            for (int i = 0; i < 12; i++)
            {
                FusedConv2DGeometry g = FusedConv2DGeometry.From(plain) with { Activation = (FusedActivation)(i % 3) };
                g = i / 3 % 2 == 0 ? g : g.WithMaxPool();
                Assert.Equal(ConvAlgorithm.WinogradF4, gpu.Kernels.FusedConv2D.Choose(g));
                Assert.True(gpu.Kernels.FusedConv2D.Supports(ConvAlgorithm.WinogradF4, g));
                Same([RunFused(KernelSet.Reference, ConvAlgorithm.General, g, i < 6, spoiled: -1)], [RunFused(gpu.Kernels, ConvAlgorithm.WinogradF4, g, i < 6, spoiled: -1)]);
                Assert.Equal(1, RunFused(gpu.Kernels, ConvAlgorithm.WinogradF4, g, true, spoiled: 0).Count(float.IsNaN));
            }
        }
    }

    [Fact]
    public void It_serves_training_and_plans_in_float32_alone()
    {
        emulator.Begin(nameof(It_serves_training_and_plans_in_float32_alone));
        using var gpu = new EmulatedGpu();
        Conv2DGeometry g = s_geometries[0];
        int images = g.N * g.H * g.W * g.C, weights = g.O * 9 * g.C;
        DevicePtr<float> x = New(gpu.Kernels.Memory, Numbers(images, 1)), w = New(gpu.Kernels.Memory, Numbers(weights, 2)), y = New(gpu.Kernels.Memory, new float[images]), dw = New(gpu.Kernels.Memory, new float[weights]);
        foreach ((ComputePrecision precision, ulong launches) in new[] { (ComputePrecision.Float32, 1UL), (ComputePrecision.TF32, 0UL) })
        {
            Conv2DKernels kernels = gpu.Kernels.In(precision).Conv2D;
            kernels.Forward(g, x, w, default, y);
            kernels.BackwardInput(g, y, w, x, 0);
            kernels.BackwardWeight(g, x, y, dw, 0);
            gpu.Context.Synchronize();
            Assert.Equal((2 * launches, launches), (emulator.Counter("launches:winograd_output"), emulator.Counter("launches:winograd_gradient")));
            emulator.ResetCounters();
        }
        Assert.Equal(ConvAlgorithm.General, gpu.Kernels.In(ComputePrecision.TF32).FusedConv2D.Choose(FusedConv2DGeometry.From(g)));
        foreach (DevicePtr<float> block in new[] { x, w, y, dw })
            gpu.Kernels.Memory.Free(block.Address);
    }

    [Fact]
    public void A_plan_takes_it_unless_told_otherwise()
    {
        emulator.Begin(nameof(A_plan_takes_it_unless_told_otherwise));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(9, 10, 16) { new Convolution(20, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new MaxPooling2D(), new Convolution(16, 3, 3) };
        float[] samples = Numbers(2 * 9 * 10 * 16, 1), expected = model.Predict(samples, new Shape(2, 9, 10, 16))[0];
        model.MoveTo(gpu.Device);
        foreach (bool isAllowed in new[] { true, false })
        {
            using var plan = InferencePlan.Compile(model, new PlanOptions { Winograd = isAllowed });
            var outputs = new float[2 * 2 * 3 * 16];
            plan.Run(samples, 2, outputs);
            Assert.Equal(isAllowed ? 2 : 0, plan.Describe().Split("Conv2D by Winograd F(4x4,3x3)").Length - 1);
            Same([expected], [outputs[..expected.Length]]);
        }
        model.Release();
    }

    private static Conv2DGeometry Geometry(int n, int h, int w, int c, int o, Padding2D padding) => new(n, h, w, c, o, 3, 3, 1, 1, 1, 1, padding, 1);

    private delegate void Forward(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y);

    private static float[][] Run(
        MemoryKernels memory, in Conv2DGeometry g, Forward forward, Action<DevicePtr<float>, DevicePtr<float>, DevicePtr<float>> backwardInput, Action<DevicePtr<float>, DevicePtr<float>, DevicePtr<float>> backwardWeight)
    {
        int images = g.N * g.H * g.W * g.C, outputs = g.N * g.OutH * g.OutW * g.O, weights = g.O * 9 * g.C;
        DevicePtr<float> x = New(memory, Numbers(images, 1)), w = New(memory, Numbers(weights, 2)), b = New(memory, Numbers(g.O, 3)), dy = New(memory, Numbers(outputs, 4));
        DevicePtr<float> y = New(memory, Numbers(outputs, 5)), dx = New(memory, Numbers(images, 6)), dw = New(memory, Numbers(weights, 7));
        forward(g, x, w, b, y);
        backwardInput(dy, w, dx);
        backwardWeight(x, dy, dw);
        float[][] results = [Read(memory, y, outputs), Read(memory, dx, images), Read(memory, dw, weights)];
        foreach (DevicePtr<float> block in new[] { x, w, b, dy, y, dx, dw })
            memory.Free(block.Address);
        return results;
    }

    private static float[] RunFused(KernelSet kernels, ConvAlgorithm algorithm, FusedConv2DGeometry g, bool hasResidual, int spoiled)
    {
        MemoryKernels memory = kernels.Memory;
        int count = g.N * g.StoredH * g.StoredW * g.O;
        float[] beside = Numbers(g.N * g.OutH * g.OutW * g.O, 4);
        if (spoiled >= 0)
            beside[spoiled] = float.NaN;
        DevicePtr<float> x = New(memory, Numbers(g.N * g.H * g.W * g.C, 1)), w = New(memory, Numbers(g.O * 9 * g.C, 2)), b = New(memory, Numbers(g.O, 3)), residual = New(memory, beside), y = New(memory, new float[count]);
        var packed = new DevicePtr<float>(memory.Allocate(kernels.FusedConv2D.PackedSize(g, algorithm) * sizeof(float)));
        kernels.FusedConv2D.Pack(g, algorithm, w, packed);
        kernels.FusedConv2D.Run(g, algorithm, x, packed, b, hasResidual ? residual : default, y);
        float[] values = Read(memory, y, count);
        foreach (DevicePtr<float> block in new[] { x, w, b, residual, y, packed })
            memory.Free(block.Address);
        return values;
    }

    /// <summary>Winograd's F(4x4) loses some 1e-5 of the largest number.</summary>
    private static void Same(float[][] expected, float[][] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            double most = 2e-5 * Math.Max(1, expected[i].Max(v => Math.Abs((double)v)));
            Assert.All(expected[i].Zip(actual[i]), p => Assert.Equal(p.First, p.Second, most));
        }
    }
}
