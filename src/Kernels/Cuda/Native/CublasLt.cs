using System.Runtime.InteropServices;

namespace Graft.Kernels.Cuda.Native;

/// <summary>cuBLASLt: products of matrices, column-major, with what follows them in the same kernel.</summary>
internal static unsafe partial class CublasLt
{
    static CublasLt() => NativeLibraries.Register();

    /// <summary>120600 for 12.6.0.</summary>
    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial nuint cublasLtGetVersion();

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtCreate(out cublasLtHandle_t lightHandle);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtDestroy(cublasLtHandle_t lightHandle);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatmulDescCreate(out cublasLtMatmulDesc_t matmulDesc, cublasComputeType_t computeType, cudaDataType scaleType);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t matmulDesc);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t matmulDesc, cublasLtMatmulDescAttributes_t attr, void* buf, nuint sizeInBytes);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatrixLayoutCreate(out cublasLtMatrixLayout_t matLayout, cudaDataType type, ulong rows, ulong cols, long ld);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t matLayout);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatmulPreferenceCreate(out cublasLtMatmulPreference_t pref);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t pref);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t pref, cublasLtMatmulPreferenceAttributes_t attr, void* buf, nuint sizeInBytes);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
        cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t operationDesc, cublasLtMatrixLayout_t aDesc, cublasLtMatrixLayout_t bDesc, cublasLtMatrixLayout_t cDesc, cublasLtMatrixLayout_t dDesc,
        cublasLtMatmulPreference_t preference, int requestedAlgoCount, cublasLtMatmulHeuristicResult* heuristicResultsArray, out int returnAlgoCount);

    [LibraryImport(NativeLibraries.CublasLt)]
    internal static partial cublasStatus_t cublasLtMatmul(
        cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t computeDesc, in float alpha, nint a, cublasLtMatrixLayout_t aDesc, nint b, cublasLtMatrixLayout_t bDesc, in float beta, nint c,
        cublasLtMatrixLayout_t cDesc, nint d, cublasLtMatrixLayout_t dDesc, cublasLtMatmulHeuristicResult* algo, nint workspace, nuint workspaceSizeInBytes, CUstream stream);
}

/// <summary>cublasLtMatmulHeuristicResult_t: 96 bytes, of which the first 64 are the algorithm, so that its address is the algorithm's.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct cublasLtMatmulHeuristicResult
{
    private fixed ulong _algo[8];
    public nuint WorkspaceSize;
    public cublasStatus_t State;
    public float WavesCount;
    private fixed int _reserved[4];
}

internal enum cublasLtMatmulDescAttributes_t
{
    CUBLASLT_MATMUL_DESC_TRANSA = 3,
    CUBLASLT_MATMUL_DESC_EPILOGUE = 7,
    CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8,
    CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE = 26,
}

internal enum cublasLtMatmulPreferenceAttributes_t
{
    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
    CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8,
}

/// <summary>How the parts of a sum that was split over blocks are added; without a split there is nothing to add.</summary>
[Flags]
internal enum cublasLtReductionScheme_t
{
    /// <summary>As float32, in the workspace.</summary>
    CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2,

    /// <summary>In the type of the result, in the workspace.</summary>
    CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE = 4,
}

[Flags]
internal enum cublasLtEpilogue_t
{
    CUBLASLT_EPILOGUE_DEFAULT = 1,
    CUBLASLT_EPILOGUE_RELU = 2,
    CUBLASLT_EPILOGUE_BIAS = 4,

    /// <summary>By its tanh form.</summary>
    CUBLASLT_EPILOGUE_GELU = 32,
}
