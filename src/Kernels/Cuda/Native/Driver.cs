using System.Runtime.InteropServices;

namespace Graft.Kernels.Cuda.Native;

/// <summary>The CUDA driver API, by exported names: the plain names of the manual are macros of a header that map to these.</summary>
internal static unsafe partial class Driver
{
    static Driver() => NativeLibraries.Register();

    // Start, devices, contexts.
    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuInit(uint flags);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuDriverGetVersion(out int version);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuDeviceGet(out int device, int ordinal);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuDeviceGetCount(out int count);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuDeviceTotalMem_v2(out nuint bytes, int device);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuDeviceGetAttribute(out int value, CUdevice_attribute attribute, int device);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuDeviceGetDefaultMemPool(out CUmemoryPool pool, int device);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuDevicePrimaryCtxRetain(out CUcontext context, int device);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuCtxSetCurrent(CUcontext context);

    // Memory.
    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemGetInfo_v2(out nuint free, out nuint total);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemAlloc_v2(out ulong address, nuint bytes);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemFree_v2(ulong address);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemAllocAsync(out ulong address, nuint bytes, CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemFreeAsync(ulong address, CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemHostAlloc(out nint address, nuint bytes, uint flags);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemFreeHost(nint address);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, ref ulong value);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, out ulong value);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemPoolTrimTo(CUmemoryPool pool, nuint keep);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemcpyHtoDAsync_v2(ulong destination, nint source, nuint bytes, CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemcpyDtoHAsync_v2(nint destination, ulong source, nuint bytes, CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemcpyDtoDAsync_v2(ulong destination, ulong source, nuint bytes, CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemsetD16Async(ulong destination, ushort value, nuint count, CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuMemsetD32Async(ulong destination, uint value, nuint count, CUstream stream);

    // Streams and events.
    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuStreamCreate(out CUstream stream, CUstream_flags flags);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuStreamDestroy_v2(CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuStreamSynchronize(CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuStreamWaitEvent(CUstream stream, CUevent theEvent, uint flags);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuStreamEndCapture(CUstream stream, out CUgraph graph);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuEventCreate(out CUevent theEvent, CUevent_flags flags);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuEventDestroy_v2(CUevent theEvent);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuEventRecord(CUevent theEvent, CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuEventSynchronize(CUevent theEvent);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuEventQuery(CUevent theEvent);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuEventElapsedTime(out float milliseconds, CUevent start, CUevent end);

    // Kernels and graphs.
    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuModuleLoadData(out CUmodule module, byte* image);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuModuleUnload(CUmodule module);

    [LibraryImport(NativeLibraries.Driver, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial CUresult cuModuleGetFunction(out CUfunction function, CUmodule module, string name);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value);

    /// <summary>Since driver 12.4: ask <see cref="NativeLibraries.Exports"/> first.</summary>
    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuFuncGetParamInfo(CUfunction function, nuint index, out nuint offset, out nuint size);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuLaunchKernel(
        CUfunction function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, CUstream stream, void** arguments, void** extra);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuLaunchKernelEx(CUlaunchConfig* config, CUfunction function, void** arguments, void** extra);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuGraphInstantiateWithFlags(out CUgraphExec executable, CUgraph graph, ulong flags);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuGraphGetNodes(CUgraph graph, void* nodes, ref nuint count);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuGraphDestroy(CUgraph graph);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuGraphExecDestroy(CUgraphExec executable);

    // Words for statuses: static text, never freed.
    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuGetErrorName(CUresult status, out nint text);

    [LibraryImport(NativeLibraries.Driver)]
    internal static partial CUresult cuGetErrorString(CUresult status, out nint text);
}

/// <summary>Statuses that the engine tells apart; all others are named by the driver.</summary>
internal enum CUresult
{
    CUDA_SUCCESS = 0,
    CUDA_ERROR_OUT_OF_MEMORY = 2,
    CUDA_ERROR_STUB_LIBRARY = 34,
    CUDA_ERROR_NO_DEVICE = 100,
    CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
    CUDA_ERROR_ECC_UNCORRECTABLE = 214,
    CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222,
    CUDA_ERROR_NOT_READY = 600,
    CUDA_ERROR_ILLEGAL_ADDRESS = 700,
    CUDA_ERROR_LAUNCH_TIMEOUT = 702,
    CUDA_ERROR_ASSERT = 710,
    CUDA_ERROR_HARDWARE_STACK_ERROR = 714,
    CUDA_ERROR_ILLEGAL_INSTRUCTION = 715,
    CUDA_ERROR_MISALIGNED_ADDRESS = 716,
    CUDA_ERROR_INVALID_ADDRESS_SPACE = 717,
    CUDA_ERROR_INVALID_PC = 718,
    CUDA_ERROR_LAUNCH_FAILED = 719,
    CUDA_ERROR_SYSTEM_NOT_READY = 802,
    CUDA_ERROR_SYSTEM_DRIVER_MISMATCH = 803,
    CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE = 804,
    CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900,
    CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD = 908,
}

internal enum CUdevice_attribute
{
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
    CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED = 115,
}

internal enum CUfunction_attribute
{
    CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
}

internal enum CUmemPool_attribute
{
    CU_MEMPOOL_ATTR_RELEASE_THRESHOLD = 4,
    CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT = 5,
}

internal enum CUstream_flags : uint
{
    CU_STREAM_NON_BLOCKING = 1,
}

internal enum CUevent_flags : uint
{
    CU_EVENT_DEFAULT = 0,
    CU_EVENT_DISABLE_TIMING = 2,
}

internal enum CUstreamCaptureMode
{
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
}

internal enum CUlaunchAttributeID
{
    CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION = 6,
}

/// <summary>CUlaunchConfig: 56 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CUlaunchConfig
{
    public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
    public CUstream Stream;
    public CUlaunchAttribute* Attributes;
    public uint AttributeCount;
}

/// <summary>CUlaunchAttribute: 72 bytes, of which the last 64 are a union; an int lies at its start.</summary>
[StructLayout(LayoutKind.Sequential, Size = 72)]
internal struct CUlaunchAttribute
{
    public CUlaunchAttributeID Id;
    private readonly int _padding;
    public int Value;
}
