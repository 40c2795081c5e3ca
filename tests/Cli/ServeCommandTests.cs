using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Graft.Cli;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Tests.Importers.HuggingFace;
using Graft.Training;
using Graft.Weights;
using Xunit;
using static Graft.Tests.Cli.ServedProgram;

namespace Graft.Tests.Cli;

/// <summary>graft serve as a program of its own: what it prints, what it opens, and how it ends.</summary>
[Collection("command line")]
public sealed class ServeCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_model_of_finetune_answers_what_predict_prints_and_a_signal_ends_it_with_0(string signal)
    {
        string model = Sub("flowers model.graft"), image = Sub("rose.jpg");
        Save(model);
        byte[] rose = FlowerPainter.Paint("rose", 1);
        File.WriteAllBytes(image, rose);
        (int code, string output, string error) = await Serve(signal, async address =>
        {
            using var body = new ByteArrayContent(rose) { Headers = { ContentType = new MediaTypeHeaderValue("image/jpeg") } };
            JsonNode served = (await Post(address, "/v1/models/flowers-model:predict?top=3", body))["predictions"]![0]!;
            using var printed = new StringWriter(CultureInfo.InvariantCulture);
            Assert.Equal(0, Application.Run(["predict", "--model", model, "--json", image], printed, TextWriter.Null));
            JsonNode expected = JsonNode.Parse(printed.ToString())![0]!;
            Assert.Equal((string)expected["class"]!, (string)served["class"]!);
            Assert.Equal(expected["probabilities"]!.AsObject().OrderByDescending(p => (float)p.Value!).Select(p => (p.Key, p.Value!.ToJsonString())),
                served["top"]!.AsArray().Select(c => ((string)c!["class"]!, c["probability"]!.ToJsonString())));
        }, "--model", model, "--max-batch", "4", "--verbose"); // predict takes the algorithms for one image, and so does a server of small batches
        Assert.Equal((0, ""), (code, error));
        Assert.Matches(@"^Serving 'flowers-model' \(image classifier, 3 classes\) on cpu at http://127\.0\.0\.1:\d+; Ctrl\+C stops it\.\n\d\d:\d\d:\d\d\.\d{3} POST /v1/models/flowers-model:predict 200 \d+\.\d ms\n$", output);
    }

    [Fact]
    public async Task A_folder_of_a_language_model_generates_and_other_models_take_numbers()
    {
        Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = 261, Positions = 64, Width = 16, Blocks = 1, Heads = 2, InitializerRange = 0.5f, EosToken = 260 });
        TokenizerFiles.WriteSmall(Sub("gpt"));
        GenerateCommandTests.WriteModel(gpt, Sub("gpt"));
        gpt.Release();
        using var printed = new StringWriter(CultureInfo.InvariantCulture);
        Assert.Equal(0, Application.Run(["generate", "--model", Sub("gpt"), "--prompt", "hello w", "--max-new-tokens", "9", "--precision", "int8"], printed, TextWriter.Null));
        (_, string output, _) = await Serve("TERM", async address => Assert.Equal(printed.ToString().TrimEnd('\n'),
            (string)(await Post(address, "/generate", """{"inputs": "hello w", "parameters": {"max_new_tokens": 9, "return_full_text": true}}"""))["generated_text"]!), "--model", Sub("gpt"), "--precision", "int8");
        Assert.Contains("Serving 'gpt' (language model, up to 64 tokens)", output, StringComparison.Ordinal);

        var numbers = new Sequential(2) { new Dense(1) { UseBias = false, KernelInitializer = Initializers.Ones } };
        ModelFile.Save(numbers, Sub("sum.graft"));
        numbers.Release();
        (_, output, _) = await Serve("TERM", async address => Assert.Equal("""{"predictions":[[3]]}""", (await Post(address, "/predict", """{"instances": [[1, 2]]}""")).ToJsonString()), "--model", Sub("sum.graft"), "--name", "adder");
        Assert.Contains("Serving 'adder' (", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_published_network_names_the_classes_that_predict_names()
    {
        string weights = Sub("squeezenet.h5"), image = Sub("rose.jpg");
        Model network = SqueezeNet.Build();
        KerasFile.Write(network, weights);
        network.Release();
        byte[] rose = FlowerPainter.Paint("rose", 1);
        File.WriteAllBytes(image, rose);
        using var printed = new StringWriter(CultureInfo.InvariantCulture);
        Assert.Equal(0, Application.Run(["predict", "--base", "squeezenet", "--weights", weights, "--json", image], printed, TextWriter.Null));
        JsonArray expected = JsonNode.Parse(printed.ToString())![0]!["predictions"]!.AsArray();
        (int code, string output, string error) = await Serve("TERM", async address =>
        {
            using var body = new ByteArrayContent(rose);
            JsonArray served = (await Post(address, "/v1/models/squeezenet:predict", body))["predictions"]![0]!["top"]!.AsArray();
            Assert.Equal(expected.Select(c => ((string)c!["wnid"]!, c["probability"]!.ToJsonString())), served.Select(c => ((string)c!["wnid"]!, c["probability"]!.ToJsonString())));
        }, "--base", "squeezenet", "--weights", weights, "--max-batch", "1");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Serving 'squeezenet' (image classifier, 1000 classes)", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "serve takes --model")]
    [InlineData(2, "either --model or --base", "--model", "x.graft", "--base", "vgg16")]
    [InlineData(2, "goes with --base", "--model", "x.graft", "--weights", "w.h5")]
    [InlineData(2, "--host there: is no address", "--model", "x.graft", "--host", "there")]
    [InlineData(2, "--port 70000 is outside 0 to 65535", "--model", "x.graft", "--port", "70000")]
    [InlineData(2, "--max-batch 33 is outside 1 to 32", "--model", "x.graft", "--max-batch", "33")]
    [InlineData(2, "--name a/b: is no name", "--model", "x.graft", "--name", "a/b")]
    [InlineData(1, "x.graft: no such file", "--model", "x.graft")]
    public void What_cannot_be_served_is_told_in_one_line(int code, string words, params string[] args)
    {
        using var error = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        Assert.Equal(code, Application.Run(["serve", .. args], TextWriter.Null, error));
        Assert.Contains(words, error.ToString(), StringComparison.Ordinal);
        Assert.Single(error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Precisions_are_those_of_the_model()
    {
        Save(Sub("model.graft"));
        using var error = new StringWriter(CultureInfo.InvariantCulture);
        Assert.Equal(2, Application.Run(["serve", "--model", Sub("model.graft"), "--precision", "int8"], TextWriter.Null, error));
        Assert.Contains("is for the weights of language models", error.ToString(), StringComparison.Ordinal);
    }

    private static void Save(string path)
    {
        var model = new Sequential(24, 24, 3) { new Conv2D(8, 3), new GlobalAveragePooling2D(), new Dense(3, Activation.Softmax) };
        (model.ClassNames, model.Preprocessing) = (["daisy", "rose", "tulip"], Preprocessing.Tf.For(new ImageInput(24, 24, ResizeFilter.Bilinear)));
        ModelFile.Save(model, path);
        model.Release();
    }

    private static Task<(int Code, string Output, string Error)> Serve(string signal, Func<Uri, Task> ask, params string[] args) =>
        ServedProgram.Ask(signal, libraries: null, ask, ["--device", "cpu", .. args]);

    private string Sub(string name) => Path.Combine(_folder, name);
}
