using System.Globalization;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>What cuBLASLt chooses algorithms by: types, sizes of x [M,K] and w [K,O], what follows the product, alignment of the addresses, and whether w lies as [O,K].</summary>
internal readonly record struct LtGeometry(GemmTypes Types, int M, int K, int O, cublasLtEpilogue_t Epilogue, int Alignment, bool IsTurned);

/// <summary>
/// Descriptors of one dense layer, and the algorithms that cuBLASLt's heuristic names, the best first. One that refuses when it is called is struck off, and the next one tried.
/// </summary>
internal sealed unsafe class LtMatmul : IDisposable
{
    private const int MostAlgorithms = 8;

    private static readonly cublasLtMatmulPreferenceAttributes_t[] s_alignments =
    [
        cublasLtMatmulPreferenceAttributes_t.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, cublasLtMatmulPreferenceAttributes_t.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        cublasLtMatmulPreferenceAttributes_t.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, cublasLtMatmulPreferenceAttributes_t.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
    ];

    private readonly CudaContext _context;
    private readonly cublasLtHandle_t _handle;
    private readonly LtGeometry _g;
    private readonly cublasLtMatmulDesc_t _product;
    private readonly cublasLtMatrixLayout_t _w, _x, _y;
    private Queue<cublasLtMatmulHeuristicResult>? _algorithms;
    private string _reason = "no algorithm"; // of the last refusal

