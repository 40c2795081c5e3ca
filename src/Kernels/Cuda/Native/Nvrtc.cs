using System.Runtime.InteropServices;

namespace Graft.Kernels.Cuda.Native;

/// <summary>NVRTC: CUDA C to machine code at run time.</summary>
internal static unsafe partial class Nvrtc
{
    static Nvrtc() => NativeLibraries.Register();

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcVersion(out int major, out int minor);

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcGetNumSupportedArchs(out int count);

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcGetSupportedArchs(int* architectures);

    [LibraryImport(NativeLibraries.Nvrtc, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nvrtcResult nvrtcCreateProgram(out nvrtcProgram program, string source, string name, int headerCount, nint headers, nint includeNames);

    [LibraryImport(NativeLibraries.Nvrtc, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int optionCount, [In] string[] options);

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, out nuint size);

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, byte* cubin);

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, out nuint size);

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcGetPTX(nvrtcProgram program, byte* ptx);

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, out nuint size);

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, byte* log);

    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nvrtcResult nvrtcDestroyProgram(ref nvrtcProgram program);

    /// <summary>The status's name, as static text.</summary>
    [LibraryImport(NativeLibraries.Nvrtc)]
    internal static partial nint nvrtcGetErrorString(nvrtcResult status);
}

internal enum nvrtcResult
{
    NVRTC_SUCCESS = 0,
}
