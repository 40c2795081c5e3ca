using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>graft devices and --device, each in a process of its own: a process finds its libraries once.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class DevicesCommandTests(CudaEmulator.CudaEmulator emulator)
{
    private const int NoCuda = 3, BadInput = 1, BadUsage = 2;

    [Fact]
    public void Without_cuda_the_report_says_what_is_missing_and_the_exit_code_is_3()
    {
        (int code, string output, string error) = GraftProcess.Run(null, "devices");
        Assert.SkipWhen(code == 0, "This machine has CUDA.");
        Assert.Equal(NoCuda, code);
        Assert.Equal("", error);
        foreach (string part in new[] { "cpu ", "Default      cpu: CUDA is not usable: driver was not found\n", "CUDA libraries", "GRAFT_CUDA_PATH", "CUDA is not usable: " })
            Assert.Contains(part, output, StringComparison.Ordinal);
        Assert.Matches(@"^cpu +\d+ processors, \d+ threads, vectors of (128|256|512) bits\n", output); // and no word of wider ones: the tests' program is compiled here
    }

    [Fact]
    public void Asking_for_cuda_where_there_is_none_fails_with_the_report()
    {
        Assert.SkipWhen(GraftProcess.Run(null, "devices").Code == 0, "This machine has CUDA.");
        (int code, _, string error) = GraftProcess.Run(null, "predict", "--model", "none.graft", "--device", "cuda", "none.jpg");
        Assert.Equal(BadInput, code);
        Assert.Contains("CUDA is not usable: ", error, StringComparison.Ordinal);
        Assert.Equal(BadInput, GraftProcess.Run(null, new Dictionary<string, string> { ["GRAFT_DEVICE"] = "cuda:1" }, "demo", "--output", Path.GetTempPath()).Code);
    }

    [Fact]
    public void A_device_that_there_is_not_is_bad_usage() => Assert.Equal(BadUsage, GraftProcess.Run(null, "predict", "--model", "x", "--device", "tpu", "y").Code);

    [Fact]
    public void With_a_gpu_cuda_is_usable_and_the_exit_code_is_0()
    {
        emulator.Begin(nameof(With_a_gpu_cuda_is_usable_and_the_exit_code_is_0));
        (int code, string output, _) = GraftProcess.Run(emulator.Folder, "devices");
        Assert.Contains(emulator.Folder is { } folder ? $"{folder}/libcuda.so.1" : "libcuda.so.", output, StringComparison.Ordinal);
        Assert.Contains("cuda:0 ", output, StringComparison.Ordinal);
        Assert.Contains("CUDA is usable: ", output, StringComparison.Ordinal);
        Assert.Contains("Compiled kernels are kept in ", output, StringComparison.Ordinal);
        Assert.Equal(0, code);
    }

    [Theory]
    [InlineData("cpu", "cpu: GRAFT_DEVICE is cpu")]
    [InlineData("reference", "reference: GRAFT_DEVICE is reference")]
    [InlineData("cuda", "cuda:0: GRAFT_DEVICE is cuda")]
    [InlineData("", "cuda:0: CUDA is usable: ")] // the first GPU, where nothing is said
    public void The_default_device_follows_the_variable(string device, string expected)
    {
        emulator.Begin($"{nameof(The_default_device_follows_the_variable)} {device}");
        (_, string output, _) = GraftProcess.Run(emulator.Folder, new Dictionary<string, string> { ["GRAFT_DEVICE"] = device }, "devices");
        Assert.Contains($"Default      {expected}", output, StringComparison.Ordinal);
    }
}
