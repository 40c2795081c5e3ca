using System.Runtime.InteropServices;

namespace Graft.Kernels.Cuda.Native;

/// <summary>cuDNN 9: convolutions. Its status codes are those of 9: 8 has others and is refused before any call.</summary>
internal static unsafe partial class Cudnn
{
    static Cudnn() => NativeLibraries.Register();

    /// <summary>90600 for 9.6.0.</summary>
    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial nuint cudnnGetVersion();

    /// <summary>The CUDA version that it was built for: 12060 for 12.6.</summary>
    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial nuint cudnnGetCudartVersion();

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnCreate(out cudnnHandle_t handle);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnDestroy(cudnnHandle_t handle);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, CUstream stream);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial nint cudnnGetErrorString(cudnnStatus_t status);

    /// <summary>New in 9: what went wrong in words.</summary>
    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial void cudnnGetLastErrorString(byte* message, nuint size);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnCreateTensorDescriptor(out cudnnTensorDescriptor_t tensorDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensorDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSetTensor4dDescriptor(
        cudnnTensorDescriptor_t tensorDesc, cudnnTensorFormat_t format, cudnnDataType_t dataType, int n, int c, int h, int w);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnCreateFilterDescriptor(out cudnnFilterDescriptor_t filterDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filterDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSetFilter4dDescriptor(
        cudnnFilterDescriptor_t filterDesc, cudnnDataType_t dataType, cudnnTensorFormat_t format, int k, int c, int h, int w);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnCreateConvolutionDescriptor(out cudnnConvolutionDescriptor_t convDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t convDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSetConvolution2dDescriptor(
        cudnnConvolutionDescriptor_t convDesc, int padH, int padW, int u, int v, int dilationH, int dilationW, cudnnConvolutionMode_t mode, cudnnDataType_t computeType);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t convDesc, int groupCount);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convDesc, cudnnMathType_t mathType);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnCreateActivationDescriptor(out cudnnActivationDescriptor_t activationDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnDestroyActivationDescriptor(cudnnActivationDescriptor_t activationDesc);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnSetActivationDescriptor(
        cudnnActivationDescriptor_t activationDesc, cudnnActivationMode_t mode, cudnnNanPropagation_t reluNanOpt, double coef);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(
        cudnnHandle_t handle, cudnnTensorDescriptor_t srcDesc, cudnnFilterDescriptor_t filterDesc, cudnnConvolutionDescriptor_t convDesc, cudnnTensorDescriptor_t destDesc,
        int requestedAlgoCount, out int returnedAlgoCount, cudnnConvolutionAlgoPerf* perfResults);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(
        cudnnHandle_t handle, cudnnFilterDescriptor_t filterDesc, cudnnTensorDescriptor_t diffDesc, cudnnConvolutionDescriptor_t convDesc, cudnnTensorDescriptor_t gradDesc,
        int requestedAlgoCount, out int returnedAlgoCount, cudnnConvolutionAlgoPerf* perfResults);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(
        cudnnHandle_t handle, cudnnTensorDescriptor_t srcDesc, cudnnTensorDescriptor_t diffDesc, cudnnConvolutionDescriptor_t convDesc, cudnnFilterDescriptor_t gradDesc,
        int requestedAlgoCount, out int returnedAlgoCount, cudnnConvolutionAlgoPerf* perfResults);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(
        cudnnHandle_t handle, cudnnTensorDescriptor_t xDesc, cudnnFilterDescriptor_t wDesc, cudnnConvolutionDescriptor_t convDesc, cudnnTensorDescriptor_t yDesc, int algo, out nuint sizeInBytes);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(
        cudnnHandle_t handle, cudnnFilterDescriptor_t wDesc, cudnnTensorDescriptor_t dyDesc, cudnnConvolutionDescriptor_t convDesc, cudnnTensorDescriptor_t dxDesc, int algo, out nuint sizeInBytes);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
        cudnnHandle_t handle, cudnnTensorDescriptor_t xDesc, cudnnTensorDescriptor_t dyDesc, cudnnConvolutionDescriptor_t convDesc, cudnnFilterDescriptor_t gradDesc, int algo, out nuint sizeInBytes);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnConvolutionForward(
        cudnnHandle_t handle, in float alpha, cudnnTensorDescriptor_t xDesc, nint x, cudnnFilterDescriptor_t wDesc, nint w, cudnnConvolutionDescriptor_t convDesc, int algo,
        nint workSpace, nuint workSpaceSizeInBytes, in float beta, cudnnTensorDescriptor_t yDesc, nint y);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnConvolutionBackwardData(
        cudnnHandle_t handle, in float alpha, cudnnFilterDescriptor_t wDesc, nint w, cudnnTensorDescriptor_t dyDesc, nint dy, cudnnConvolutionDescriptor_t convDesc, int algo,
        nint workSpace, nuint workSpaceSizeInBytes, in float beta, cudnnTensorDescriptor_t dxDesc, nint dx);

    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnConvolutionBackwardFilter(
        cudnnHandle_t handle, in float alpha, cudnnTensorDescriptor_t xDesc, nint x, cudnnTensorDescriptor_t dyDesc, nint dy, cudnnConvolutionDescriptor_t convDesc, int algo,
        nint workSpace, nuint workSpaceSizeInBytes, in float beta, cudnnFilterDescriptor_t dwDesc, nint dw);

    /// <summary>y = activation(alpha1 convolution + alpha2 z + bias).</summary>
    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial cudnnStatus_t cudnnConvolutionBiasActivationForward(
        cudnnHandle_t handle, in float alpha1, cudnnTensorDescriptor_t xDesc, nint x, cudnnFilterDescriptor_t wDesc, nint w, cudnnConvolutionDescriptor_t convDesc, int algo,
        nint workSpace, nuint workSpaceSizeInBytes, in float alpha2, cudnnTensorDescriptor_t zDesc, nint z, cudnnTensorDescriptor_t biasDesc, nint bias,
        cudnnActivationDescriptor_t activationDesc, cudnnTensorDescriptor_t yDesc, nint y);
}

