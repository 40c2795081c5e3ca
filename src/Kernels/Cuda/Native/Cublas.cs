using System.Runtime.InteropServices;

namespace Graft.Kernels.Cuda.Native;

/// <summary>cuBLAS: products of matrices, column-major.</summary>
internal static unsafe partial class Cublas
{
    static Cublas() => NativeLibraries.Register();

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial cublasStatus_t cublasCreate_v2(out cublasHandle_t handle);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial cublasStatus_t cublasDestroy_v2(cublasHandle_t handle);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, out int version);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, CUstream stream);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, nint workspace, nuint bytes);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial cublasStatus_t cublasSgemm_v2(
        cublasHandle_t handle, cublasOperation_t transA, cublasOperation_t transB, int m, int n, int k, in float alpha, nint a, int lda, nint b, int ldb, in float beta, nint c, int ldc);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial cublasStatus_t cublasSgemmStridedBatched(
        cublasHandle_t handle, cublasOperation_t transA, cublasOperation_t transB, int m, int n, int k, in float alpha, nint a, int lda, long strideA, nint b, int ldb, long strideB,
        in float beta, nint c, int ldc, long strideC, int batchCount);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial nint cublasGetStatusName(cublasStatus_t status);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial nint cublasGetStatusString(cublasStatus_t status);
}

internal enum cublasStatus_t
{
    CUBLAS_STATUS_SUCCESS = 0,
}

internal enum cublasOperation_t
{
    CUBLAS_OP_N = 0,
    CUBLAS_OP_T = 1,
}

internal enum cublasMath_t
{
    /// <summary>Never TF32 for float32 data.</summary>
    CUBLAS_DEFAULT_MATH = 0,
}
