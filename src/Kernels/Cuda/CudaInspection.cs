using System.Globalization;
using System.Runtime.InteropServices;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Gathers a <see cref="CudaDiagnosis"/>.</summary>
/// <param name="libraries">What the search found.</param>
/// <param name="tries">True compiles a kernel and starts cuBLAS and cuDNN.</param>
internal sealed class CudaInspection(NativeLibraries libraries, bool tries)
{
    private const int OldestDriver = 12000;

    private readonly List<CudaDeviceInfo> _devices = [];
    private string? _driverProblem, _noGpu;

    public CudaDiagnosis Run()
    {
        CudaLibrary driver = InspectDriver();
        bool hasGpu = driver.IsUsable && _devices.Count > 0;
        CudaLibrary nvrtc = InspectNvrtc(hasGpu);
        bool opened = hasGpu && tries && OpenFirst(ref driver);
        CudaLibrary[] all = [driver, nvrtc, Library(NativeLibraries.CublasLt, true), InspectCublas(opened), InspectCudnn(opened)];
        if (opened)
        {
            Check.Ok(Driver.cuCtxSetCurrent(default));
            Check.Ok(Driver.cuDevicePrimaryCtxRelease_v2(_devices[0].Index));
        }
        CudaLibrary? missing = Array.Find(all, l => l.IsNeeded && !l.IsUsable);
        string cache = CudaOptions.Read(Environment.GetEnvironmentVariable).Cache.Describe();
        return new CudaDiagnosis(all, _devices, cache, Verdict(all, missing), missing is null && hasGpu);
    }

    /// <summary>Opens the first GPU; where that fails (in use by a program that has it alone, or broken), it is the driver's problem.</summary>
    private bool OpenFirst(ref CudaLibrary driver)
    {
        try
        {
            Check.Ok(Driver.cuDevicePrimaryCtxRetain(out CUcontext primary, _devices[0].Index));
            Check.Ok(Driver.cuCtxSetCurrent(primary));
            return true;
        }
        catch (CudaException e)
        {
            driver = driver with { Problem = $"{_devices[0].Name} cannot be opened. {e.Message}" };
            return false;
        }
    }

    private string Verdict(CudaLibrary[] all, CudaLibrary? missing)
    {
        if (missing is not null)
            return $"CUDA is not usable: {missing.Name} {(missing.Path is null ? "was not found" : "does not work")}. {missing.Problem ?? missing.Install}";
        if (_devices.Count == 0)
            return $"CUDA is not usable: there is no GPU. {_noGpu}".TrimEnd();
        CudaLibrary cudnn = all[^1];
        return $"CUDA is usable: {_devices[0].Name}{(_devices.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $" and {_devices.Count - 1} more") : "")}"
            + (cudnn.IsUsable ? "." : ", without cuDNN, which is not needed.");
    }

    private CudaLibrary InspectDriver()
    {
        if (!libraries[NativeLibraries.Driver].IsFound)
            return Library(NativeLibraries.Driver, true);
        if (libraries.DriverVersion < OldestDriver)
            _driverProblem = $"It runs CUDA {Version(libraries.DriverVersion)}; {Version(OldestDriver)} or later is needed. Install driver 525 or later.";
        else
            FindDevices();
        return Library(NativeLibraries.Driver, true, $"CUDA {Version(libraries.DriverVersion)}", _driverProblem);
    }

    private void FindDevices()
    {
        CUresult status = Driver.cuInit(0);
        if (status == CUresult.CUDA_ERROR_NO_DEVICE)
        {
            _noGpu = "The driver sees none: check nvidia-smi and CUDA_VISIBLE_DEVICES; in a container, start it with the GPUs (docker run --gpus all).";
            return;
        }
        if (status != CUresult.CUDA_SUCCESS)
        {
            _driverProblem = $"cuInit: {Check.Describe(status)}. {Advice(status)}".TrimEnd();
            return;
        }
        Check.Ok(Driver.cuDeviceGetCount(out int count));
        for (int i = 0; i < count; i++)
            _devices.Add(Describe(i));
    }

    private static string Advice(CUresult status) => status switch
    {
        CUresult.CUDA_ERROR_STUB_LIBRARY => "This is the stub that programs are linked against, not a driver: take its folder out of LD_LIBRARY_PATH.",
        CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => "Library and kernel module of the driver are of two versions: reboot after a driver update.",
        CUresult.CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE => "The compatibility package does not run on this card: take its folder out of LD_LIBRARY_PATH.",
        CUresult.CUDA_ERROR_SYSTEM_NOT_READY => "The system is not ready: start nvidia-fabricmanager where the machine needs it.",
        _ => "",
    };

