using System.Runtime.InteropServices;

namespace Graft.Tests.CudaEmulator;

/// <summary>cuBLAS, cuBLASLt and cuDNN as the emulator's own tests call them.</summary>
internal static unsafe partial class CuLib
{
    private const string Blas = "libcublas.so.12";
    private const string Lt = "libcublasLt.so.12";
    private const string Dnn = "libcudnn.so.9";

    [LibraryImport(Blas)] internal static partial int cublasCreate_v2(out nint handle);
    [LibraryImport(Blas)] internal static partial int cublasDestroy_v2(nint handle);
    [LibraryImport(Blas)] internal static partial int cublasSetStream_v2(nint handle, nint stream);
    [LibraryImport(Blas)] internal static partial int cublasSetWorkspace_v2(nint handle, ulong workspace, nuint bytes);
    [LibraryImport(Blas)] internal static partial int cublasSetPointerMode_v2(nint handle, int mode);
    [LibraryImport(Blas)] internal static partial int cublasSetMathMode(nint handle, int mode);
    [LibraryImport(Blas)]
    internal static partial int cublasSgemm_v2(nint handle, int transA, int transB, int m, int n, int k, float* alpha, ulong a, int lda, ulong b, int ldb, float* beta, ulong c, int ldc);
    [LibraryImport(Blas)]
    internal static partial int cublasGemmEx(nint handle, int transA, int transB, int m, int n, int k, void* alpha, ulong a, int typeA, int lda, ulong b, int typeB, int ldb, void* beta,
        ulong c, int typeC, int ldc, int compute, int algorithm);
    [LibraryImport(Blas)]
    internal static partial int cublasGemmStridedBatchedEx(nint handle, int transA, int transB, int m, int n, int k, void* alpha, ulong a, int typeA, int lda, long strideA, ulong b,
        int typeB, int ldb, long strideB, void* beta, ulong c, int typeC, int ldc, long strideC, int batch, int compute, int algorithm);
    [LibraryImport(Blas)]
    internal static partial int cublasSgemv_v2(nint handle, int trans, int m, int n, float* alpha, ulong a, int lda, ulong x, int incX, float* beta, ulong y, int incY);
    [LibraryImport(Blas)]
    internal static partial int cublasSgeam(nint handle, int transA, int transB, int m, int n, float* alpha, ulong a, int lda, float* beta, ulong b, int ldb, ulong c, int ldc);

    [LibraryImport(Lt)] internal static partial int cublasLtCreate(out nint handle);
    [LibraryImport(Lt)] internal static partial int cublasLtDestroy(nint handle);
    [LibraryImport(Lt)] internal static partial int cublasLtMatmulDescCreate(out nint desc, int compute, int scale);
    [LibraryImport(Lt)] internal static partial int cublasLtMatmulDescDestroy(nint desc);
    [LibraryImport(Lt)] internal static partial int cublasLtMatmulDescSetAttribute(nint desc, int attribute, void* value, nuint size);
    [LibraryImport(Lt)] internal static partial int cublasLtMatrixLayoutCreate(out nint layout, int type, ulong rows, ulong columns, long ld);
    [LibraryImport(Lt)] internal static partial int cublasLtMatrixLayoutDestroy(nint layout);
    [LibraryImport(Lt)] internal static partial int cublasLtMatmulPreferenceCreate(out nint preference);
    [LibraryImport(Lt)] internal static partial int cublasLtMatmulPreferenceDestroy(nint preference);
    [LibraryImport(Lt)] internal static partial int cublasLtMatmulPreferenceSetAttribute(nint preference, int attribute, void* value, nuint size);
    [LibraryImport(Lt)]
    internal static partial int cublasLtMatmulAlgoGetHeuristic(nint handle, nint desc, nint a, nint b, nint c, nint d, nint preference, int wanted, void* results, out int found);
    [LibraryImport(Lt)]
    internal static partial int cublasLtMatmul(nint handle, nint desc, float* alpha, ulong a, nint layoutA, ulong b, nint layoutB, float* beta, ulong c, nint layoutC, ulong d, nint layoutD,
        void* algorithm, ulong workspace, nuint bytes, nint stream);

