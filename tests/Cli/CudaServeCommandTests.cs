using System.Text.Json.Nodes;
using Graft.Cli;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.CudaEmulator;
using Graft.Tests.Golden;
using Graft.Tests.Importers.HuggingFace;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>graft serve --device cuda on the emulated GPU, as a program of its own: its answers are those of the processor.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaServeCommandTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Images_of_several_requests_at_once_are_classified()
    {
        emulator.Begin(nameof(Images_of_several_requests_at_once_are_classified));
        var model = new Sequential(24, 24, 3) { new Conv2D(8, 3) { Activation = Activation.ReLU }, new GlobalAveragePooling2D(), new Dense(3, Activation.Softmax) };
        (model.ClassNames, model.Preprocessing) = (["daisy", "rose", "tulip"], Preprocessing.Tf.For(new ImageInput(24, 24, ResizeFilter.Bilinear)));
        ModelFile.Save(model, _files["flowers.graft"]);
        model.Release();
        byte[][] images = [.. Enumerable.Range(0, 6).Select(i => FlowerPainter.Paint("rose", i))];
        (float[][] gpu, float[][] cpu) = (await Classify("cuda"), await Classify("cpu"));
        Assert.All(cpu.Zip(gpu), p => Assert.Equal(p.First, p.Second, (a, b) => Math.Abs(a - b) < 1e-5f)); // sums of 75 products and 576 pixels in another order
        Assert.True(cpu.Select(p => p[0]).Distinct().Count() == images.Length, "All answers are alike.");

        // The probabilities of each image, all asked for at the same time.
        async Task<float[][]> Classify(string device)
        {
            float[][] answers = [];
            (int code, string output, string error) = await ServedProgram.Ask("TERM", emulator.Folder, async address => answers = await Task.WhenAll(images.Select(async image =>
            {
                JsonNode answer = await ServedProgram.Post(address, "/predict", new ByteArrayContent(image));
                return answer["predictions"]![0]!["top"]!.AsArray().OrderBy(c => (string)c!["class"]!, StringComparer.Ordinal).Select(c => (float)c!["probability"]!).ToArray();
            })), "--device", device, "--model", _files["flowers.graft"], "--max-batch", "4");
            Assert.Equal((0, ""), (code, error));
            Assert.Contains($"Serving 'flowers' (image classifier, 3 classes) on {device}", output, StringComparison.Ordinal);
            return answers;
        }
    }

    [Fact]
    public async Task Texts_of_several_requests_at_once_are_continued()
    {
        emulator.Begin(nameof(Texts_of_several_requests_at_once_are_continued));
        Directory.CreateDirectory(_files["gpt"]);
        TokenizerFiles.WriteSmall(_files["gpt"]);
        Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = 261, Positions = 64, Width = 16, Blocks = 1, Heads = 2, InitializerRange = 0.5f, EosToken = 260 });
        GenerateCommandTests.WriteModel(gpt, _files["gpt"]);
        gpt.Release();
        string[] prompts = ["hello w", "he", "world"];
        Assert.Equal(await Continue("cpu"), await Continue("cuda"));

        async Task<string[]> Continue(string device)
        {
            string[] answers = [];
            (int code, _, string error) = await ServedProgram.Ask("TERM", emulator.Folder, async address => answers = await Task.WhenAll(prompts.Select(async (prompt, i) =>
            {
                JsonNode answer = await ServedProgram.Post(address, "/generate",
                    $$$"""{"inputs": "{{{prompt}}}", "parameters": {"max_new_tokens": 12, "do_sample": {{{(i > 0 ? "true" : "false")}}}, "seed": {{{(i > 0 ? "7" : "null")}}}}}""");
                return answer["generated_text"]?.GetValue<string>() ?? answer.ToJsonString();
            })), "--device", device, "--model", _files["gpt"]);
            Assert.Equal((0, ""), (code, error));
            Assert.All(answers, a => Assert.False(a.StartsWith('{'), a));
            return answers;
        }
    }
}
