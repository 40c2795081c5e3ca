using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Convolutions on the emulated GPU, by cuDNN and by own kernels, against the Reference set; and how one steps in for the other.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaConv2DTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int NotInitialized = 1001, Misaligned = 2003, NotSupported = 3000, DeviceAllocationFailed = 4004, ExecutionFailed = 5000;
    private const ulong OfWeight = 3; // calls of a run: forward with bias, the input's gradient, the weight's

    private static readonly Padding2D s_uneven = new(0, 2, 1, 0);

    private static readonly Dictionary<string, Conv2DGeometry> s_geometries = new()
    {
        ["one tile"] = new(2, 7, 6, 9, 11, 3, 3, 1, 1, 1, 1, Padding2D.All(1), 1),
        ["uneven padding, strides and dilation"] = new(1, 9, 8, 10, 12, 3, 2, 2, 1, 1, 2, s_uneven, 1),
        ["two groups"] = new(2, 6, 5, 18, 20, 3, 3, 2, 2, 1, 1, Padding2D.All(1), 2),
        ["tiles beside and below each other"] = new(2, 6, 6, 70, 66, 1, 1, 1, 1, 1, 1, Padding2D.None, 1),
        ["pixels that no window covers"] = new(1, 9, 8, 8, 9, 2, 2, 3, 3, 1, 1, Padding2D.None, 1),
        ["few channels"] = new(2, 5, 6, 2, 3, 3, 3, 1, 2, 1, 1, s_uneven, 1),
        ["a group for each channel"] = new(1, 5, 6, 4, 8, 3, 3, 1, 1, 1, 1, Padding2D.All(1), 4),
        ["a product of pixels"] = new(2, 7, 6, 16, 20, 1, 1, 1, 1, 1, 1, Padding2D.None, 1),
        ["every second pixel"] = new(2, 7, 6, 16, 20, 1, 1, 2, 2, 1, 1, Padding2D.None, 1),
        ["every third column, vectors that are not whole"] = new(1, 5, 8, 6, 9, 1, 1, 1, 3, 1, 1, Padding2D.None, 1),
        ["three segments of pixels and a rest"] = new(1, 41, 41, 8, 8, 1, 1, 1, 1, 1, 1, Padding2D.None, 1),
    };

    public static TheoryData<string, bool> Geometries
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (string name in s_geometries.Keys)
            {
                data.Add(name, true);
                data.Add(name, false);
            }
            return data;
        }
    }

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(Geometries))]
    public void All_directions_are_the_references(string name, bool usesCudnn)
    {
        emulator.Begin($"{nameof(All_directions_are_the_references)} {name} {usesCudnn}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu(usesCudnn: usesCudnn);
        foreach (float beta in new[] { 0f, 1f })
            Same(Run(KernelSet.Reference, s_geometries[name], beta), Run(gpu.Kernels, s_geometries[name], beta));
        if (CudaEmulator.CudaEmulator.UsesHardware && usesCudnn)
            Assert.StartsWith("convolutions by cuDNN 9.", gpu.Kernels.Routines, StringComparison.Ordinal); // which may lack an algorithm, and says so
        else
            Assert.StartsWith(usesCudnn ? "convolutions by cuDNN 9.6.0; " : "convolutions by own kernels, as GRAFT_CUDA_CUDNN=off says; ", gpu.Kernels.Routines, StringComparison.Ordinal);
    }

    [Fact]
    public void Algorithms_that_are_timed_at_first_use_give_the_same_numbers()
    {
        emulator.Begin(nameof(Algorithms_that_are_timed_at_first_use_give_the_same_numbers));
        emulator.Checked = true;
        using var gpu = new EmulatedGpu(findsAlgorithms: true);
        foreach (string name in new[] { "one tile", "two groups" })
        {
            foreach (float beta in new[] { 0f, 1f, 1f }) // what is tried writes elsewhere: results are added once
                Same(Run(KernelSet.Reference, s_geometries[name], beta), Run(gpu.Kernels, s_geometries[name], beta));
        }
        Assert.Equal(0UL, emulator.Counter("launches:conv2d_forward_tiled"));
    }

    [Fact]
    public void Products_of_many_channels_are_tiled_and_those_of_few_are_not()
    {
        emulator.Begin(nameof(Products_of_many_channels_are_tiled_and_those_of_few_are_not));
        using var gpu = new EmulatedGpu(usesCudnn: false);
        Run(gpu.Kernels, s_geometries["one tile"], 0);
        foreach (string direction in new[] { "forward", "backward_input", "backward_weight" })
            Assert.Equal((1UL, 0UL), (emulator.Counter($"launches:conv2d_{direction}_tiled"), emulator.Counter($"launches:conv2d_{direction}_naive")));
        emulator.ResetCounters();
        Run(gpu.Kernels, s_geometries["few channels"], 0);
        foreach (string direction in new[] { "forward", "backward_input", "backward_weight" })
            Assert.Equal((0UL, 1UL), (emulator.Counter($"launches:conv2d_{direction}_tiled"), emulator.Counter($"launches:conv2d_{direction}_naive")));
    }

    [Fact]
    public void Algorithms_that_cudnn_refuses_are_passed_over_and_at_the_end_own_kernels_serve()
    {
        emulator.Begin(nameof(Algorithms_that_cudnn_refuses_are_passed_over_and_at_the_end_own_kernels_serve));
        using var gpu = new EmulatedGpu();
        Conv2DGeometry g = s_geometries["one tile"];
        float[][] expected = Run(KernelSet.Reference, g, 0);
        Run(gpu.Kernels, g, 0); // the lists are there
        for (int refusals = 1; emulator.Counter("launches:conv2d_backward_weight_tiled") == 0; refusals++)
        {
            Assert.True(refusals < 20, "cuDNN never ran out of algorithms.");
            emulator.Inject("cudnn", OfWeight, NotSupported);
            Same(expected, Run(gpu.Kernels, g, 0));
        }
        Assert.Contains("own kernels, such as BackwardWeight of 11 filters 3x3 on 7x6x9 (algorithm 1: ", gpu.Kernels.Routines, StringComparison.Ordinal);
        Assert.Contains("(3000))", gpu.Kernels.Routines, StringComparison.Ordinal);
    }

    [Fact]
    public void An_algorithm_that_cannot_add_goes_on_serving_calls_that_do_not()
    {
        emulator.Begin(nameof(An_algorithm_that_cannot_add_goes_on_serving_calls_that_do_not));
        using var gpu = new EmulatedGpu();
        Conv2DGeometry g = s_geometries["one tile"];
        emulator.Inject("cudnn", OfWeight + 1, NotSupported); // behind cudnnCreate
        Same(Run(KernelSet.Reference, g, 1), Run(gpu.Kernels, g, 1)); // one algorithm there is, and it is struck off
        Same(Run(KernelSet.Reference, g, 1), Run(gpu.Kernels, g, 1));
        Assert.Equal(2UL, emulator.Counter("launches:conv2d_backward_weight_tiled"));
        Same(Run(KernelSet.Reference, g, 0), Run(gpu.Kernels, g, 0));
        Assert.Equal(2UL, emulator.Counter("launches:conv2d_backward_weight_tiled"));
        Assert.Contains("such as BackwardWeight of 11 filters 3x3 on 7x6x9 with beta 1 (algorithm 1: ", gpu.Kernels.Routines, StringComparison.Ordinal);
    }

    [Fact]
    public void An_algorithm_that_does_not_take_the_addresses_of_a_call_is_asked_again_at_the_next()
    {
        emulator.Begin(nameof(An_algorithm_that_does_not_take_the_addresses_of_a_call_is_asked_again_at_the_next));
        using var gpu = new EmulatedGpu();
        Conv2DGeometry g = s_geometries["one tile"];
        float[][] expected = Run(KernelSet.Reference, g, 0);
        Run(gpu.Kernels, g, 0); // the lists are there
        emulator.Inject("cudnn", OfWeight, Misaligned);
        Same(expected, Run(gpu.Kernels, g, 0));
        Assert.Equal(1UL, emulator.Counter("launches:conv2d_backward_weight_tiled"));
        Assert.Contains("such as BackwardWeight of 11 filters 3x3 on 7x6x9 (algorithm 1: ", gpu.Kernels.Routines, StringComparison.Ordinal);
        Same(expected, Run(gpu.Kernels, g, 0));
        Assert.Equal(1UL, emulator.Counter("launches:conv2d_backward_weight_tiled"));
    }

    [Fact]
    public void A_cudnn_that_is_short_of_memory_is_asked_once_more_and_then_memory_is_out()
    {
        emulator.Begin(nameof(A_cudnn_that_is_short_of_memory_is_asked_once_more_and_then_memory_is_out));
        using var gpu = new EmulatedGpu();
        Conv2DGeometry g = s_geometries["one tile"];
        float[][] expected = Run(KernelSet.Reference, g, 0);
        Run(gpu.Kernels, g, 0); // cuDNN is started
        int given = 0;
        gpu.Context.Memory.WhenShort += () => given++;
        emulator.Inject("cudnn", OfWeight, DeviceAllocationFailed);
        Same(expected, Run(gpu.Kernels, g, 0));
        Assert.Equal(1, given);
        DevicePtr<float> x = New(gpu.Kernels.Memory, Numbers(g.N * g.H * g.W * g.C, 1)), w = New(gpu.Kernels.Memory, Numbers(g.O * 9 * g.C, 2));
        var y = new DevicePtr<float>(gpu.Kernels.Memory.Allocate(g.N * g.H * g.W * g.O * sizeof(float)));
        emulator.Inject("cudnn", 1, DeviceAllocationFailed, times: 2);
        CudaOutOfMemoryException e = Assert.Throws<CudaOutOfMemoryException>(() => gpu.Kernels.Conv2D.Forward(g, x, w, default, y));
        Assert.Contains("is out of memory: cuDNN could not get what it needs, ", e.Message, StringComparison.Ordinal);
        foreach (DevicePtr<float> block in new[] { x, w, y })
            gpu.Kernels.Memory.Free(block.Address);
        Same(expected, Run(gpu.Kernels, g, 0));
        Assert.Equal((2, 0UL), (given, emulator.Counter("launches:conv2d_backward_weight_tiled")));
    }

    [Fact]
    public void A_bias_that_cudnn_does_not_add_is_named()
    {
        emulator.Begin(nameof(A_bias_that_cudnn_does_not_add_is_named));
        using var gpu = new EmulatedGpu();
        Conv2DGeometry g = s_geometries["one tile"];
        Run(gpu.Kernels, g, 0); // the lists are there
        emulator.Inject("cudnn", 1, NotSupported);
        Same(Run(KernelSet.Reference, g, 0), Run(gpu.Kernels, g, 0));
        Assert.Contains("such as ForwardWithBias of 11 filters 3x3 on 7x6x9 (algorithm 1: ", gpu.Kernels.Routines, StringComparison.Ordinal);
        Assert.Equal(0UL, emulator.Counter("launches:conv2d_forward_tiled"));
    }

    [Fact]
    public void Work_that_fails_in_cudnn_is_a_typed_exception_and_the_next_run_works()
    {
        emulator.Begin(nameof(Work_that_fails_in_cudnn_is_a_typed_exception_and_the_next_run_works));
        using var gpu = new EmulatedGpu();
        Conv2DGeometry g = s_geometries["one tile"];
        Run(gpu.Kernels, g, 0); // cuDNN is started
        DevicePtr<float> x = New(gpu.Kernels.Memory, Numbers(g.N * g.H * g.W * g.C, 1)), w = New(gpu.Kernels.Memory, Numbers(g.O * 9 * g.C, 2));
        var y = new DevicePtr<float>(gpu.Kernels.Memory.Allocate(g.N * g.H * g.W * g.O * sizeof(float)));
        emulator.Inject("cudnn", 1, ExecutionFailed);
        CudaException e = Assert.Throws<CudaException>(() => gpu.Kernels.Conv2D.Forward(g, x, w, default, y));
        Assert.Equal(ExecutionFailed, e.Status);
        Assert.Contains("cuDNN Forward, algorithm ", e.Message, StringComparison.Ordinal);
        foreach (DevicePtr<float> block in new[] { x, w, y })
            gpu.Kernels.Memory.Free(block.Address);
        Same(Run(KernelSet.Reference, g, 0), Run(gpu.Kernels, g, 0));
    }

    [Fact]
    public void A_cudnn_that_cannot_be_started_is_done_without_and_the_summary_says_why()
    {
        emulator.Begin(nameof(A_cudnn_that_cannot_be_started_is_done_without_and_the_summary_says_why));
        using var gpu = new EmulatedGpu();
        emulator.Inject("cudnn", 1, NotInitialized);
        Same(Run(KernelSet.Reference, s_geometries["one tile"], 0), Run(gpu.Kernels, s_geometries["one tile"], 0));
        Assert.StartsWith("convolutions by own kernels, as cuDNN could not be started: Cudnn.cudnnCreate", gpu.Kernels.Routines, StringComparison.Ordinal);
        Assert.Equal(1UL, emulator.Counter("launches:conv2d_forward_tiled"));
    }

    [Fact]
    public void Descriptors_and_algorithms_are_made_once_for_a_geometry()
    {
        emulator.Begin(nameof(Descriptors_and_algorithms_are_made_once_for_a_geometry));
        using var gpu = new EmulatedGpu();
        float[][] first = Run(gpu.Kernels, s_geometries["two groups"], 0);
        emulator.Configure("seed", 99); // another order in the lists of algorithms, which are not asked for again
        float[][] second = Run(gpu.Kernels, s_geometries["two groups"], 0);
        Assert.Equal(first, second);
        Assert.Equal(0UL, emulator.Counter("launches:conv2d_forward_tiled"));
    }

    private static float[][] Run(KernelSet kernels, Conv2DGeometry g, float beta)
    {
        int inputs = g.N * g.H * g.W * g.C, outputs = g.N * g.OutH * g.OutW * g.O, weights = g.O * g.R * g.S * g.GroupC;
        MemoryKernels memory = kernels.Memory;
        DevicePtr<float> x = New(memory, Numbers(inputs, 1)), w = New(memory, Numbers(weights, 2)), b = New(memory, Numbers(g.O, 3)), dy = New(memory, Numbers(outputs, 4));
        DevicePtr<float> y = New(memory, Numbers(outputs, 5)), dx = New(memory, Numbers(inputs, 6)), dw = New(memory, Numbers(weights, 7)), db = New(memory, Numbers(g.O, 8));
        kernels.Conv2D.Forward(g, x, w, b, y);
        kernels.Conv2D.BackwardInput(g, dy, w, dx, beta);
        kernels.Conv2D.BackwardWeight(g, x, dy, dw, beta);
        kernels.Conv2D.BackwardBias(g, dy, db, beta);
        float[][] results = [Read(memory, y, outputs), Read(memory, dx, inputs), Read(memory, dw, weights), Read(memory, db, g.O)];
        foreach (DevicePtr<float> block in new[] { x, w, b, dy, y, dx, dw, db })
            memory.Free(block.Address);
        return results;
    }

    /// <summary>Sums of up to 768 products below 1, in float against double: some 1e-6 of their size, which is up to 30.</summary>
    private static void Same(float[][] expected, float[][] actual)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.All(expected[i].Zip(actual[i]), p => Assert.Equal(p.First, p.Second, 3e-5));
    }
}
