using System.Reflection;
using System.Text.RegularExpressions;
using Graft.Kernels;
using Xunit;

namespace Graft.Tests.House;

/// <summary>The rules of the house, held by tests.</summary>
public sealed partial class HouseTests
{
    internal static string Root { get; } = FindRoot();

    [Fact]
    public void No_source_file_is_longer_than_500_lines()
    {
        string[] tooLong = [.. Sources("src").Concat(Sources("bench")).Where(f => !f.EndsWith(".Generated.cs", StringComparison.Ordinal) && File.ReadLines(f).Count() > 500)];
        Assert.Empty(tooLong);
    }

    [Fact]
    public void No_file_of_the_cuda_emulator_is_longer_than_300_lines()
    {
        string[] endings = [".cpp", ".h", ".cu", ".cs", ".sh"];
        string[] tooLong = [.. Directory.EnumerateFiles(Path.Combine(Root, "tests", "CudaEmulator"), "*", SearchOption.AllDirectories)
            .Where(f => endings.Contains(Path.GetExtension(f)) && File.ReadLines(f).Count() > 300)];
        Assert.Empty(tooLong);
    }

    [Theory]
    [InlineData("Kernels", new string[0])]
    [InlineData("Engine", new[] { "Kernels" })]
    [InlineData("Models", new[] { "Engine" })]
    [InlineData("Importers", new[] { "Engine" })]
    [InlineData("Serving", new[] { "Models", "Importers" })]
    [InlineData("Cli", new[] { "Models", "Importers", "Serving" })]
    public void References_go_one_way(string project, string[] allowed)
    {
        string text = File.ReadAllText(Path.Combine(Root, "src", project, $"{project}.csproj"));
        string[] found = [.. ProjectReference().Matches(text).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal)];
        Assert.Equal(allowed.Order(StringComparer.Ordinal), found);
    }

    [Theory]
    [InlineData("Kernels")]
    [InlineData("Engine")]
    public void Kernels_and_engine_depend_on_no_package(string project) =>
        Assert.DoesNotContain("PackageReference", File.ReadAllText(Path.Combine(Root, "src", project, $"{project}.csproj")), StringComparison.Ordinal);

    [Fact]
    public void Unsafe_code_lives_in_kernels_alone()
    {
        string[] elsewhere = [.. Sources("src").Where(f => !f.Contains($"{Path.DirectorySeparatorChar}Kernels{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
            && UnsafeWord().IsMatch(File.ReadAllText(f)))];
        Assert.Empty(elsewhere);
    }

    [Fact]
    public void No_two_public_types_share_a_name()
    {
        // A program that has the usings of both could name neither.
        string[] shared = [.. new[] { "Kernels", "Engine", "Models", "Importers", "Serving" }.SelectMany(p => Sources(Path.Combine("src", p))).Select(File.ReadAllText)
            .SelectMany(text => PublicType().Matches(text).Select(m => (Name: m.Groups[1].Value, Space: Namespace().Match(text).Groups[1].Value))).Distinct()
            .GroupBy(t => t.Name).Where(g => g.Count() > 1).Select(g => $"{g.Key} in {string.Join(" and ", g.Select(t => t.Space))}")];
        Assert.Empty(shared);
    }

    [Fact]
    public void No_unfinished_work_is_left_in_the_sources()
    {
        string[] found = [.. Sources("src").Where(f => Unfinished().IsMatch(File.ReadAllText(f)))];
        Assert.Empty(found);
    }

    [Fact]
    public void Every_op_folder_of_the_kernels_has_a_contract_and_all_three_sets()
    {
        string kernels = Path.Combine(Root, "src", "Kernels");
        var gaps = new List<string>();
        foreach (string folder in Directory.GetDirectories(kernels))
        {
            string op = Path.GetFileName(folder);
            if (op is "Cpu" or "Cuda" or "Memory" || Directory.GetFiles(folder, "*.cs").Length == 0)
                continue;
            foreach (string ending in new[] { "Kernels.cs", "Kernels.Reference.cs", "Kernels.Cpu.cs", "Kernels.Cuda.cs" })
            {
                if (!File.Exists(Path.Combine(folder, op + ending)))
                    gaps.Add($"{op}/{op}{ending}");
            }
        }
        Assert.Empty(gaps);
    }

    [Fact]
    public void A_backward_kernel_ends_in_beta()
    {
        string[] writeAlone = ["RecurrentKernels.Backward", "BatchNormKernels`1.BackwardSums"]; // to memory that nobody else adds to
        string[] without = [.. from contract in typeof(KernelSet).Assembly.GetExportedTypes()
                               where contract.IsAbstract && contract.Namespace == typeof(KernelSet).Namespace
                               from method in contract.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
                               where method.Name.Contains("Backward", StringComparison.Ordinal)
                               let last = method.GetParameters().Last(p => !p.IsOptional)
                               where last.ParameterType != typeof(float) || !last.Name!.StartsWith("beta", StringComparison.Ordinal)
                               select $"{contract.Name}.{method.Name}"];
        Assert.Equal(writeAlone.Order(StringComparer.Ordinal), without.Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories);

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Engine.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("No Engine.sln above the test program.");
    }

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^public (?:\w+ )*?(?:class|record struct|record|struct|enum|interface) (\w+)", RegexOptions.Multiline)]
    private static partial Regex PublicType();

    [GeneratedRegex(@"ProjectReference Include=""\.\./\w+/(\w+)\.csproj""")]
    private static partial Regex ProjectReference();

    [GeneratedRegex(@"^\s*(?:\w+\s+)*unsafe\b", RegexOptions.Multiline)]
    private static partial Regex UnsafeWord();

    [GeneratedRegex(@"NotImplementedException|TODO(?!\(#)|FIXME|catch\s*\{\s*\}")]
    private static partial Regex Unfinished();
}
