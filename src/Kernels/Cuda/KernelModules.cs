using System.Reflection;
using System.Text.RegularExpressions;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>The modules of one GPU: each embedded .cu file is compiled once, behind the lines of Common.cuh that all share and those that it includes.</summary>
internal sealed unsafe partial class KernelModules(CudaContext context) : IDisposable
{
    private const string Shared = "Common.cuh";

    private readonly Dictionary<string, CUmodule> _modules = [];
    private readonly Dictionary<string, string> _brought = [];
    private readonly Lock _lock = new();
    private NvrtcCompiler? _compiler;

    /// <summary>A kernel of a file. "X.cu NAME=VALUE" is a module of its own, in which the source finds NAME defined as VALUE.</summary>
    /// <exception cref="CudaException">The file does not compile or load, or has no such kernel.</exception>
    public CUfunction Get(string file, string name)
    {
        lock (_lock)
        {
            if (!_modules.TryGetValue(file, out CUmodule module))
                _modules.Add(file, module = Load(file, _brought.TryGetValue(file, out string? source) ? source : SourceOf(file)));
            Check.Ok(Driver.cuModuleGetFunction(out CUfunction function, module, name), $"cuModuleGetFunction({name} of {file})");
            return function;
        }
    }

    /// <summary>Shared lines, the files that this one includes, and the file, each under its own name in messages.</summary>
    public static string SourceOf(string file)
    {
        string[] named = file.Split(' ', '=');
        string own = Read(file = named[0]), definition = named.Length > 2 ? $"#define {named[1]} {named[2]}\n" : "";
        IEnumerable<string> parts = [Shared, .. Include().Matches(own).Select(m => m.Groups[1].Value), file];
        return definition + string.Join('\n', parts.Select(part => $"#line 1 \"{part}\"\n{(part == file ? Include().Replace(own, "") : Read(part))}"));
    }

    /// <summary>Brings a file that is not the engine's, such as a bench's; it too stands behind Common.cuh.</summary>
    public void Bring(string file, string text)
    {
        lock (_lock)
            _brought[file] = $"#line 1 \"{Shared}\"\n{Read(Shared)}\n#line 1 \"{file}\"\n{text}";
    }

    /// <summary>Unloads all.</summary>
    public void Dispose()
    {
        foreach (CUmodule module in _modules.Values)
            Check.Ok(Driver.cuModuleUnload(module));
        _modules.Clear();
    }

    private CUmodule Load(string file, string source)
    {
        _compiler ??= new NvrtcCompiler(context.Info.Capability);
        byte[] code = context.Options.Cache.Get(_compiler, NativeLibraries.OfProcess.DriverVersion, file, source);
        fixed (byte* image = code)
        {
            CUresult status = Driver.cuModuleLoadData(out CUmodule module, image);
            string advice = status switch
            {
                CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION => $" NVRTC {_compiler.Version} is newer than the driver: update the driver, or install NVRTC of CUDA {NativeLibraries.OfProcess.DriverVersion / 1000}.{NativeLibraries.OfProcess.DriverVersion % 1000 / 10}.",
                CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU => " The code is for another GPU.",
                _ => "",
            };
            Check.Ok(status, $"cuModuleLoadData({file} for {_compiler.Target}){advice}");
            return module;
        }
    }

    /// <summary>The line stays, empty, so that messages keep their numbers. Files are embedded, so the engine and not NVRTC puts them in.</summary>
    [GeneratedRegex(@"^#include ""(\w+\.cuh)""", RegexOptions.Multiline)]
    private static partial Regex Include();

    private static string Read(string file)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(file) ?? throw new CudaException($"{file} is not embedded in the engine.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
