using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Dense layers by cuBLASLt on the emulated GPU: one call for all, and what happens where it does not take one, or computes another function.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaBlasLtTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int M = 5, K = 37, O = 19;
    private const ulong ReluDropsNan = 1, CoarseGelu = 2, TakesNothing = 3; // LtQuirk of Core/Settings.h

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData(UnaryFormula.ReLU, 0)]
    [InlineData(UnaryFormula.GeluTanh, 0)]
    [InlineData(UnaryFormula.Tanh, 1)] // which cuBLASLt has not
    public void Product_bias_residual_and_activation_are_one_call(UnaryFormula? activation, int launches)
    {
        emulator.Begin($"{nameof(Product_bias_residual_and_activation_are_one_call)} {activation}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        float[] first = Run(gpu.Kernels, activation); // tries the activation too
        (ulong calls, ulong own) = (emulator.Counter("cublaslt_calls"), emulator.Counter("launches"));
        Assert.Equal(first, Run(gpu.Kernels, activation));
        launches++; // of packing
        Assert.Equal((1UL, (ulong)launches), (emulator.Counter("cublaslt_calls") - calls, emulator.Counter("launches") - own));
        Same(Run(KernelSet.Reference, activation), first);
        Assert.EndsWith("; dense layers by cuBLASLt 12.6.0", gpu.Kernels.Routines, StringComparison.Ordinal);
        Assert.Equal("Dense by cuBLASLt 12.6.0", gpu.Kernels.FrozenDense.Routine);
    }

    [Fact]
    public void Bias_and_training_forward_are_one_call_too()
    {
        emulator.Begin(nameof(Bias_and_training_forward_are_one_call_too));
        using var gpu = new EmulatedGpu();
        DevicePtr<float>[] blocks = [.. new[] { M * K, K * O, O, M * O }.Select((n, i) => New(gpu.Kernels.Memory, Numbers(n, i)))];
        gpu.Kernels.Dense.Forward(new DenseGeometry(M, K, O), blocks[0], blocks[1], blocks[2], blocks[3]);
        gpu.Context.Synchronize();
        Assert.Equal((1UL, 0UL), (emulator.Counter("cublaslt_calls"), emulator.Counter("launches")));
        Array.ForEach(blocks, b => gpu.Kernels.Memory.Free(b.Address));
    }

    [Theory]
    [InlineData(UnaryFormula.ReLU, ReluDropsNan)]
    [InlineData(UnaryFormula.GeluTanh, CoarseGelu)]
    public void An_activation_that_is_another_function_is_left_to_an_own_kernel_and_named(UnaryFormula activation, ulong quirk)
    {
        emulator.Begin($"{nameof(An_activation_that_is_another_function_is_left_to_an_own_kernel_and_named)} {activation}");
        emulator.Configure("lt_quirk", quirk);
        using var gpu = new EmulatedGpu();
        Same(Run(KernelSet.Reference, activation), Run(gpu.Kernels, activation));
        Assert.Equal(O, Run(gpu.Kernels, activation, spoiled: true).Count(float.IsNaN)); // a whole row
        Assert.EndsWith($"; dense layers by cuBLASLt 12.6.0, {activation} by an own kernel, as cuBLASLt's is not the same function", gpu.Kernels.Routines, StringComparison.Ordinal);
        Same(Run(KernelSet.Reference, UnaryFormula.Sigmoid), Run(gpu.Kernels, UnaryFormula.Sigmoid));
    }

    [Fact]
    public void A_NaN_stays_NaN_through_cublaslts_activation()
    {
        emulator.Begin(nameof(A_NaN_stays_NaN_through_cublaslts_activation));
        using var gpu = new EmulatedGpu();
        foreach (UnaryFormula activation in new[] { UnaryFormula.ReLU, UnaryFormula.GeluTanh })
            Assert.Equal(O, Run(gpu.Kernels, activation, spoiled: true).Count(float.IsNaN));
    }

    [Fact]
    public void What_cublaslt_has_no_algorithm_for_is_left_to_cublas_and_named()
    {
        emulator.Begin(nameof(What_cublaslt_has_no_algorithm_for_is_left_to_cublas_and_named));
        emulator.Configure("lt_quirk", TakesNothing);
        using var gpu = new EmulatedGpu();
        Same(Run(KernelSet.Reference, UnaryFormula.ReLU), Run(gpu.Kernels, UnaryFormula.ReLU));
        Assert.Contains("that it did not take by cuBLAS and own kernels, such as [8,8] x [8,8], CUBLASLT_EPILOGUE_RELU of CUDA_R_32F to CUDA_R_32F (no algorithm)", gpu.Kernels.Routines, StringComparison.Ordinal);
    }

    [Fact]
    public void Results_of_16_bits_are_the_same_by_whatever_algorithm_is_the_best()
    {
        emulator.BeginEmulated(nameof(Results_of_16_bits_are_the_same_by_whatever_algorithm_is_the_best), "it draws the order of algorithms, of which some add parts of a sum in 16 bits");
        List<ushort[]> results = [];
        for (ulong seed = 1; seed <= 8; seed++)
        {
            emulator.Seed = seed;
            using var gpu = new EmulatedGpu();
            NarrowKernels narrow = gpu.Kernels.In(ComputePrecision.BFloat16).Narrow;
            MemoryKernels memory = gpu.Kernels.Memory;
            DevicePtr<float>[] blocks = [.. new[] { M * K, K * O, O }.Select((n, i) => New(memory, Numbers(n, i)))];
            DevicePtr<ushort> x = new(memory.Allocate(M * K * 2)), w = new(memory.Allocate(K * O * 2)), y = new(memory.Allocate(M * O * 2));
            narrow.Round(blocks[0], x, M * K);
            narrow.Round(blocks[1], w, K * O);
            narrow.TrainedDense.Forward(new DenseGeometry(M, K, O), x, w, blocks[2], y);
            var values = new ushort[M * O];
            memory.Download(y, values.AsSpan());
            results.Add(values);
            foreach (nint block in new[] { blocks[0].Address, blocks[1].Address, blocks[2].Address, x.Address, w.Address, y.Address })
                memory.Free(block);
        }
        Assert.All(results, r => Assert.Equal(results[0], r));
    }

    [Fact]
    public void An_algorithm_that_refuses_gives_way_to_the_next()
    {
        emulator.Begin(nameof(An_algorithm_that_refuses_gives_way_to_the_next));
        using var gpu = new EmulatedGpu();
        emulator.Inject("cublaslt", 1, 15); // CUBLAS_STATUS_NOT_SUPPORTED
        Same(Run(KernelSet.Reference, null), Run(gpu.Kernels, null));
        Assert.EndsWith("; dense layers by cuBLASLt 12.6.0", gpu.Kernels.Routines, StringComparison.Ordinal);
    }

    [Fact]
    public void Work_that_fails_is_an_error_with_the_status_and_the_next_call_works()
    {
        emulator.Begin(nameof(Work_that_fails_is_an_error_with_the_status_and_the_next_call_works));
        using var gpu = new EmulatedGpu();
        emulator.Inject("cublaslt", 1, 13); // CUBLAS_STATUS_EXECUTION_FAILED
        DevicePtr<float>[] blocks = [.. new[] { M * K, K * O, O, M * O }.Select((n, i) => New(gpu.Kernels.Memory, Numbers(n, i)))];
        CudaException e = Assert.Throws<CudaException>(() => gpu.Kernels.Dense.Forward(new DenseGeometry(M, K, O), blocks[0], blocks[1], blocks[2], blocks[3]));
        Assert.Contains("CUBLAS_STATUS_EXECUTION_FAILED (13)", e.Message, StringComparison.Ordinal);
        Array.ForEach(blocks, b => gpu.Kernels.Memory.Free(b.Address));
        Same(Run(KernelSet.Reference, null), Run(gpu.Kernels, null));
    }

    [Fact]
    public void Without_cublaslt_cublas_and_own_kernels_give_the_same()
    {
        emulator.Begin(nameof(Without_cublaslt_cublas_and_own_kernels_give_the_same));
        emulator.Checked = true;
        using var gpu = new EmulatedGpu(usesCublasLt: false);
        foreach (UnaryFormula? activation in new UnaryFormula?[] { null, UnaryFormula.ReLU, UnaryFormula.GeluTanh })
            Same(Run(KernelSet.Reference, activation), Run(gpu.Kernels, activation));
        Assert.Equal(0UL, emulator.Counter("cublaslt_calls"));
        Assert.EndsWith("; dense layers by cuBLAS and own kernels, as GRAFT_CUDA_CUBLASLT=off says", gpu.Kernels.Routines, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_turns_it_off_and_another_word_is_refused()
    {
        Assert.True(CudaOptions.Read(_ => null).UsesCublasLt);
        Assert.False(CudaOptions.Read(n => n == "GRAFT_CUDA_CUBLASLT" ? "off" : null).UsesCublasLt);
        GraftException e = Assert.Throws<GraftException>(() => CudaOptions.Read(n => n == "GRAFT_CUDA_CUBLASLT" ? "no" : null));
        Assert.Equal("GRAFT_CUDA_CUBLASLT is 'no'; it takes on (the default) or off (dense layers by cuBLAS and own kernels).", e.Message);
    }

    private static void Same(float[] expected, float[] actual) => Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 1e-5));

    /// <summary>A frozen dense layer with bias and residual.</summary>
    private static float[] Run(KernelSet kernels, UnaryFormula? activation, bool spoiled = false)
    {
        float[] first = Numbers(M * K, 1);
        if (spoiled)
            first[K] = float.NaN;
        DevicePtr<float>[] blocks = [New(kernels.Memory, first), .. new[] { K * O, O, M * O, M * O }.Select((n, i) => New(kernels.Memory, Numbers(n, i + 2)))];
        var packed = new DevicePtr<float>(kernels.Memory.Allocate(kernels.FrozenDense.PackedSize(K, O) * sizeof(float)));
        kernels.FrozenDense.Pack(K, O, blocks[1], packed);
        kernels.FrozenDense.Run(new FrozenDenseGeometry(M, K, O, activation), blocks[0], packed, blocks[2], blocks[3], blocks[4]);
        float[] values = Read(kernels.Memory, blocks[4], M * O);
        foreach (DevicePtr<float> block in blocks.Append(packed))
            kernels.Memory.Free(block.Address);
        return values;
    }
}