    public LtMatmul(CudaContext context, cublasLtHandle_t handle, in LtGeometry g)
    {
        (_context, _handle, _g) = (context, handle, g);
        try
        {
            Check.Ok(CublasLt.cublasLtMatmulDescCreate(out _product, g.Types.Compute, cudaDataType.CUDA_R_32F));
            Set(cublasLtMatmulDescAttributes_t.CUBLASLT_MATMUL_DESC_EPILOGUE, g.Epilogue);
            Set(cublasLtMatmulDescAttributes_t.CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, g.Types.Output);
            // Column-major, it sees the transposes: y' [O,M] = w' [O,K] x' [K,M]. A bias is one number a row of that.
            if (g.IsTurned)
                Set(cublasLtMatmulDescAttributes_t.CUBLASLT_MATMUL_DESC_TRANSA, cublasOperation_t.CUBLAS_OP_T);
            Check.Ok(g.IsTurned
                ? CublasLt.cublasLtMatrixLayoutCreate(out _w, g.Types.Factors, (ulong)g.K, (ulong)g.O, g.K)
                : CublasLt.cublasLtMatrixLayoutCreate(out _w, g.Types.Factors, (ulong)g.O, (ulong)g.K, g.O));
            Check.Ok(CublasLt.cublasLtMatrixLayoutCreate(out _x, g.Types.Factors, (ulong)g.K, (ulong)g.M, g.K));
            Check.Ok(CublasLt.cublasLtMatrixLayoutCreate(out _y, g.Types.Output, (ulong)g.O, (ulong)g.M, g.O));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What was not taken, with the reason; null where it was, or was not asked for yet.</summary>
    public string? Refusal => _algorithms is not { Count: 0 } ? null
        : string.Create(CultureInfo.InvariantCulture, $"[{_g.M},{_g.K}] x [{_g.K},{_g.O}], {_g.Epilogue} of {_g.Types.Factors} to {_g.Types.Output} ({_reason})");

    /// <summary>Parts of a sum are added as float32, and not where the result lies: in 16 bits each would be rounded by itself, and once more with every addition.</summary>
    private cublasLtReductionScheme_t Reductions => _g.Types.Output == cudaDataType.CUDA_R_32F
        ? cublasLtReductionScheme_t.CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE | cublasLtReductionScheme_t.CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE
        : cublasLtReductionScheme_t.CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;

    /// <summary>Runs the best algorithm that takes it.</summary>
    /// <returns>False where none does.</returns>
    public bool Run(in LtOperands o, nint workspace)
    {
        if (o.Bias != 0)
            Set(cublasLtMatmulDescAttributes_t.CUBLASLT_MATMUL_DESC_BIAS_POINTER, o.Bias);
        _algorithms ??= List();
        while (_algorithms.TryPeek(out cublasLtMatmulHeuristicResult best))
        {
            (nint c, float beta) = o.Residual == 0 ? (o.Y, 0f) : (o.Residual, 1f);
            cublasStatus_t status = CublasLt.cublasLtMatmul(_handle, _product, 1f, o.W, _w, o.X, _x, beta, c, _y, o.Y, _y, &best, workspace, best.WorkspaceSize, _context.Stream.Handle);
            if (status == cublasStatus_t.CUBLAS_STATUS_SUCCESS)
                return true;
            if (!IsRefusal(status))
                Check.Ok(status, string.Create(CultureInfo.InvariantCulture, $"cublasLtMatmul, {_g}"));
            _algorithms.Dequeue();
            _reason = Name(status);
        }
        return false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (cublasLtMatrixLayout_t layout in (ReadOnlySpan<cublasLtMatrixLayout_t>)[_w, _x, _y])
        {
            if (layout != default)
                Check.Ok(CublasLt.cublasLtMatrixLayoutDestroy(layout));
        }
        if (_product != default)
            Check.Ok(CublasLt.cublasLtMatmulDescDestroy(_product));
    }

    /// <summary>Before any work: another algorithm, or cuBLAS, may do. Failed work is none.</summary>
    private static bool IsRefusal(cublasStatus_t status) => status is cublasStatus_t.CUBLAS_STATUS_INVALID_VALUE or cublasStatus_t.CUBLAS_STATUS_NOT_SUPPORTED;

    private static string Name(cublasStatus_t status) => string.Create(CultureInfo.InvariantCulture, $"{Check.Text(Cublas.cublasGetStatusName(status))} ({(int)status})");

    private Queue<cublasLtMatmulHeuristicResult> List()
    {
        var algorithms = new Queue<cublasLtMatmulHeuristicResult>();
        Check.Ok(CublasLt.cublasLtMatmulPreferenceCreate(out cublasLtMatmulPreference_t preference));
        try
        {
            Set(preference, cublasLtMatmulPreferenceAttributes_t.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, (ulong)CudaBlasLt.Workspace);
            Set(preference, cublasLtMatmulPreferenceAttributes_t.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, Reductions);
            foreach (cublasLtMatmulPreferenceAttributes_t operand in s_alignments)
                Set(preference, operand, _g.Alignment);
            cublasLtMatmulHeuristicResult* all = stackalloc cublasLtMatmulHeuristicResult[MostAlgorithms];
            cublasStatus_t status = CublasLt.cublasLtMatmulAlgoGetHeuristic(_handle, _product, _w, _x, _y, _y, preference, MostAlgorithms, all, out int count);
            if (status != cublasStatus_t.CUBLAS_STATUS_SUCCESS && !IsRefusal(status))
                Check.Ok(status, string.Create(CultureInfo.InvariantCulture, $"cuBLASLt's algorithms for {_g}"));
            if (status != cublasStatus_t.CUBLAS_STATUS_SUCCESS)
                _reason = Name(status);
            for (int i = 0; status == cublasStatus_t.CUBLAS_STATUS_SUCCESS && i < count; i++)
            {
                if (all[i].State == cublasStatus_t.CUBLAS_STATUS_SUCCESS)
                    algorithms.Enqueue(all[i]);
            }
            return algorithms;
        }
        finally
        {
            Check.Ok(CublasLt.cublasLtMatmulPreferenceDestroy(preference));
        }
    }

    private void Set<T>(cublasLtMatmulDescAttributes_t attribute, T value)
        where T : unmanaged => Check.Ok(CublasLt.cublasLtMatmulDescSetAttribute(_product, attribute, &value, (nuint)sizeof(T)));

    private static void Set<T>(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute, T value)
        where T : unmanaged => Check.Ok(CublasLt.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, (nuint)sizeof(T)));
}
