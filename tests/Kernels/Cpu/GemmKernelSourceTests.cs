using Graft.Tools;
using Xunit;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>The generated kernels are what the generator writes.</summary>
public sealed class GemmKernelSourceTests
{
    [Fact]
    public void The_checked_in_kernels_are_what_the_generator_writes()
    {
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Engine.sln")))
            root = root.Parent;
        Assert.NotNull(root);
        string folder = Path.Combine(root.FullName, "src", "Kernels", "Cpu");
        foreach ((string name, string text) in GenerateGemmKernels.Files())
            Assert.Equal(text, File.ReadAllText(Path.Combine(folder, name)));
        Assert.Equal(GenerateGemmKernels.Files().Count(), Directory.GetFiles(folder, "GemmKernels*.Generated.cs").Length);
    }
}
