using System.Runtime.InteropServices;

namespace Graft.Kernels.Cuda.Native;

/// <summary>cuDNN 9, as far as the diagnosis asks it. Its status codes are those of 9: 8 has others and is refused before any call.</summary>
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
    internal static partial nint cudnnGetErrorString(cudnnStatus_t status);

    /// <summary>New in 9: what went wrong in words.</summary>
    [LibraryImport(NativeLibraries.Cudnn)]
    internal static partial void cudnnGetLastErrorString(byte* message, nuint size);
}

internal enum cudnnStatus_t
{
    CUDNN_STATUS_SUCCESS = 0,
}
