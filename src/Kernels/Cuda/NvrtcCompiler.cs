using System.Globalization;
using System.Text;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Compiles CUDA C for one GPU: to its machine code, or to PTX where the GPU is newer than this NVRTC knows.</summary>
internal sealed unsafe class NvrtcCompiler
{
    /// <summary>A compiler for a compute capability.</summary>
    /// <param name="capability">90 for 9.0; null for the newest that this NVRTC knows.</param>
    /// <exception cref="CudaException">The GPU is older than all that this NVRTC makes code for.</exception>
    public NvrtcCompiler(int? capability)
    {
        Check.Ok(Nvrtc.nvrtcVersion(out int major, out int minor));
        Version = string.Create(CultureInfo.InvariantCulture, $"{major}.{minor}");
        Check.Ok(Nvrtc.nvrtcGetNumSupportedArchs(out int count));
        var supported = new int[count];
        fixed (int* all = supported)
            Check.Ok(Nvrtc.nvrtcGetSupportedArchs(all));
        Target = TargetFor(capability ?? supported.Max(), supported, Version);
    }

    /// <summary>The compiler's version: "12.6".</summary>
    public string Version { get; }

    /// <summary>What it compiles for: "sm_90", or "compute_90" for PTX that the driver compiles on.</summary>
    public string Target { get; }

    /// <summary>True where the result is PTX.</summary>
    public bool MakesPtx => Target.StartsWith("compute_", StringComparison.Ordinal);

    /// <summary>The options that every source is compiled with.</summary>
    public string[] Options => [$"--gpu-architecture={Target}", "--std=c++17"];

    /// <summary>The machine code of a GPU where NVRTC knows it, else PTX of the newest before it.</summary>
    public static string TargetFor(int capability, ReadOnlySpan<int> supported, string version)
    {
        int best = 0, oldest = int.MaxValue;
        foreach (int known in supported)
        {
            best = known <= capability ? Math.Max(best, known) : best;
            oldest = Math.Min(oldest, known);
        }
        if (best == 0)
        {
            throw new CudaException(string.Create(CultureInfo.InvariantCulture, $"The GPU has compute capability {capability / 10}.{capability % 10}; "
                + $"NVRTC {version} makes code for {oldest / 10}.{oldest % 10} and later. Install an older CUDA toolkit (12 makes code for 5.0 and later)."));
        }
        return string.Create(CultureInfo.InvariantCulture, $"{(best == capability ? "sm" : "compute")}_{best}");
    }

    /// <summary>Compiles one source; PTX ends in a 0 byte, as the driver reads it.</summary>
    /// <param name="name">File name for messages.</param>
    /// <param name="source">CUDA C.</param>
    /// <exception cref="CudaException">It does not compile; the message has NVRTC's log.</exception>
    public byte[] Compile(string name, string source)
    {
        string[] options = Options;
        Check.Ok(Nvrtc.nvrtcCreateProgram(out nvrtcProgram program, source, name, 0, 0, 0));
        try
        {
            nvrtcResult status = Nvrtc.nvrtcCompileProgram(program, options.Length, options);
            if (status != nvrtcResult.NVRTC_SUCCESS)
                throw new CudaException($"NVRTC {Version} did not compile {name} for {Target}: {Check.Text(Nvrtc.nvrtcGetErrorString(status))} ({(int)status}).\n{Log(program)}".TrimEnd()) { Status = (int)status };
            return MakesPtx ? Ptx(program) : Cubin(program);
        }
        finally
        {
            Check.Ok(Nvrtc.nvrtcDestroyProgram(ref program));
        }
    }

    private static byte[] Cubin(nvrtcProgram program)
    {
        Check.Ok(Nvrtc.nvrtcGetCUBINSize(program, out nuint size));
        var code = new byte[size];
        fixed (byte* to = code)
            Check.Ok(Nvrtc.nvrtcGetCUBIN(program, to));
        return code;
    }

    private static byte[] Ptx(nvrtcProgram program)
    {
        Check.Ok(Nvrtc.nvrtcGetPTXSize(program, out nuint size));
        var code = new byte[size];
        fixed (byte* to = code)
            Check.Ok(Nvrtc.nvrtcGetPTX(program, to));
        return code;
    }

    private static string Log(nvrtcProgram program)
    {
        Check.Ok(Nvrtc.nvrtcGetProgramLogSize(program, out nuint size));
        var log = new byte[size];
        fixed (byte* to = log)
            Check.Ok(Nvrtc.nvrtcGetProgramLog(program, to));
        return Encoding.UTF8.GetString(log).TrimEnd('\0', '\n');
    }
}
