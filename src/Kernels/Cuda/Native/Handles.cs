// What NVIDIA's headers call handles: one struct a type, so that a stream is never taken for an event.
namespace Graft.Kernels.Cuda.Native;

internal readonly record struct CUcontext(nint Value);

internal readonly record struct CUstream(nint Value);

internal readonly record struct CUevent(nint Value);

internal readonly record struct CUmodule(nint Value);

internal readonly record struct CUfunction(nint Value);

internal readonly record struct CUgraph(nint Value);

internal readonly record struct CUgraphExec(nint Value);

internal readonly record struct CUmemoryPool(nint Value);

internal readonly record struct nvrtcProgram(nint Value);

internal readonly record struct cublasHandle_t(nint Value);

internal readonly record struct cudnnHandle_t(nint Value);

internal readonly record struct cudnnTensorDescriptor_t(nint Value);

internal readonly record struct cudnnFilterDescriptor_t(nint Value);

internal readonly record struct cudnnConvolutionDescriptor_t(nint Value);

internal readonly record struct cudnnActivationDescriptor_t(nint Value);

internal readonly record struct cublasLtHandle_t(nint Value);

internal readonly record struct cublasLtMatmulDesc_t(nint Value);

internal readonly record struct cublasLtMatrixLayout_t(nint Value);

internal readonly record struct cublasLtMatmulPreference_t(nint Value);
