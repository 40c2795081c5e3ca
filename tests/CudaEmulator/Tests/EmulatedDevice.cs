using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Graft.Tests.CudaEmulator;

/// <summary>The emulated device for one test: a context, what kernels and buffers the test makes, and their end.</summary>
internal sealed unsafe class EmulatedDevice : IDisposable
{
    private readonly CudaEmulator _emulator;
    private readonly List<nint> _modules = [];
    private readonly List<nint> _streams = [];
    private readonly List<ulong> _buffers = [];
    private nint _context;

    public EmulatedDevice(CudaEmulator emulator, bool isChecked = false, [CallerMemberName] string test = "")
    {
        _emulator = emulator;
        emulator.BeginEmulated(test);
        emulator.Checked = isChecked;
        Ok(Cu.cuInit(0));
        Ok(Cu.cuDevicePrimaryCtxRetain(out _context, 0));
        Ok(Cu.cuCtxSetCurrent(_context));
    }

    /// <summary>The one finding of the test so far.</summary>
    public string Finding => Assert.Single(_emulator.Findings);

    /// <summary>Fails with the emulator's reason if a call did not succeed.</summary>
    public void Ok(int status, [CallerArgumentExpression(nameof(status))] string call = "") =>
        Assert.True(status == 0, $"{call} answered {status}: {_emulator.LastMessage}");

    public ulong Alloc(int floats)
    {
        Ok(Cu.cuMemAlloc_v2(out ulong address, (nuint)floats * sizeof(float)));
        _buffers.Add(address);
        return address;
    }

    public ulong Upload(params float[] values)
    {
        ulong address = Alloc(values.Length);
        fixed (float* from = values)
            Ok(Cu.cuMemcpyHtoD_v2(address, from, (nuint)values.Length * sizeof(float)));
        return address;
    }

    public float[] Download(ulong address, int floats)
    {
        var values = new float[floats];
        fixed (float* to = values)
            Ok(Cu.cuMemcpyDtoH_v2(to, address, (nuint)floats * sizeof(float)));
        return values;
    }

    public nint NewStream(bool nonBlocking = true)
    {
        Ok(Cu.cuStreamCreate(out nint stream, nonBlocking ? 1u : 0));
        _streams.Add(stream);
        return stream;
    }

    /// <summary>Compiles a source, to a CUBIN for sm_ and to PTX for compute_; the result is NVRTC's status and log.</summary>
    public static (int Status, string Log, byte[] Image, string[] Names) TryCompile(string source, string architecture = "sm_90", params string[] expressions)
    {
        Assert.Equal(0, Cu.nvrtcCreateProgram(out nint program, source, "test.cu", 0, 0, 0));
        foreach (string expression in expressions)
            Assert.Equal(0, Cu.nvrtcAddNameExpression(program, expression));
        int status = Cu.nvrtcCompileProgram(program, 2, [$"--gpu-architecture={architecture}", "--std=c++17"]);
        Assert.Equal(0, Cu.nvrtcGetProgramLogSize(program, out nuint logSize));
        byte[] log = new byte[logSize];
        fixed (byte* text = log)
            Assert.Equal(0, Cu.nvrtcGetProgramLog(program, text));
        byte[] image = [];
        string[] names = [];
        if (status == 0)
        {
            bool isPtx = architecture.StartsWith("compute", StringComparison.Ordinal);
            Assert.Equal(0, isPtx ? Cu.nvrtcGetPTXSize(program, out nuint size) : Cu.nvrtcGetCUBINSize(program, out size));
            image = new byte[size];
            fixed (byte* to = image)
                Assert.Equal(0, isPtx ? Cu.nvrtcGetPTX(program, to) : Cu.nvrtcGetCUBIN(program, to));
            names = Array.ConvertAll(expressions, e =>
            {
                Assert.Equal(0, Cu.nvrtcGetLoweredName(program, e, out nint name));
                return Marshal.PtrToStringUTF8(name)!;
            });
        }
        Assert.Equal(0, Cu.nvrtcDestroyProgram(ref program));
        return (status, Encoding.UTF8.GetString(log).TrimEnd('\0'), image, names);
    }

    public nint Load(byte[] image)
    {
        nint module;
        fixed (byte* bytes = image)
            Ok(Cu.cuModuleLoadData(out module, bytes));
        _modules.Add(module);
        return module;
    }

    /// <summary>A kernel of a source, by its name or by a name expression.</summary>
    public nint Kernel(string source, string name, bool isExpression = false)
    {
        var compiled = TryCompile(source, "sm_90", isExpression ? [name] : []);
        Assert.True(compiled.Status == 0, compiled.Log);
        Ok(Cu.cuModuleGetFunction(out nint function, Load(compiled.Image), isExpression ? compiled.Names[0] : name));
        return function;
    }

    /// <summary>Launches with arguments that are ulong (pointers), int or float, and gives the driver's status.</summary>
    public static int Launch(nint function, uint grid, uint block, nint stream, uint shared, params object[] arguments)
    {
        ulong* values = stackalloc ulong[arguments.Length + 1];
        void** pointers = stackalloc void*[arguments.Length + 1];
        for (int i = 0; i < arguments.Length; i++)
        {
            pointers[i] = &values[i];
            switch (arguments[i])
            {
                case ulong pointer: values[i] = pointer; break;
                case int number: *(int*)&values[i] = number; break;
                case float number: *(float*)&values[i] = number; break;
                default: throw new ArgumentException($"An argument of type {arguments[i].GetType()}.");
            }
        }
        return Cu.cuLaunchKernel(function, grid, 1, 1, block, 1, 1, shared, stream, pointers, null);
    }

    /// <summary>Launches on the legacy stream, and waits: the status is the first error.</summary>
    public static int Run(nint function, uint grid, uint block, params object[] arguments)
    {
        int status = Launch(function, grid, block, 0, 0, arguments);
        return status != 0 ? status : Cu.cuCtxSynchronize();
    }

    /// <summary>Resets the context, as one must after a fault that sticks: all that the test made is gone.</summary>
    public void Reset()
    {
        Ok(Cu.cuDevicePrimaryCtxReset_v2(0));
        _buffers.Clear();
        _modules.Clear();
        _streams.Clear();
    }

    /// <summary>Gives everything back, after a fault by a reset.</summary>
    public void Dispose()
    {
        if (_context == 0)
            return;
        bool faulted = Cu.cuCtxSynchronize() != 0;
        if (faulted)
            Reset();
        _buffers.ForEach(b => Ok(Cu.cuMemFree_v2(b)));
        _modules.ForEach(m => Ok(Cu.cuModuleUnload(m)));
        _streams.ForEach(s => Ok(Cu.cuStreamDestroy_v2(s)));
        Ok(Cu.cuDevicePrimaryCtxRelease_v2(0));
        Ok(Cu.cuCtxSetCurrent(0));
        _context = 0;
    }

    /// <summary>Lets the test free a buffer itself.</summary>
    public int Free(ulong address)
    {
        _buffers.Remove(address);
        return Cu.cuMemFree_v2(address);
    }
}
