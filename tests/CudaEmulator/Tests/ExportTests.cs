using System.Diagnostics;
using System.Text.RegularExpressions;
using Graft.Tests.House;
using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>
/// The emulated libraries against CUDA's headers (12.0 to 13.0, cuDNN 9): all functions that the engine declares are emulated, whose rows tests/Kernels/Cuda/Abi/functions.tsv
/// has, and those of Exports.tsv beside them. The abi column gives each parameter's machine form: ptr, i32, u32, i64, u64, usize, f32, f64, u8, u16.
/// </summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed partial class ExportTests(CudaEmulator emulator)
{
    private static readonly string Folder = Path.Combine(HouseTests.Root, "tests", "CudaEmulator");

    private static (string Library, string Symbol, string Abi)[] Rows { get; } =
    [
        .. Table(Path.Combine("tests", "Kernels", "Cuda", "Abi", "functions.tsv")).Select(p => (p[0], p[1], p[3]))
            .Union(Table(Path.Combine("tests", "CudaEmulator", "Tests", "Exports.tsv")).Select(p => (p[0], p[1], p[2]))),
    ];

    [Theory]
    [InlineData("cuda", "libcuda.so.1")]
    [InlineData("nvrtc", "libnvrtc.so.12")]
    [InlineData("cublas", "libcublas.so.12")]
    [InlineData("cublasLt", "libcublasLt.so.12")]
    [InlineData("cudnn", "libcudnn.so.9")]
    public void Each_library_exports_its_own_functions_and_no_others(string library, string file)
    {
        emulator.Begin(library);
        string[] expected = [.. Rows.Where(r => r.Library == library).Select(r => r.Symbol).Order(StringComparer.Ordinal)];
        var start = new ProcessStartInfo("nm", ["-D", "--defined-only", Path.Combine(emulator.Folder!, file)]) { RedirectStandardOutput = true };
        using Process nm = Process.Start(start)!;
        string[] exported = [.. nm.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[^1]).Order(StringComparer.Ordinal)];
        nm.WaitForExit();
        Assert.Equal(expected, exported);
    }

    [Theory]
    [InlineData("cuda", "Driver")]
    [InlineData("nvrtc", "Nvrtc")]
    [InlineData("cublas", "Cublas")]
    [InlineData("cublasLt", "CublasLt")]
    [InlineData("cudnn", "Cudnn")]
    public void Parameters_have_the_machine_forms_of_the_headers(string library, string folder)
    {
        var expected = Rows.Where(r => r.Library == library).ToDictionary(r => r.Symbol, r => r.Abi);
        var wrong = new List<string>();
        int compared = 0;
        foreach (string file in Directory.GetFiles(Path.Combine(Folder, folder), "*.cpp"))
        {
            foreach (Match match in Definition().Matches(File.ReadAllText(file)))
            {
                string symbol = match.Groups[1].Value;
                if (symbol.Contains('#', StringComparison.Ordinal))
                    continue; // made by a macro
                string abi = string.Join(',', Parameters(match.Groups[2].Value).Select(MachineForm));
                string wanted = expected[symbol] is "-" ? "" : expected[symbol];
                if (abi != wanted)
                    wrong.Add($"{symbol}: ({abi}), the headers have ({wanted})");
                compared++;
            }
        }
        Assert.Empty(wrong);
        Assert.True(compared >= expected.Count / 2, $"{compared} of {expected.Count} definitions were found");
    }

    private static IEnumerable<string[]> Table(string path) => File.ReadLines(Path.Combine(HouseTests.Root, path)).Skip(1).Select(line => line.Split('\t'));

    private static string[] Parameters(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string MachineForm(string parameter) =>
        parameter.Contains('*', StringComparison.Ordinal) ? "ptr"
        : parameter.Replace("const ", "", StringComparison.Ordinal) switch
        {
            var p when p.StartsWith("unsigned long long", StringComparison.Ordinal) || p.StartsWith("uint64_t", StringComparison.Ordinal) => "u64",
            var p when p.StartsWith("long long", StringComparison.Ordinal) || p.StartsWith("int64_t", StringComparison.Ordinal) => "i64",
            var p when p.StartsWith("unsigned char", StringComparison.Ordinal) => "u8",
            var p when p.StartsWith("unsigned short", StringComparison.Ordinal) => "u16",
            var p when p.StartsWith("unsigned", StringComparison.Ordinal) => "u32",
            var p when p.StartsWith("size_t", StringComparison.Ordinal) => "usize",
            var p when p.StartsWith("float", StringComparison.Ordinal) => "f32",
            var p when p.StartsWith("double", StringComparison.Ordinal) => "f64",
            var p when p.StartsWith("int", StringComparison.Ordinal) => "i32",
            _ => parameter,
        };

    [GeneratedRegex(@"(?:_API(?: int| size_t| const char\*)?|visibility\(""default""\)\)\) (?:const char\*|size_t|void)) ((?:cu|nvrtc)[\w#]+)\(([^)]*)\) \{")]
    private static partial Regex Definition();
}
