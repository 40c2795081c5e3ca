using System.Runtime.InteropServices;

namespace Graft.Tests.CudaEmulator;

/// <summary>The driver and NVRTC as the emulator's own tests call them. The names are those of the C headers, so that a search finds them.</summary>
internal static unsafe partial class Cu
{
    private const string Driver = "libcuda.so.1";
    private const string Nvrtc = "libnvrtc.so.12";

    [LibraryImport(Driver)] internal static partial int cuInit(uint flags);
    [LibraryImport(Driver)] internal static partial int cuDevicePrimaryCtxRetain(out nint context, int device);
    [LibraryImport(Driver)] internal static partial int cuDevicePrimaryCtxRelease_v2(int device);
    [LibraryImport(Driver)] internal static partial int cuDevicePrimaryCtxReset_v2(int device);
    [LibraryImport(Driver)] internal static partial int cuCtxSetCurrent(nint context);
    [LibraryImport(Driver)] internal static partial int cuCtxSynchronize();
    [LibraryImport(Driver)] internal static partial int cuMemAlloc_v2(out ulong address, nuint bytes);
    [LibraryImport(Driver)] internal static partial int cuMemFree_v2(ulong address);
    [LibraryImport(Driver)] internal static partial int cuMemAllocAsync(out ulong address, nuint bytes, nint stream);
    [LibraryImport(Driver)] internal static partial int cuMemFreeAsync(ulong address, nint stream);
    [LibraryImport(Driver)] internal static partial int cuMemHostAlloc(out nint address, nuint bytes, uint flags);
    [LibraryImport(Driver)] internal static partial int cuMemFreeHost(nint address);
    [LibraryImport(Driver)] internal static partial int cuMemHostRegister_v2(nint address, nuint bytes, uint flags);
    [LibraryImport(Driver)] internal static partial int cuMemHostUnregister(nint address);
    [LibraryImport(Driver)] internal static partial int cuMemcpyHtoD_v2(ulong to, void* from, nuint bytes);
    [LibraryImport(Driver)] internal static partial int cuMemcpyDtoH_v2(void* to, ulong from, nuint bytes);
    [LibraryImport(Driver)] internal static partial int cuMemcpyHtoDAsync_v2(ulong to, void* from, nuint bytes, nint stream);
    [LibraryImport(Driver)] internal static partial int cuMemcpyDtoHAsync_v2(void* to, ulong from, nuint bytes, nint stream);
    [LibraryImport(Driver)] internal static partial int cuMemcpyDtoDAsync_v2(ulong to, ulong from, nuint bytes, nint stream);
    [LibraryImport(Driver)] internal static partial int cuMemsetD32Async(ulong address, uint value, nuint count, nint stream);
    [LibraryImport(Driver)] internal static partial int cuStreamCreate(out nint stream, uint flags);
    [LibraryImport(Driver)] internal static partial int cuStreamDestroy_v2(nint stream);
    [LibraryImport(Driver)] internal static partial int cuStreamSynchronize(nint stream);
    [LibraryImport(Driver)] internal static partial int cuStreamQuery(nint stream);
    [LibraryImport(Driver)] internal static partial int cuStreamWaitEvent(nint stream, nint waitFor, uint flags);
    [LibraryImport(Driver)] internal static partial int cuStreamBeginCapture_v2(nint stream, int mode);
    [LibraryImport(Driver)] internal static partial int cuStreamEndCapture(nint stream, out nint graph);
    [LibraryImport(Driver)] internal static partial int cuEventCreate(out nint handle, uint flags);
    [LibraryImport(Driver)] internal static partial int cuEventDestroy_v2(nint handle);
    [LibraryImport(Driver)] internal static partial int cuEventRecord(nint handle, nint stream);
    [LibraryImport(Driver)] internal static partial int cuEventElapsedTime(out float milliseconds, nint start, nint end);
    [LibraryImport(Driver)] internal static partial int cuEventSynchronize(nint handle);
    [LibraryImport(Driver)] internal static partial int cuGraphInstantiateWithFlags(out nint executable, nint graph, ulong flags);
    [LibraryImport(Driver)] internal static partial int cuGraphLaunch(nint executable, nint stream);
    [LibraryImport(Driver)] internal static partial int cuGraphDestroy(nint graph);
    [LibraryImport(Driver)] internal static partial int cuGraphExecDestroy(nint executable);
    [LibraryImport(Driver)] internal static partial int cuGraphExecUpdate_v2(nint executable, nint graph, void* info);
    [LibraryImport(Driver)] internal static partial int cuStreamIsCapturing(nint stream, out int status);
    [LibraryImport(Driver)] internal static partial int cuMemcpy2DAsync_v2(void* copy, nint stream);
    [LibraryImport(Driver)] internal static partial int cuMemsetD8Async(ulong address, byte value, nuint count, nint stream);
    [LibraryImport(Driver)] internal static partial int cuMemsetD16Async(ulong address, ushort value, nuint count, nint stream);
    [LibraryImport(Driver)] internal static partial int cuMemGetInfo_v2(out nuint free, out nuint total);
    [LibraryImport(Driver)] internal static partial int cuPointerGetAttribute(void* value, int attribute, ulong address);
    [LibraryImport(Driver)] internal static partial int cuDeviceGetAttribute(out int value, int attribute, int device);
    [LibraryImport(Driver)] internal static partial int cuDeviceGetDefaultMemPool(out nint pool, int device);
    [LibraryImport(Driver)] internal static partial int cuMemPoolSetAttribute(nint pool, int attribute, void* value);
    [LibraryImport(Driver)] internal static partial int cuMemPoolGetAttribute(nint pool, int attribute, void* value);
    [LibraryImport(Driver)] internal static partial int cuOccupancyMaxActiveBlocksPerMultiprocessor(out int blocks, nint function, int blockSize, nuint dynamicShared);
    [LibraryImport(Driver)] internal static partial int cuGetErrorName(int status, out nint name);
    [LibraryImport(Driver)] internal static partial int cuModuleLoadData(out nint module, void* image);
    [LibraryImport(Driver)] internal static partial int cuModuleUnload(nint module);
    [LibraryImport(Driver, StringMarshalling = StringMarshalling.Utf8)] internal static partial int cuModuleGetFunction(out nint function, nint module, string name);
    [LibraryImport(Driver)] internal static partial int cuFuncSetAttribute(nint function, int attribute, int value);
    [LibraryImport(Driver)] internal static partial int cuFuncGetParamInfo(nint function, nuint index, out nuint offset, out nuint size);
    [LibraryImport(Driver)]
    internal static partial int cuLaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream,
        void** arguments, void** extra);

    [LibraryImport(Nvrtc, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int nvrtcCreateProgram(out nint program, string source, string name, int headers, nint texts, nint names);
    [LibraryImport(Nvrtc, StringMarshalling = StringMarshalling.Utf8)] internal static partial int nvrtcCompileProgram(nint program, int count, [In] string[] options);
    [LibraryImport(Nvrtc, StringMarshalling = StringMarshalling.Utf8)] internal static partial int nvrtcAddNameExpression(nint program, string expression);
    [LibraryImport(Nvrtc, StringMarshalling = StringMarshalling.Utf8)] internal static partial int nvrtcGetLoweredName(nint program, string expression, out nint name);
    [LibraryImport(Nvrtc)] internal static partial int nvrtcGetCUBINSize(nint program, out nuint size);
    [LibraryImport(Nvrtc)] internal static partial int nvrtcGetCUBIN(nint program, byte* image);
    [LibraryImport(Nvrtc)] internal static partial int nvrtcGetPTXSize(nint program, out nuint size);
    [LibraryImport(Nvrtc)] internal static partial int nvrtcGetPTX(nint program, byte* image);
    [LibraryImport(Nvrtc)] internal static partial int nvrtcGetProgramLogSize(nint program, out nuint size);
    [LibraryImport(Nvrtc)] internal static partial int nvrtcGetProgramLog(nint program, byte* log);
    [LibraryImport(Nvrtc)] internal static partial int nvrtcDestroyProgram(ref nint program);
}
