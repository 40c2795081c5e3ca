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
    internal static partial cublasStatus_t cublasGemmEx(
        cublasHandle_t handle, cublasOperation_t transA, cublasOperation_t transB, int m, int n, int k, in float alpha, nint a, cudaDataType typeA, int lda, nint b, cudaDataType typeB, int ldb,
        in float beta, nint c, cudaDataType typeC, int ldc, cublasComputeType_t computeType, cublasGemmAlgo_t algo);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial cublasStatus_t cublasGemmStridedBatchedEx(
        cublasHandle_t handle, cublasOperation_t transA, cublasOperation_t transB, int m, int n, int k, in float alpha, nint a, cudaDataType typeA, int lda, long strideA, nint b, cudaDataType typeB,
        int ldb, long strideB, in float beta, nint c, cudaDataType typeC, int ldc, long strideC, int batchCount, cublasComputeType_t computeType, cublasGemmAlgo_t algo);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial nint cublasGetStatusName(cublasStatus_t status);

    [LibraryImport(NativeLibraries.Cublas)]
    internal static partial nint cublasGetStatusString(cublasStatus_t status);
}

internal enum cublasStatus_t
{
    CUBLAS_STATUS_SUCCESS = 0,
    CUBLAS_STATUS_INVALID_VALUE = 7,
    CUBLAS_STATUS_NOT_SUPPORTED = 15,
}

internal enum cublasOperation_t
{
    CUBLAS_OP_N = 0,
    CUBLAS_OP_T = 1,
}

[Flags]
internal enum cublasMath_t
{
    /// <summary>Never TF32 for float32 data.</summary>
    CUBLAS_DEFAULT_MATH = 0,

    /// <summary>Parts of a sum that make numbers of 16 bits are added in float32 too.</summary>
    CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION = 16,
}

internal enum cudaDataType
{
    CUDA_R_32F = 0,
    CUDA_R_16F = 2,
    CUDA_R_16BF = 14,
}

internal enum cublasComputeType_t
{
    CUBLAS_COMPUTE_32F = 68,

    /// <summary>Factors of float32 are rounded to TF32.</summary>
    CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
}

internal enum cublasGemmAlgo_t
{
    CUBLAS_GEMM_DEFAULT = -1,
}
