using System.Reflection;
using System.Runtime.InteropServices;
using Graft.Kernels.Cuda.Native;
using Graft.Tests.House;
using Xunit;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>
/// Every declaration against NVIDIA's headers, as Abi/functions.tsv and Abi/enums.tsv have them (CUDA 12.0 to 13.0, cuDNN 9): a wrong parameter would be
/// read as garbage in silence.
/// </summary>
public sealed class AbiTests
{
    private static readonly Type[] s_libraries = [typeof(Driver), typeof(Nvrtc), typeof(Cublas), typeof(CublasLt), typeof(Cudnn)];

    private static readonly Dictionary<string, string[]> s_functions = Rows("functions.tsv").ToDictionary(r => r[1]);

    public static TheoryData<string> Declarations => new(All().Select(m => m.Name));

    [Theory, MemberData(nameof(Declarations))]
    public void A_declaration_has_the_library_and_the_parameters_of_the_header(string name)
    {
        MethodInfo method = All().Single(m => m.Name == name);
        Assert.True(s_functions.TryGetValue(name, out string[]? row), $"{name} is not in Abi/functions.tsv: add its row from the headers, or the name is wrong.");
        LibraryImportAttribute import = method.GetCustomAttribute<LibraryImportAttribute>()!;
        Assert.Equal(row[0], import.LibraryName);
        Assert.True(import.EntryPoint is null || import.EntryPoint == name, $"{name} binds {import.EntryPoint}.");
        Assert.DoesNotContain("removed", row[4], StringComparison.Ordinal);
        Assert.DoesNotContain("not-exported", row[4], StringComparison.Ordinal);
        Assert.Equal(row[3], string.Join(',', method.GetParameters().Select(p => Form(p.ParameterType))));
        Assert.Equal(ReturnForm(row[2]), method.ReturnType == typeof(void) ? "void" : Form(method.ReturnType));
        if (method.ReturnType.IsEnum)
            Assert.Equal(row[2], method.ReturnType.Name);
    }

