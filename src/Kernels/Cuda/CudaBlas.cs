using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>cuBLAS on the compute stream, for row-major matrices.</summary>
/// <remarks>
/// Made at the first product. float32 stays float32: TF32 is not allowed. The workspace is the engine's own, so that results are the same from run to
/// run and products can be captured.
/// </remarks>
internal sealed class CudaBlas(CudaContext context) : IDisposable
{
    // NVIDIA's recommendation: 32 MiB on Hopper and later, 4 MiB before.
    private const int Hopper = 90, LargeWorkspace = 32 << 20, SmallWorkspace = 4 << 20;

    private readonly Lock _lock = new(); // a handle is not for two threads at once
    private cublasHandle_t _handle;
    private CUstream _stream; // that the handle works on
    private nint _workspace;

    /// <summary>c [m,n] = beta c + op(a) op(b), row-major and dense; op(a) is [m,k], op(b) is [k,n].</summary>
    /// <param name="transposeA">True where a is stored as [k,m].</param>
    /// <param name="transposeB">True where b is stored as [n,k].</param>
    /// <param name="m">Rows of c.</param>
    /// <param name="n">Columns of c.</param>
    /// <param name="k">Products summed.</param>
    /// <param name="a">The first matrix.</param>
    /// <param name="b">The second matrix.</param>
    /// <param name="c">The result; not read where beta is 0.</param>
    /// <param name="beta">0 or 1.</param>
    public void Multiply(bool transposeA, bool transposeB, int m, int n, int k, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> c, float beta) =>
        Multiply(m, n, k, new CudaMatrices(a, transposeA ? m : k, transposeA), new CudaMatrices(b, transposeB ? k : n, transposeB), new CudaMatrices(c, n), beta);

    /// <summary>Products of matrices that lie in equal steps: c [m,n] = beta c + op(a) op(b) for each of <paramref name="count"/>. Matrices of c must not share elements.</summary>
    public void Multiply(int m, int n, int k, in CudaMatrices a, in CudaMatrices b, in CudaMatrices c, float beta, int count = 1)
    {
        if (m == 0 || n == 0 || count == 0)
            return;
        context.Use();
        if (k == 0)
        {
            if (beta == 0)
                Clear(m, n, c, count);
            return;
        }
        lock (_lock)
        {
            if (_handle == default)
                Start();
            if (_stream != context.Stream.Handle)
                Follow();
            // cuBLAS is column-major: it sees the transposes, and of those the product is b' a'. So the operands change places and nothing is moved.
            if (count == 1)
                Check.Ok(Cublas.cublasSgemm_v2(_handle, b.Operation, a.Operation, n, m, k, 1f, b.Data.Address, b.RowStride, a.Data.Address, a.RowStride, beta, c.Data.Address, c.RowStride));
            else
                Check.Ok(Cublas.cublasSgemmStridedBatched(_handle, b.Operation, a.Operation, n, m, k, 1f, b.Data.Address, b.RowStride, b.Step, a.Data.Address, a.RowStride, a.Step, beta, c.Data.Address, c.RowStride, c.Step, count));
        }
    }

    private int WorkspaceBytes => context.Info.Capability >= Hopper ? LargeWorkspace : SmallWorkspace;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_handle != default)
            Check.Ok(Cublas.cublasDestroy_v2(_handle));
        if (_workspace != 0)
            context.Memory.Free(_workspace);
        (_handle, _stream, _workspace) = (default, default, 0);
    }

    private void Start()
    {
        if (_workspace == 0)
            _workspace = context.Memory.AllocateApart(WorkspaceBytes);
        Check.Ok(Cublas.cublasCreate_v2(out cublasHandle_t handle));
        Check.Ok(Cublas.cublasSetMathMode(handle, cublasMath_t.CUBLAS_DEFAULT_MATH));
        _handle = handle;
    }

    /// <summary>To the stream of the context: another one while work is recorded. The workspace is set behind it, which resets it.</summary>
    private void Follow()
    {
        CUstream stream = context.Stream.Handle;
        Check.Ok(Cublas.cublasSetStream_v2(_handle, stream));
        Check.Ok(Cublas.cublasSetWorkspace_v2(_handle, _workspace, (nuint)WorkspaceBytes));
        _stream = stream;
    }

    /// <summary>Sums of nothing. Between rows that lie apart is what belongs to others.</summary>
    private void Clear(int m, int n, in CudaMatrices c, int count)
    {
        (int runs, long length) = c.RowStride == n ? (1, (long)m * n) : (m, n);
        for (long i = 0; i < (long)count * runs; i++)
        {
            DevicePtr<float> run = c.Data.At(i / runs * c.Step + i % runs * c.RowStride);
            Check.Ok(Driver.cuMemsetD32Async((ulong)run.Address, 0, (nuint)length, context.Stream.Handle));
        }
    }
}

/// <summary>Row-major matrices that lie in equal steps.</summary>
/// <param name="Data">The first.</param>
/// <param name="RowStride">Numbers from a row, as it is stored, to the next.</param>
/// <param name="Transposed">True where what is stored is the transpose of what is meant.</param>
/// <param name="Step">Numbers from a matrix to the next; 0: all are the same.</param>
internal readonly record struct CudaMatrices(DevicePtr<float> Data, int RowStride, bool Transposed = false, long Step = 0)
{
    /// <summary>As cuBLAS names it.</summary>
    public cublasOperation_t Operation => Transposed ? cublasOperation_t.CUBLAS_OP_T : cublasOperation_t.CUBLAS_OP_N;

    /// <summary>Their transposes.</summary>
    public CudaMatrices Turned => this with { Transposed = !Transposed };

    /// <summary>As they are stored, whatever is meant.</summary>
    public CudaMatrices Stored => this with { Transposed = false };
}