    private static unsafe CudaDeviceInfo Describe(int index)
    {
        const int MostBytes = 256;
        byte* name = stackalloc byte[MostBytes];
        Check.Ok(Driver.cuDeviceGet(out int device, index));
        Check.Ok(Driver.cuDeviceGetName(name, MostBytes, device));
        Check.Ok(Driver.cuDeviceTotalMem_v2(out nuint bytes, device));
        Check.Ok(Driver.cuDeviceGetAttribute(out int major, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device));
        Check.Ok(Driver.cuDeviceGetAttribute(out int minor, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device));
        Check.Ok(Driver.cuDeviceGetAttribute(out int processors, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device));
        return new CudaDeviceInfo(index, Marshal.PtrToStringUTF8((nint)name)!, major, minor, (long)bytes, processors);
    }

    private CudaLibrary InspectNvrtc(bool hasGpu)
    {
        if (!libraries[NativeLibraries.Nvrtc].IsFound)
            return Library(NativeLibraries.Nvrtc, true);
        Check.Ok(Nvrtc.nvrtcVersion(out int major, out int minor));
        string? problem = null;
        if (tries)
        {
            try
            {
                NvrtcCompiler compiler = new(hasGpu ? _devices[0].Capability : null);
                compiler.Compile("probe.cu", "extern \"C\" __global__ void probe(float* x) { x[0] = expf(x[0]); }");
            }
            catch (CudaException e)
            {
                problem = e.Message; // NVRTC without its built-ins says so in the log, which the message has
            }
        }
        return Library(NativeLibraries.Nvrtc, true, $"{major}.{minor}", problem);
    }

    private CudaLibrary InspectCublas(bool starts)
    {
        if (!libraries[NativeLibraries.Cublas].IsFound || !starts)
            return Library(NativeLibraries.Cublas, true, $"{libraries.Major}");
        try
        {
            Check.Ok(Cublas.cublasCreate_v2(out cublasHandle_t handle));
            Check.Ok(Cublas.cublasGetVersion_v2(handle, out int version));
            Check.Ok(Cublas.cublasDestroy_v2(handle));
            return Library(NativeLibraries.Cublas, true, $"{version / 10000}.{version / 100 % 100}.{version % 100}"); // 120603 is 12.6.3
        }
        catch (CudaException e)
        {
            return Library(NativeLibraries.Cublas, true, $"{libraries.Major}", e.Message);
        }
    }

    private CudaLibrary InspectCudnn(bool starts)
    {
        if (!libraries[NativeLibraries.Cudnn].IsFound)
            return Library(NativeLibraries.Cudnn, false);
        int packed = (int)Cudnn.cudnnGetVersion(), cuda = (int)Cudnn.cudnnGetCudartVersion();
        string version = $"{packed / 10000}.{packed / 100 % 100}.{packed % 100}"; // 90600 is 9.6.0
        if (cuda / 1000 != libraries.Major)
            return Library(NativeLibraries.Cudnn, false, version, $"It was built for CUDA {Version(cuda)}, but the other libraries are of CUDA {libraries.Major}: install cuDNN 9 for CUDA {libraries.Major}.");
        if (!starts)
            return Library(NativeLibraries.Cudnn, false, version);
        try
        {
            Check.Ok(Cudnn.cudnnCreate(out cudnnHandle_t handle));
            Check.Ok(Cudnn.cudnnDestroy(handle));
            return Library(NativeLibraries.Cudnn, false, version);
        }
        catch (CudaException e)
        {
            return Library(NativeLibraries.Cudnn, false, version, e.Message);
        }
    }

    private CudaLibrary Library(string import, bool needed, string? version = null, string? problem = null)
    {
        FoundLibrary found = libraries[import];
        return new CudaLibrary(found.Names.Title, found.Path, found.IsFound ? version ?? $"{found.Major}" : null, needed, problem,
            [.. LibraryAttempt.Describe(found.Attempts)], found.Names.Install);
    }

    private static string Version(int number) => $"{number / 1000}.{number % 1000 / 10}"; // 12040 is 12.4
}