    [Fact]
    public void Every_row_of_the_table_is_declared() =>
        Assert.Equal(s_functions.Keys.Order(StringComparer.Ordinal), All().Select(m => m.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_member_of_an_enum_has_the_value_of_the_header()
    {
        string[] declared = [.. Enums().SelectMany(e => Enum.GetNames(e).Select(n => $"{e.Name}.{n} = {Convert.ToInt64(Enum.Parse(e, n), null)}")).Order(StringComparer.Ordinal)];
        Assert.Equal(Rows("enums.tsv").Select(r => $"{r[1]}.{r[2]} = {r[3]}").Order(StringComparer.Ordinal), declared);
    }

    [Fact]
    public void Every_handle_is_one_address_wide()
    {
        Type[] handles = [.. All().SelectMany(m => m.GetParameters()).Select(p => Bare(p.ParameterType)).Where(t => t is { IsValueType: true, IsEnum: false, IsPrimitive: false, IsPointer: false }).Distinct()];
        Assert.NotEmpty(handles);
        Assert.All(handles, h => Assert.Equal([typeof(nint)], h.GetFields(BindingFlags.Instance | BindingFlags.NonPublic).Select(f => f.FieldType)));
    }

    [Fact]
    public void No_declaration_is_unused_and_none_hides_from_the_garbage_collector()
    {
        string native = Path.Combine("Kernels", "Cuda", "Native");
        string[] files = Directory.GetFiles(Path.Combine(HouseTests.Root, "src"), "*.cs", SearchOption.AllDirectories);
        string users = string.Concat(files.Where(f => !f.Contains(Path.Combine(native, "Driver.cs"), StringComparison.Ordinal) && !s_libraries.Any(l => f.EndsWith(Path.Combine(native, l.Name + ".cs"), StringComparison.Ordinal))).Select(File.ReadAllText));
        Assert.DoesNotContain(All().Select(m => m.Name).Concat(Enums().SelectMany(Enum.GetNames)), n => !users.Contains(n, StringComparison.Ordinal));
        // Garbage is collected while a kernel runs: a call that blocks the collector would stop the program (and a fault in the emulator would end it).
        Assert.DoesNotContain(files, f => File.ReadAllText(f).Contains("SuppressGCTransition", StringComparison.Ordinal));
    }

    [Fact]
    public void A_launch_and_its_attributes_are_laid_out_as_in_the_header()
    {
        Assert.Equal((56, 72), (Marshal.SizeOf<CUlaunchConfig>(), Marshal.SizeOf<CUlaunchAttribute>()));
        foreach ((string field, int offset) in new[] { ("GridX", 0), ("BlockZ", 20), ("SharedBytes", 24), ("Stream", 32), ("Attributes", 40), ("AttributeCount", 48) })
            Assert.Equal(offset, (int)Marshal.OffsetOf<CUlaunchConfig>(field));
        Assert.Equal((0, 8), ((int)Marshal.OffsetOf<CUlaunchAttribute>("Id"), (int)Marshal.OffsetOf<CUlaunchAttribute>("Value")));
    }

    private static IEnumerable<MethodInfo> All() =>
        s_libraries.SelectMany(t => t.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)).Where(m => m.GetCustomAttribute<LibraryImportAttribute>() is not null);

    [Fact]
    public void An_entry_of_a_list_of_algorithms_is_laid_out_as_in_the_header() // the same for all three directions, in all of cuDNN 9
    {
        Assert.Equal(48, Marshal.SizeOf<cudnnConvolutionAlgoPerf>());
        foreach ((string field, int offset) in new[] { ("Algo", 0), ("Status", 4), ("Time", 8), ("Memory", 16), ("Determinism", 24), ("MathType", 28), ("_reserved", 32) })
            Assert.Equal(offset, (int)Marshal.OffsetOf<cudnnConvolutionAlgoPerf>(field));
    }

    [Fact]
    public void An_algorithm_of_cublaslt_is_laid_out_as_in_the_header()
    {
        Assert.Equal(96, Marshal.SizeOf<cublasLtMatmulHeuristicResult>());
        foreach ((string field, int offset) in new[] { ("_algo", 0), ("WorkspaceSize", 64), ("State", 72), ("WavesCount", 76), ("_reserved", 80) })
            Assert.Equal(offset, (int)Marshal.OffsetOf<cublasLtMatmulHeuristicResult>(field));
    }

    private static IEnumerable<Type> Enums()
    {
        IEnumerable<Type> used = All().SelectMany(m => m.GetParameters().Select(p => p.ParameterType).Append(m.ReturnType));
        used = used.Append(typeof(cublasLtEpilogue_t)).Append(typeof(cublasLtReductionScheme_t)).Append(typeof(CUlaunchAttributeID)); // handed over as attributes, and in a list of them
        return used.SelectMany(t => t.IsPointer ? t.GetElementType()!.GetFields(BindingFlags.Instance | BindingFlags.Public).Select(f => f.FieldType) : [Bare(t)]).Where(t => t.IsEnum).Distinct();
    }

    private static Type Bare(Type type) => type.IsByRef ? type.GetElementType()! : type;

    internal static string Form(Type type) => type switch
    {
        { IsByRef: true } or { IsPointer: true } or { IsArray: true } => "ptr",
        _ when type == typeof(string) || type == typeof(nint) => "ptr",
        { IsEnum: true } => Form(Enum.GetUnderlyingType(type)),
        _ when type == typeof(ushort) => "u16",
        _ when type == typeof(int) => "i32",
        _ when type == typeof(uint) => "u32",
        _ when type == typeof(long) => "i64",
        _ when type == typeof(ulong) => "u64",
        _ when type == typeof(nuint) => "usize",
        _ when type == typeof(float) => "f32",
        _ when type == typeof(double) => "f64",
        { IsValueType: true } => "ptr", // a handle: Every_handle_is_one_address_wide
        _ => $"unknown {type}",
    };

    private static string ReturnForm(string type) => type switch
    {
        "void" => "void",
        "size_t" => "usize",
        "const char*" => "ptr",
        _ => "i32", // a status
    };

    private static IEnumerable<string[]> Rows(string file) =>
        File.ReadLines(Path.Combine(HouseTests.Root, "tests", "Kernels", "Cuda", "Abi", file)).Skip(1).Select(l => l.Split('\t'));
}