    [LibraryImport(Dnn)] internal static partial int cudnnCreate(out nint handle);
    [LibraryImport(Dnn)] internal static partial int cudnnDestroy(nint handle);
    [LibraryImport(Dnn)] internal static partial int cudnnSetStream(nint handle, nint stream);
    [LibraryImport(Dnn)] internal static partial int cudnnCreateTensorDescriptor(out nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnDestroyTensorDescriptor(nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnSetTensor4dDescriptor(nint desc, int format, int type, int n, int c, int h, int w);
    [LibraryImport(Dnn)] internal static partial int cudnnCreateFilterDescriptor(out nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnDestroyFilterDescriptor(nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnSetFilter4dDescriptor(nint desc, int type, int format, int k, int c, int r, int s);
    [LibraryImport(Dnn)] internal static partial int cudnnCreateConvolutionDescriptor(out nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnDestroyConvolutionDescriptor(nint desc);
    [LibraryImport(Dnn)]
    internal static partial int cudnnSetConvolution2dDescriptor(nint desc, int padH, int padW, int strideH, int strideW, int dilationH, int dilationW, int mode, int compute);
    [LibraryImport(Dnn)] internal static partial int cudnnSetConvolutionMathType(nint desc, int math);
    [LibraryImport(Dnn)] internal static partial int cudnnSetConvolutionGroupCount(nint desc, int groups);
    [LibraryImport(Dnn)]
    internal static partial int cudnnGetConvolutionForwardWorkspaceSize(nint handle, nint x, nint filter, nint convolution, nint y, int algorithm, out nuint bytes);
    [LibraryImport(Dnn)]
    internal static partial int cudnnGetConvolutionForwardAlgorithm_v7(nint handle, nint x, nint filter, nint convolution, nint y, int wanted, out int given, void* results);
    [LibraryImport(Dnn)]
    internal static partial int cudnnConvolutionForward(nint handle, float* alpha, nint xDesc, ulong x, nint filterDesc, ulong filter, nint convolution, int algorithm, ulong workspace,
        nuint bytes, float* beta, nint yDesc, ulong y);
    [LibraryImport(Dnn)]
    internal static partial int cudnnConvolutionBackwardData(nint handle, float* alpha, nint filterDesc, ulong filter, nint dyDesc, ulong dy, nint convolution, int algorithm, ulong workspace,
        nuint bytes, float* beta, nint dxDesc, ulong dx);
    [LibraryImport(Dnn)]
    internal static partial int cudnnConvolutionBackwardFilter(nint handle, float* alpha, nint xDesc, ulong x, nint dyDesc, ulong dy, nint convolution, int algorithm, ulong workspace,
        nuint bytes, float* beta, nint filterDesc, ulong dw);
    [LibraryImport(Dnn)] internal static partial int cudnnCreatePoolingDescriptor(out nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnDestroyPoolingDescriptor(nint desc);
    [LibraryImport(Dnn)]
    internal static partial int cudnnSetPooling2dDescriptor(nint desc, int mode, int nan, int windowH, int windowW, int padH, int padW, int strideH, int strideW);
    [LibraryImport(Dnn)]
    internal static partial int cudnnPoolingForward(nint handle, nint pooling, float* alpha, nint xDesc, ulong x, float* beta, nint yDesc, ulong y);
    [LibraryImport(Dnn)]
    internal static partial int cudnnPoolingBackward(nint handle, nint pooling, float* alpha, nint yDesc, ulong y, nint dyDesc, ulong dy, nint xDesc, ulong x, float* beta, nint dxDesc,
        ulong dx);
    [LibraryImport(Dnn)]
    internal static partial int cudnnSoftmaxForward(nint handle, int algorithm, int mode, float* alpha, nint xDesc, ulong x, float* beta, nint yDesc, ulong y);
    [LibraryImport(Dnn)]
    internal static partial int cudnnBatchNormalizationForwardTraining(nint handle, int mode, float* alpha, float* beta, nint xDesc, ulong x, nint yDesc, ulong y, nint statistics,
        ulong scale, ulong bias, double factor, ulong runningMean, ulong runningVariance, double epsilon, ulong savedMean, ulong savedInverse);
    [LibraryImport(Dnn)]
    internal static partial int cudnnBatchNormalizationBackward(nint handle, int mode, float* alphaData, float* betaData, float* alphaParameter, float* betaParameter, nint xDesc, ulong x,
        nint dyDesc, ulong dy, nint dxDesc, ulong dx, nint statistics, ulong scale, ulong dScale, ulong dBias, double epsilon, ulong savedMean, ulong savedInverse);
    [LibraryImport(Dnn)] internal static partial int cudnnDeriveBNTensorDescriptor(nint derived, nint x, int mode);
    [LibraryImport(Dnn)] internal static partial int cudnnAddTensor(nint handle, float* alpha, nint aDesc, ulong a, float* beta, nint cDesc, ulong c);
    [LibraryImport(Dnn)] internal static partial int cudnnConvolutionBackwardBias(nint handle, float* alpha, nint dyDesc, ulong dy, float* beta, nint dbDesc, ulong db);
    [LibraryImport(Dnn)]
    internal static partial int cudnnConvolutionBiasActivationForward(nint handle, float* alpha1, nint xDesc, ulong x, nint filterDesc, ulong filter, nint convolution, int algorithm,
        ulong workspace, nuint bytes, float* alpha2, nint zDesc, ulong z, nint biasDesc, ulong bias, nint activation, nint yDesc, ulong y);
    [LibraryImport(Dnn)]
    internal static partial int cudnnFindConvolutionForwardAlgorithmEx(nint handle, nint xDesc, ulong x, nint filterDesc, ulong filter, nint convolution, nint yDesc, ulong y, int wanted,
        out int given, void* results, ulong workspace, nuint bytes);
    [LibraryImport(Dnn)] internal static partial int cudnnCreateActivationDescriptor(out nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnDestroyActivationDescriptor(nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnSetActivationDescriptor(nint desc, int mode, int nan, double coefficient);
    [LibraryImport(Dnn)]
    internal static partial int cudnnActivationForward(nint handle, nint activation, float* alpha, nint xDesc, ulong x, float* beta, nint yDesc, ulong y);
    [LibraryImport(Dnn)]
    internal static partial int cudnnActivationBackward(nint handle, nint activation, float* alpha, nint yDesc, ulong y, nint dyDesc, ulong dy, nint xDesc, ulong x, float* beta,
        nint dxDesc, ulong dx);
    [LibraryImport(Dnn)]
    internal static partial int cudnnSoftmaxBackward(nint handle, int algorithm, int mode, float* alpha, nint yDesc, ulong y, nint dyDesc, ulong dy, float* beta, nint dxDesc, ulong dx);
    [LibraryImport(Dnn)]
    internal static partial int cudnnBatchNormalizationForwardInference(nint handle, int mode, float* alpha, float* beta, nint xDesc, ulong x, nint yDesc, ulong y, nint statistics,
        ulong scale, ulong bias, ulong mean, ulong variance, double epsilon);
    [LibraryImport(Dnn)] internal static partial int cudnnCreateDropoutDescriptor(out nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnDestroyDropoutDescriptor(nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnDropoutGetStatesSize(nint handle, out nuint bytes);
    [LibraryImport(Dnn)] internal static partial int cudnnDropoutGetReserveSpaceSize(nint x, out nuint bytes);
    [LibraryImport(Dnn)] internal static partial int cudnnSetDropoutDescriptor(nint desc, nint handle, float rate, ulong states, nuint bytes, ulong seed);
    [LibraryImport(Dnn)]
    internal static partial int cudnnDropoutForward(nint handle, nint dropout, nint xDesc, ulong x, nint yDesc, ulong y, ulong reserve, nuint bytes);
    [LibraryImport(Dnn)]
    internal static partial int cudnnDropoutBackward(nint handle, nint dropout, nint dyDesc, ulong dy, nint dxDesc, ulong dx, ulong reserve, nuint bytes);
    [LibraryImport(Dnn)] internal static partial int cudnnCreateOpTensorDescriptor(out nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnDestroyOpTensorDescriptor(nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnSetOpTensorDescriptor(nint desc, int op, int compute, int nan);
    [LibraryImport(Dnn)]
    internal static partial int cudnnOpTensor(nint handle, nint op, float* alpha1, nint aDesc, ulong a, float* alpha2, nint bDesc, ulong b, float* beta, nint cDesc, ulong c);
    [LibraryImport(Dnn)] internal static partial int cudnnCreateReduceTensorDescriptor(out nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnDestroyReduceTensorDescriptor(nint desc);
    [LibraryImport(Dnn)] internal static partial int cudnnSetReduceTensorDescriptor(nint desc, int op, int compute, int nan, int indices, int indexType);
    [LibraryImport(Dnn)] internal static partial int cudnnGetReductionWorkspaceSize(nint handle, nint reduce, nint a, nint c, out nuint bytes);
    [LibraryImport(Dnn)]
    internal static partial int cudnnReduceTensor(nint handle, nint reduce, ulong indices, nuint indexBytes, ulong workspace, nuint bytes, float* alpha, nint aDesc, ulong a, float* beta,
        nint cDesc, ulong c);
}
