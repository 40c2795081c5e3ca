using System.Text.Json.Nodes;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>--precision on the emulated GPU, as programs of their own, and where it is refused.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaPrecisionCommandTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("bf16")]
    [InlineData("fp16")]
    public void A_text_is_learned_in_16_bits_and_the_history_says_so(string precision)
    {
        emulator.Begin($"{nameof(A_text_is_learned_in_16_bits_and_the_history_says_so)} {precision}");
        (int code, string output, string error) = Learn("cuda", precision);
        Assert.True(code == 0, error);
        Assert.Contains($"Products of what is trained in {precision}, weights and sums in float32; frozen layers and predictions in {precision}; on cuda:0", output, StringComparison.Ordinal);
        JsonNode history = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "out", "history.json")))!;
        Assert.Equal(precision == "fp16", history["loss_scale"] is not null);
        double[] loss = [.. history["loss"]!.AsArray().Select(v => (double)v!)];
        Assert.True(loss[1] < loss[0], "it learns");
    }

    [Fact]
    public void A_processor_refuses_before_anything_is_read()
    {
        (int code, string output, string error) = Learn("cpu", "bf16");
        Assert.Equal(1, code);
        Assert.Contains("cpu computes in float32 alone, not in bf16: that takes an NVIDIA GPU (--device cuda", error, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    private (int Code, string Output, string Error) Learn(string device, string precision)
    {
        string text = Path.Combine(_folder, "text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Repeat("to be or not to be ", 30)));
        return GraftProcess.Run(emulator.Folder, "finetune-text", "--new", "1x16x2", "--text", text, "--output", Path.Combine(_folder, "out"), "--epochs", "2", "--block", "16", "--batch", "8",
            "--sample-tokens", "0", "--precision", precision, "--device", device);
    }
}