/// <summary>cudnnConvolutionFwdAlgoPerf_t, and those of both backward directions: 48 bytes laid out alike.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct cudnnConvolutionAlgoPerf
{
    public int Algo;
    public cudnnStatus_t Status;
    public float Time;
    public nuint Memory;
    public cudnnDeterminism_t Determinism;
    public cudnnMathType_t MathType;
    private unsafe fixed int _reserved[3];
}

internal enum cudnnStatus_t
{
    CUDNN_STATUS_SUCCESS = 0,
    CUDNN_STATUS_BAD_PARAM = 2000,
    CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER = 2003,
    CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED = 4003,
    CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED = 4004,
    CUDNN_STATUS_EXECUTION_FAILED = 5000,
}

internal enum cudnnTensorFormat_t
{
    CUDNN_TENSOR_NHWC = 1,
}

internal enum cudnnDataType_t
{
    CUDNN_DATA_FLOAT = 0,
    CUDNN_DATA_HALF = 2,
    CUDNN_DATA_BFLOAT16 = 9,
}

internal enum cudnnConvolutionMode_t
{
    /// <summary>What frameworks call convolution: the filter is not flipped.</summary>
    CUDNN_CROSS_CORRELATION = 1,
}

internal enum cudnnMathType_t
{
    /// <summary>Tensor cores for float32, by TF32. Numbers of 16 bits are widened and multiplied without them (seen with 9.14 on an H100).</summary>
    CUDNN_DEFAULT_MATH = 0,

    /// <summary>Tensor cores for numbers of 16 bits.</summary>
    CUDNN_TENSOR_OP_MATH = 1,

    /// <summary>float32 stays float32.</summary>
    CUDNN_FMA_MATH = 3,
}

internal enum cudnnDeterminism_t
{
    CUDNN_DETERMINISTIC = 1,
}

internal enum cudnnActivationMode_t
{
    CUDNN_ACTIVATION_IDENTITY = 5,
}

internal enum cudnnNanPropagation_t
{
    CUDNN_NOT_PROPAGATE_NAN = 0,
}
