using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>The emulated cuBLAS and cuBLASLt: right numbers for right calls, the real status and a reason for wrong ones.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class CublasTests(CudaEmulator emulator)
{
    private const int InvalidValue = 7, NotSupported = 15, Execution = 13, R32F = 0, R16F = 2, Compute32F = 68, Compute16F = 64;

    private static float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => (float)((i * 7 + seed * 3) % 11 - 5))];

    /// <summary>Row-major C = op(A) op(B), M x N of K, in double.</summary>
    private static float[] Product(float[] a, float[] b, int m, int n, int k, bool transA, bool transB)
    {
        var c = new float[m * n];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int x = 0; x < k; x++)
                    sum += (double)(transA ? a[x * m + i] : a[i * k + x]) * (transB ? b[j * k + x] : b[x * n + j]);
                c[i * n + j] = (float)sum;
            }
        }
        return c;
    }

    private static nint Create(EmulatedDevice device)
    {
        device.Ok(CuLib.cublasCreate_v2(out nint handle));
        return handle;
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Row_major_products_come_from_swapped_operands(bool transA, bool transB)
    {
        using var device = new EmulatedDevice(emulator);
        nint blas = Create(device);
        const int m = 3, n = 5, k = 4;
        float[] a = Numbers(m * k, 1), b = Numbers(k * n, 2);
        ulong da = device.Upload(a), db = device.Upload(b), dc = device.Upload(new float[m * n]);
        float alpha = 0.5f, beta = 1;
        int lda = transA ? m : k, ldb = transB ? k : n;
        device.Ok(CuLib.cublasSgemm_v2(blas, transB ? 1 : 0, transA ? 1 : 0, n, m, k, &alpha, db, ldb, da, lda, &beta, dc, n));
        Assert.Equal([.. Product(a, b, m, n, k, transA, transB).Select(v => v / 2)], device.Download(dc, m * n)); // small whole numbers: exact
        device.Ok(CuLib.cublasDestroy_v2(blas));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void Beta_zero_does_not_read_c_and_another_beta_wants_it_written()
    {
        using var device = new EmulatedDevice(emulator, isChecked: true);
        nint blas = Create(device);
        float one = 1, zero = 0;
        ulong a = device.Upload(2), b = device.Upload(3), c = device.Alloc(1), d = device.Alloc(1);
        device.Ok(CuLib.cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &one, a, 1, b, 1, &zero, c, 1));
        Assert.Equal([6f], device.Download(c, 1));
        emulator.AssertNoFindings();
        device.Ok(CuLib.cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &one, a, 1, b, 1, &one, d, 1));
        device.Ok(Cu.cuCtxSynchronize());
        Assert.Contains("C reads bytes that nothing has written", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cublasDestroy_v2(blas));
    }

    [Fact]
    public void Wrong_arguments_are_refused_with_the_reason()
    {
        using var device = new EmulatedDevice(emulator);
        nint blas = Create(device);
        float host = 1;
        ulong a = device.Upload(new float[6]), b = device.Upload(new float[6]), c = device.Upload(new float[4]), scalar = device.Upload(1);
        int Call(int lda = 2, int ldc = 2, ulong? first = null, void* alpha = null, int type = R32F, int compute = Compute32F)
        {
            float one = 1, zero = 0;
            int status = CuLib.cublasGemmEx(blas, 0, 0, 2, 2, 3, alpha == null ? &one : alpha, first ?? a, type, lda, b, type, 3, &zero, c, type, ldc, compute, -1);
            Assert.True(status == 0 || emulator.Findings.Count == 1, "one reason for one refusal");
            return status;
        }

        void Refused(int expected, string reason, int status)
        {
            Assert.Equal(expected, status);
            Assert.Contains(reason, device.Finding, StringComparison.Ordinal);
            emulator.ClearReports();
        }

        device.Ok(Call());
        Refused(InvalidValue, "the leading dimension of A is 1, but its columns have 2 rows", Call(lda: 1));
        Refused(InvalidValue, "matrix C of 2 x 2, ld 3", Call(ldc: 3));
        Refused(InvalidValue, "a host pointer?", Call(first: (ulong)&host));
        Refused(InvalidValue, "in host pointer mode it lies in host memory", Call(alpha: (void*)scalar));
        Refused(NotSupported, "no such combination", Call(compute: Compute16F));
        Refused(InvalidValue, "not aligned", Call(first: a + 2));
        device.Ok(CuLib.cublasDestroy_v2(blas));
        Refused(1, "was destroyed before", Call());
    }

    [Fact]
    public void Scalars_may_lie_on_the_device_if_the_handle_says_so()
    {
        using var device = new EmulatedDevice(emulator);
        nint blas = Create(device);
        ulong a = device.Upload(2), b = device.Upload(3), c = device.Upload(1), alpha = device.Upload(0.5f), beta = device.Upload(4);
        device.Ok(CuLib.cublasSetPointerMode_v2(blas, 1));
        device.Ok(CuLib.cublasSgemm_v2(blas, 0, 0, 1, 1, 1, (float*)alpha, a, 1, b, 1, (float*)beta, c, 1));
        Assert.Equal([7f], device.Download(c, 1));
        float host = 1;
        Assert.Equal(InvalidValue, CuLib.cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &host, a, 1, b, 1, (float*)beta, c, 1));
        Assert.Contains("alpha in device pointer mode", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cublasDestroy_v2(blas));
    }

    [Fact]
    public void Outputs_of_a_batch_that_overlap_are_refused_and_inputs_may_be_shared()
    {
        using var device = new EmulatedDevice(emulator);
        nint blas = Create(device);
        float one = 1, zero = 0;
        ulong a = device.Upload(2), b = device.Upload(1, 2, 3), c = device.Upload(new float[3]);
        device.Ok(CuLib.cublasGemmStridedBatchedEx(blas, 0, 0, 1, 1, 1, &one, a, R32F, 1, 0, b, R32F, 1, 1, &zero, c, R32F, 1, 1, 3, Compute32F, -1));
        Assert.Equal([2f, 4, 6], device.Download(c, 3));
        Assert.Equal(InvalidValue, CuLib.cublasGemmStridedBatchedEx(blas, 0, 0, 1, 1, 1, &one, a, R32F, 1, 0, b, R32F, 1, 1, &zero, c, R32F, 1, 0, 3, Compute32F, -1));
        Assert.Contains("the outputs of the batch overlap", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cublasDestroy_v2(blas));
    }

    [Fact]
    public void Tensor_core_math_rounds_inputs_to_ten_bits_and_only_if_asked()
    {
        using var device = new EmulatedDevice(emulator);
        nint blas = Create(device);
        float one = 1, zero = 0, fine = 1 + 1 / 4096f; // 12 bits behind the point
        ulong a = device.Upload(fine), b = device.Upload(1), c = device.Alloc(1);
        device.Ok(CuLib.cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &one, a, 1, b, 1, &zero, c, 1));
        Assert.Equal([fine], device.Download(c, 1));
        device.Ok(CuLib.cublasSetMathMode(blas, 3));
        device.Ok(CuLib.cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &one, a, 1, b, 1, &zero, c, 1));
        Assert.Equal([1f], device.Download(c, 1));
        device.Ok(CuLib.cublasDestroy_v2(blas));
    }

    [Fact]
    public void Half_precision_sums_lose_what_they_lose_on_hardware()
    {
        using var device = new EmulatedDevice(emulator);
        nint blas = Create(device);
        Half[] ones = [.. Enumerable.Repeat((Half)1, 4096)];
        ulong a = device.Alloc(2048), b = device.Alloc(2048), c = device.Alloc(1);
        fixed (Half* values = ones)
        {
            device.Ok(Cu.cuMemcpyHtoD_v2(a, values, 8192));
            device.Ok(Cu.cuMemcpyHtoD_v2(b, values, 8192));
        }
        Half result;
        float one = 1, zero = 0;
        device.Ok(CuLib.cublasGemmEx(blas, 1, 0, 1, 1, 4096, &one, a, R16F, 4096, b, R16F, 4096, &zero, c, R16F, 1, Compute32F, -1));
        device.Ok(Cu.cuMemcpyDtoH_v2(&result, c, 2));
        Assert.Equal(4096, (float)result);
        Half halfOne = (Half)1, halfZero = (Half)0;
        device.Ok(CuLib.cublasGemmEx(blas, 1, 0, 1, 1, 4096, &halfOne, a, R16F, 4096, b, R16F, 4096, &halfZero, c, R16F, 1, Compute16F, -1));
        device.Ok(Cu.cuMemcpyDtoH_v2(&result, c, 2));
        Assert.Equal(2048, (float)result); // 2048 + 1 is 2048 in half
        device.Ok(CuLib.cublasDestroy_v2(blas));
    }

    [Fact]
    public void Matrix_vector_products_and_sums_of_matrices_are_right()
    {
        using var device = new EmulatedDevice(emulator);
        nint blas = Create(device);
        float[] a = [1, 2, 3, 4, 5, 6]; // column-major 2 x 3
        ulong da = device.Upload(a), x = device.Upload(1, 10, 100), z = device.Upload(1, 10), y = device.Alloc(2), w = device.Alloc(3), t = device.Alloc(6);
        float one = 1, zero = 0;
        device.Ok(CuLib.cublasSgemv_v2(blas, 0, 2, 3, &one, da, 2, x, 1, &zero, y, 1));
        Assert.Equal([531f, 642], device.Download(y, 2));
        device.Ok(CuLib.cublasSgemv_v2(blas, 1, 2, 3, &one, da, 2, z, 1, &zero, w, 1));
        Assert.Equal([21f, 43, 65], device.Download(w, 3));
        device.Ok(CuLib.cublasSgeam(blas, 1, 0, 3, 2, &one, da, 2, &zero, da, 3, t, 3));
        Assert.Equal([1f, 3, 5, 2, 4, 6], device.Download(t, 6));
        device.Ok(CuLib.cublasDestroy_v2(blas));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void Setting_the_stream_resets_the_workspace_and_a_capture_without_one_is_found()
    {
        using var device = new EmulatedDevice(emulator);
        nint blas = Create(device), stream = device.NewStream();
        float one = 1, zero = 0;
        ulong a = device.Upload(2), b = device.Upload(3), c = device.Alloc(1), workspace = device.Alloc(256);
        device.Ok(CuLib.cublasSetWorkspace_v2(blas, workspace, 1024));
        device.Ok(CuLib.cublasSetStream_v2(blas, stream));
        device.Ok(Cu.cuStreamBeginCapture_v2(stream, 1));
        device.Ok(CuLib.cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &one, a, 1, b, 1, &zero, c, 1));
        device.Ok(Cu.cuStreamEndCapture(stream, out nint graph));
        device.Ok(Cu.cuGraphDestroy(graph));
        Assert.Contains("without a workspace of its own", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cublasDestroy_v2(blas));
    }

    [Fact]
    public void An_ordered_failure_of_a_product_is_answered_once()
    {
        using var device = new EmulatedDevice(emulator);
        nint blas = Create(device);
        float one = 1, zero = 0;
        ulong a = device.Upload(2), c = device.Alloc(1);
        emulator.Inject("cublas", 1, Execution);
        Assert.Equal(Execution, CuLib.cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &one, a, 1, a, 1, &zero, c, 1));
        device.Ok(CuLib.cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &one, a, 1, a, 1, &zero, c, 1));
        device.Ok(CuLib.cublasDestroy_v2(blas));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void The_heuristic_gives_algorithms_whose_workspace_and_alignment_must_be_kept()
    {
        using var device = new EmulatedDevice(emulator);
        const int m = 2, n = 3, k = 2, relu = 6;
        device.Ok(CuLib.cublasLtCreate(out nint lt));
        device.Ok(CuLib.cublasLtMatmulDescCreate(out nint desc, Compute32F, R32F));
        device.Ok(CuLib.cublasLtMatrixLayoutCreate(out nint layoutA, R32F, m, k, m));
        device.Ok(CuLib.cublasLtMatrixLayoutCreate(out nint layoutB, R32F, k, n, k));
        device.Ok(CuLib.cublasLtMatrixLayoutCreate(out nint layoutC, R32F, m, n, m));
        device.Ok(CuLib.cublasLtMatmulPreferenceCreate(out nint preference));
        ulong a = device.Upload(1, 0, 0, 1), b = device.Upload(1, -2, 3, -4, 5, -6), c = device.Alloc(m * n), bias = device.Upload(10, 1), workspace = device.Alloc(32 * 1024);
        int epilogue = relu;
        ulong most = 128 * 1024;
        device.Ok(CuLib.cublasLtMatmulDescSetAttribute(desc, 7, &epilogue, 4));
        device.Ok(CuLib.cublasLtMatmulDescSetAttribute(desc, 8, &bias, 8));
        Assert.Equal(InvalidValue, CuLib.cublasLtMatmulDescSetAttribute(desc, 8, &bias, 4));
        Assert.Contains("attribute 8 takes 8 bytes, got 4", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cublasLtMatmulPreferenceSetAttribute(preference, 1, &most, 8));
        byte* results = stackalloc byte[8 * 96];
        device.Ok(CuLib.cublasLtMatmulAlgoGetHeuristic(lt, desc, layoutA, layoutB, layoutC, layoutC, preference, 8, results, out int found));
        Assert.Equal(5, found);
        float one = 1, zero = 0;
        for (int i = 0; i < found; i++)
        {
            byte* algorithm = results + i * 96;
            nuint needed = *(nuint*)(algorithm + 64);
            device.Ok(CuLib.cublasLtMatmul(lt, desc, &one, a, layoutA, b, layoutB, &zero, c, layoutC, c, layoutC, algorithm, workspace, needed, 0));
            Assert.Equal([11f, 0, 13, 0, 15, 0], device.Download(c, m * n)); // bias by row, then ReLU
            if (needed == 0)
                continue;
            Assert.Equal(InvalidValue, CuLib.cublasLtMatmul(lt, desc, &one, a, layoutA, b, layoutB, &zero, c, layoutC, c, layoutC, algorithm, workspace, needed - 1, 0));
            Assert.Contains($"the algorithm needs {needed}", device.Finding, StringComparison.Ordinal);
            emulator.ClearReports();
        }
        device.Ok(CuLib.cublasLtMatmulPreferenceDestroy(preference));
        foreach (nint layout in new[] { layoutA, layoutB, layoutC })
            device.Ok(CuLib.cublasLtMatrixLayoutDestroy(layout));
        device.Ok(CuLib.cublasLtMatmulDescDestroy(desc));
        device.Ok(CuLib.cublasLtDestroy(lt));
        emulator.AssertNoFindings();
    }
}
