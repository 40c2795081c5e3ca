using System.Globalization;
using System.Text;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>What this machine has for CUDA: each library with its place and version, or every path tried and what to install; the GPUs; a verdict.</summary>
/// <param name="Libraries">Driver, NVRTC, cuBLASLt, cuBLAS, cuDNN.</param>
/// <param name="Devices">The GPUs.</param>
/// <param name="Cache">Where compiled kernels are kept, or why they are not.</param>
/// <param name="Verdict">One line: CUDA is usable, or the first thing that is missing and how to get it.</param>
/// <param name="IsUsable">True where all that is needed is there: driver, GPU, NVRTC, cuBLAS.</param>
public sealed record CudaDiagnosis(IReadOnlyList<CudaLibrary> Libraries, IReadOnlyList<CudaDeviceInfo> Devices, string Cache, string Verdict, bool IsUsable)
{
    private static readonly Lazy<CudaDiagnosis> s_found = new(() => new CudaInspection(NativeLibraries.OfProcess, tries: false).Run());

    /// <summary>What was found, without trying it: no GPU is touched.</summary>
    public static CudaDiagnosis Found => s_found.Value;

    /// <summary>The verdict without its advice: "CUDA is not usable: driver was not found".</summary>
    public string Outcome => Verdict.Split(". ")[0].TrimEnd('.');

    /// <summary>Finds everything and tries it: a kernel is compiled, and cuBLAS and cuDNN are started on the first GPU.</summary>
    public static CudaDiagnosis Run() => new CudaInspection(NativeLibraries.OfProcess, tries: true).Run();

    /// <summary>The report.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("CUDA libraries\n");
        foreach (CudaLibrary library in Libraries)
            Append(text, library);
        if (Libraries.Any(l => l.Path is null))
            text.Append(CultureInfo.InvariantCulture, $"  Looked at: {string.Join(", ", LibrarySearch.Variables.Select(Setting))}.\n");
        if (IsUsable)
            text.Append(CultureInfo.InvariantCulture, $"  {Cache}\n");
        text.Append("GPUs\n");
        foreach (CudaDeviceInfo gpu in Devices)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"  cuda:{gpu.Index,-6} {gpu.Name}, compute capability {gpu.Major}.{gpu.Minor}, {gpu.Memory / 1073741824.0:F1} GiB, {gpu.Multiprocessors} multiprocessors\n");
        }
        if (Devices.Count == 0)
            text.Append("  none\n");
        return text.Append(Verdict).Append('\n').ToString();
    }

    private static void Append(StringBuilder text, CudaLibrary library)
    {
        string role = library.IsNeeded ? "" : " (not needed)";
        if (library.Path is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {library.Name,-11} {library.Version ?? "version unknown"}, {library.Path}\n");
            if (library.Problem is not null)
                text.Append(CultureInfo.InvariantCulture, $"    {library.Problem}\n");
            return;
        }
        text.Append(CultureInfo.InvariantCulture, $"  {library.Name,-11} not found{role}\n");
        if (library.Problem is not null)
            text.Append(CultureInfo.InvariantCulture, $"    {library.Problem}\n");
        foreach (string tried in library.Tried)
            text.Append(CultureInfo.InvariantCulture, $"    {tried}\n");
        text.Append(CultureInfo.InvariantCulture, $"    {library.Install}\n");
    }

    private static string Setting(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value && variable != "PATH" ? $"{variable}={value}"
        : variable == "PATH" ? variable : $"{variable} (not set)";
}
