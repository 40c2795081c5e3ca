using System.Runtime.InteropServices;
using Graft.Kernels.Cuda.Native;

namespace Graft.Bench.Gpu;

/// <summary>What of cuDNN 9 the ladder alone calls, as the engine has kernels of its own for it: pooling, softmax, batch normalisation. Handles and descriptors are bare addresses here.</summary>
internal static partial class CudnnCalls
{
    // The engine's resolver serves its own declarations alone.
    static CudnnCalls() => NativeLibrary.SetDllImportResolver(
        typeof(CudnnCalls).Assembly, (import, _, _) => import == NativeLibraries.Cudnn ? NativeLibraries.OfProcess[import].Handle : 0);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnCreatePoolingDescriptor(out nint poolingDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnDestroyPoolingDescriptor(nint poolingDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSetPooling2dDescriptor(
        nint poolingDesc, cudnnPoolingMode_t mode, cudnnNanPropagation_t maxpoolingNanOpt, int windowHeight, int windowWidth, int verticalPadding, int horizontalPadding,
        int verticalStride, int horizontalStride);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnPoolingForward(nint handle, nint poolingDesc, in float alpha, nint xDesc, nint x, in float beta, nint yDesc, nint y);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnPoolingBackward(
        nint handle, nint poolingDesc, in float alpha, nint yDesc, nint y, nint dyDesc, nint dy, nint xDesc, nint x, in float beta, nint dxDesc, nint dx);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSoftmaxForward(
        nint handle, cudnnSoftmaxAlgorithm_t algo, cudnnSoftmaxMode_t mode, in float alpha, nint xDesc, nint x, in float beta, nint yDesc, nint y);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSoftmaxBackward(
        nint handle, cudnnSoftmaxAlgorithm_t algo, cudnnSoftmaxMode_t mode, in float alpha, nint yDesc, nint y, nint dyDesc, nint dy, in float beta, nint dxDesc, nint dx);

    /// <summary>The sizes of scale, shift and statistics for those of x.</summary>
    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnDeriveBNTensorDescriptor(nint derivedBnDesc, nint xDesc, cudnnBatchNormMode_t mode);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnBatchNormalizationForwardTraining(
        nint handle, cudnnBatchNormMode_t mode, in float alpha, in float beta, nint xDesc, nint x, nint yDesc, nint y, nint bnScaleBiasMeanVarDesc, nint bnScale, nint bnBias,
        double exponentialAverageFactor, nint resultRunningMean, nint resultRunningVariance, double epsilon, nint resultSaveMean, nint resultSaveInvVariance);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnBatchNormalizationBackward(
        nint handle, cudnnBatchNormMode_t mode, in float alphaDataDiff, in float betaDataDiff, in float alphaParamDiff, in float betaParamDiff, nint xDesc, nint x, nint dyDesc, nint dy,
        nint dxDesc, nint dx, nint dBnScaleBiasDesc, nint bnScale, nint dBnScaleResult, nint dBnBiasResult, double epsilon, nint savedMean, nint savedInvVariance);
}

internal enum cudnnPoolingMode_t
{
    /// <summary>Divides by the pixels inside the image.</summary>
    CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING = 2,

    /// <summary>The gradient is the same from run to run.</summary>
    CUDNN_POOLING_MAX_DETERMINISTIC = 3,
}

internal enum cudnnSoftmaxAlgorithm_t
{
    /// <summary>Subtracts the largest number first.</summary>
    CUDNN_SOFTMAX_ACCURATE = 1,
}

internal enum cudnnSoftmaxMode_t
{
    /// <summary>Over all of an image: a row of a matrix is an image.</summary>
    CUDNN_SOFTMAX_MODE_INSTANCE = 0,
}

internal enum cudnnBatchNormMode_t
{
    /// <summary>One mean and variance a channel.</summary>
    CUDNN_BATCHNORM_SPATIAL = 1,

    /// <summary>The same by other kernels, which keep a channel's numbers on the chip where they fit.</summary>
    CUDNN_BATCHNORM_SPATIAL_PERSISTENT = 2,
}
