using System.Reflection;
using System.Runtime.InteropServices;
using Graft.Bench.Gpu;
using Graft.Kernels.Cuda.Native;
using Graft.Tests.House;
using Graft.Tests.Kernels.Cuda;
using Xunit;

namespace Graft.Tests.Bench;

/// <summary>The bench's declarations of cuDNN against its headers, as the tables of the tests have them.</summary>
public sealed class CudnnCallsTests
{
    private static readonly Dictionary<string, string[]> s_rows = File.ReadLines(Path.Combine(HouseTests.Root, "tests", "CudaEmulator", "Tests", "Exports.tsv"))
        .Skip(1).Select(line => line.Split('\t')).Where(row => row[0] == NativeLibraries.Cudnn).ToDictionary(row => row[1]);

    public static TheoryData<string> Declarations => new(All().Select(m => m.Name));

    [Theory, MemberData(nameof(Declarations))]
    public void A_declaration_has_the_library_and_the_parameters_of_the_header(string name)
    {
        MethodInfo method = All().Single(m => m.Name == name);
        LibraryImportAttribute import = method.GetCustomAttribute<LibraryImportAttribute>()!;
        Assert.Equal((NativeLibraries.Cudnn, null), (import.LibraryName, import.EntryPoint));
        Assert.Equal(s_rows[name][2], string.Join(',', method.GetParameters().Select(p => AbiTests.Form(p.ParameterType))));
        Assert.Equal(typeof(cudnnStatus_t), method.ReturnType);
    }

    private static IEnumerable<MethodInfo> All() =>
        typeof(CudnnCalls).GetMethods(BindingFlags.Static | BindingFlags.NonPublic).Where(m => m.GetCustomAttribute<LibraryImportAttribute>() is not null);
}
