using Graft.Tools;
using Xunit;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>The checked-in generated files are what the programs in tools/ write, no more and no fewer.</summary>
public sealed class GeneratedSourceTests
{
    private static string Folder { get; } = FindFolder();

    [Fact]
    public void The_register_tiles_are_what_their_generator_writes() => Check(GenerateGemmKernels.Files(), "Gemm*");

    [Fact]
    public void The_winograd_transforms_are_what_their_generator_writes() => Check(GenerateWinogradKernels.Files(), "Winograd*");

    [Fact]
    public void The_lanes_are_what_their_generator_writes() => Check(GenerateLanes.Files(), "Lanes*");

    [Fact]
    public void Every_generated_file_has_a_generator()
    {
        List<string> written = [.. GenerateGemmKernels.Files().Concat(GenerateWinogradKernels.Files()).Concat(GenerateLanes.Files()).Select(f => f.Name).Order(StringComparer.Ordinal)];
        Assert.Equal<List<string>>(written, [.. Directory.GetFiles(Folder, "*.Generated.cs").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)]);
    }

    private static void Check(IEnumerable<(string Name, string Text)> files, string pattern)
    {
        (string Name, string Text)[] written = [.. files];
        foreach ((string name, string text) in written)
            Assert.Equal(text, File.ReadAllText(Path.Combine(Folder, name)));
        Assert.Equal(written.Length, Directory.GetFiles(Folder, $"{pattern}.Generated.cs").Length);
    }

    private static string FindFolder()
    {
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Engine.sln")))
            root = root.Parent;
        return Path.Combine(root?.FullName ?? throw new DirectoryNotFoundException("No Engine.sln above the test program."), "src", "Kernels", "Cpu");
    }
}
