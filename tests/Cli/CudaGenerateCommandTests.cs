using Graft.Models;
using Graft.Tests.CudaEmulator;
using Graft.Tests.Importers.HuggingFace;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>graft generate --device cuda on the emulated GPU, as a program of its own.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaGenerateCommandTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("float32")]
    [InlineData("bf16")]
    [InlineData("int8")]
    public void A_text_is_continued_as_on_the_processor(string precision)
    {
        emulator.Begin($"{nameof(A_text_is_continued_as_on_the_processor)} {precision}");
        TokenizerFiles.WriteSmall(_folder);
        Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = 261, Positions = 64, Width = 16, Blocks = 1, Heads = 2, InitializerRange = 0.5f, EosToken = 260 });
        GenerateCommandTests.WriteModel(gpt, _folder);
        gpt.Release();
        (int code, string output, string error) = Generate("cuda");
        Assert.True(code == 0, error);
        Assert.Equal(Generate("cpu").Output, output);
        Assert.True(output.Length > "hello w".Length + 4, output);
        Assert.Matches(@"^\d+ tokens in ", error);

        (int Code, string Output, string Error) Generate(string device) =>
            GraftProcess.Run(emulator.Folder, "generate", "--model", _folder, "--prompt", "hello w", "--max-length", "20", "--precision", precision, "--device", device);
    }
}
