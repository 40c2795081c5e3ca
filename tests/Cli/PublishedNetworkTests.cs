using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Graft.Cli;
using Graft.Cli.Commands;
using Graft.Importers.Downloads;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Tests.Importers.Downloads;
using Graft.Training;
using Graft.Weights;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>graft weights, inspect and predict --base, run in process with caches of their own.</summary>
[Collection("command line")]
public sealed class PublishedNetworkTests : IDisposable
{
    private readonly TemporaryFiles _files = new();
    private readonly Dictionary<string, string?> _before = [];

    public PublishedNetworkTests()
    {
        foreach (string variable in new[] { "GRAFT_CACHE", "KERAS_HOME", "HF_HUB_CACHE" })
        {
            _before[variable] = Environment.GetEnvironmentVariable(variable);
            Environment.SetEnvironmentVariable(variable, _files[variable]);
        }
    }

    public void Dispose()
    {
        foreach ((string variable, string? value) in _before)
            Environment.SetEnvironmentVariable(variable, value);
        _files.Dispose();
    }

    [Fact]
    public void Weights_lists_the_places_what_is_there_and_what_can_be_pulled()
    {
        string truncated = Path.Combine(_files["KERAS_HOME"], "models", PublishedWeights.Of("vgg16").Files[0].Name);
        Directory.CreateDirectory(Path.GetDirectoryName(truncated)!);
        File.WriteAllBytes(truncated, new byte[1000]);
        (int code, string output, string error) = Run("weights");
        Assert.Equal("", error);
        Assert.Equal(0, code);
        foreach (string part in new[] { _files["GRAFT_CACHE"], Path.Combine(_files["KERAS_HOME"], "models"), _files["HF_HUB_CACHE"], "1,000 bytes of 58,889,256 bytes: not used", "resnet50", "gpt2" })
            Assert.Contains(part, output, StringComparison.Ordinal);
        Assert.Contains(_files["elsewhere"], Run("weights", "--cache", _files["elsewhere"]).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_published_language_model_is_found_by_its_name_once_it_was_pulled()
    {
        (int code, _, string error) = Run("generate", "--model", "gpt2", "--prompt-ids", "1,2");
        Assert.Equal(1, code);
        Assert.Contains("gpt2: no such folder, and the published gpt2 has not been downloaded. Get it with 'graft weights pull gpt2'", error, StringComparison.Ordinal);
        string folder = Path.Combine(_files["GRAFT_CACHE"], "gpt2");
        Directory.CreateDirectory(folder);
        foreach (PublishedFile file in PublishedWeights.Of("gpt2").Files)
        {
            using FileStream stream = File.Create(Path.Combine(folder, file.Name));
            stream.SetLength(file.Bytes); // zeros: the size is what says that it is there
        }
        foreach (string[] command in new string[][] { ["generate", "--prompt-ids", "1,2"], ["finetune-text", "--text", _files.Write("a.txt", "some text"u8.ToArray()), "--output", _files["out"]] })
            Assert.StartsWith($"graft: {Path.Combine(folder, "config.json")}: ", Run([.. command, "--model", "gpt2"]).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Pull_downloads_all_files_of_a_network_from_a_mirror()
    {
        byte[] content = [1, 2, 3, 4, 5];
        string digest = Convert.ToHexStringLower(SHA256.HashData(content));
        PublishedWeights net = new() { Name = "net", BaseAddress = new Uri("https://nowhere.invalid/"), Files = [new("a.json", "r/a.json", 5, digest), new("b.bin", "r/b.bin", 5, digest)] };
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", content)]);
        using var output = new StringWriter();
        RootCommand Root() => [WeightsCommand.Create(new Terminal(output, CancellationToken.None), [net])];
        Assert.Equal(0, Root().Parse(["weights", "pull", "net", "--base-address", $"{server.Address}mirror"]).Invoke());
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(_files["GRAFT_CACHE"], "net", "b.bin")));
        Assert.Equal(["GET /mirror/r/a.json HTTP/1.1", "GET /mirror/r/b.bin HTTP/1.1"], server.Requests.Select(r => r[..r.IndexOf('\r', StringComparison.Ordinal)]));
        Assert.Equal(0, Root().Parse(["weights", "pull", "net", "--offline"]).Invoke());
        Assert.Equal(2, server.Requests.Length);
    }

    [Fact]
    public void Pull_refuses_a_page_of_HTML_and_names_what_is_missing_offline()
    {
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", "<html>Sign in</html>"u8, "Content-Type: text/html\r\n")]);
        (int code, _, string error) = Run("weights", "pull", "vgg16", "--base-address", server.Address.AbsoluteUri);
        Assert.Equal(1, code);
        foreach (string part in new[] { "page of HTML", "20 bytes", "58889256 bytes with SHA-256 bfe5187d0a27" })
            Assert.Contains(part, error, StringComparison.Ordinal);
        (code, _, error) = Run("weights", "pull", "resnet50", "--top", "--offline");
        Assert.Equal(1, code);
        Assert.Contains(Path.Combine(_files["GRAFT_CACHE"], "resnet50", "resnet50_weights_tf_dim_ordering_tf_kernels.h5"), error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("weights", "pull", "bert")]
    [InlineData("weights", "pull")]
    [InlineData("weights", "pull", "gpt2", "--top")]
    [InlineData("weights", "pull", "vgg16", "--base-address", "ftp://x")]
    [InlineData("predict", "a.jpg")]
    [InlineData("predict", "--base", "resnet18", "a.jpg")]
    [InlineData("predict", "--base", "vgg16", "--model", "m.graft", "a.jpg")]
    [InlineData("predict", "--base", "vgg16", "a.jpg")] // nothing was pulled
    [InlineData("predict", "--base", "squeezenet", "a.jpg")] // cannot be pulled
    public void Bad_usage_is_exit_code_2_and_one_line(params string[] args)
    {
        (int code, _, string error) = Run(args);
        Assert.Equal(2, code);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Finetune_without_weights_says_how_to_pull_them_and_takes_them_once_they_are_there()
    {
        FlowerPainter.WriteSet(_files["data"], 2, 3);
        string[] args = ["finetune", "--data", _files["data"], "--split", "0.5", "--base", "vgg16", "--head", "gap", "--size", "32", "--epochs", "1", "--output", _files["out"]];
        (int code, _, string error) = Run(args);
        Assert.Equal(2, code);
        foreach (string part in new[] { "graft weights pull vgg16", "--weights FILE", _files["GRAFT_CACHE"] })
            Assert.Contains(part, error, StringComparison.Ordinal);

        PublishedWeights vgg = PublishedWeights.Of("vgg16");
        string pulled = WeightCache.Open().PathOf(vgg, vgg.Files[0]);
        Directory.CreateDirectory(Path.GetDirectoryName(pulled)!);
        Model random = Vgg16.Build(includeTop: false, 32, 32);
        KerasFile.Write(random, pulled);
        random.Release();
        using (FileStream file = File.OpenWrite(pulled))
            file.SetLength(vgg.Files[0].Bytes); // of the published size; HDF5 does not mind what is behind its end
        (code, string output, error) = Run(args);
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("val_accuracy=", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Predict_with_a_whole_network_names_the_likeliest_classes()
    {
        FlowerPainter.WriteSet(_files["data"], 1, 3);
        string image = _files[Path.Combine("data", "rose", "000.jpg")];
        Model network = ResNet.Build(50);
        network.Preprocessing = ResNet.Preprocess(ResNetVariant.Keras).For(new ImageInput(224, 224, ResizeFilter.Bilinear));
        KerasFile.Write(network, _files["resnet50.h5"]);
        ImageNetPrediction[] expected = ImageNet.DecodePredictions(PredictCommand.Predict(network, [image], null, CancellationToken.None), 3)[0];

        (int code, string output, string error) = Run("predict", "--base", "resnet50", "--weights", _files["resnet50.h5"], "--top", "3", image);
        Assert.Equal("", error);
        Assert.Equal(0, code);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(4, lines.Length);
        Assert.Equal($"{image}:", lines[0]);
        Assert.Equal(expected.Select(p => $"{p.Wnid} {p.Name} {p.Probability:F4}"), lines[1..].Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries))));

        ModelFile.Save(network, _files["resnet50.graft"]);
        network.Release();
        (code, output, error) = Run("predict", "--model", _files["resnet50.graft"], "--json", image);
        Assert.Equal("", error);
        Assert.Equal(0, code);
        JsonElement predictions = JsonDocument.Parse(output).RootElement[0].GetProperty("predictions");
        Assert.Equal(5, predictions.GetArrayLength());
        Assert.Equal(expected[0].Wnid, predictions[0].GetProperty("wnid").GetString());
    }

    [Fact]
    public void SqueezeNet_with_its_classifier_predicts_and_its_real_base_alone_does_not()
    {
        FlowerPainter.WriteSet(_files["data"], 1, 3);
        string image = _files[Path.Combine("data", "rose", "000.jpg")];
        Model network = SqueezeNet.Build();
        KerasFile.Write(network, _files["squeezenet.h5"]);
        network.Release();
        (int code, string output, string error) = Run("predict", "--base", "squeezenet", "--weights", _files["squeezenet.h5"], image);
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Equal(6, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        string wild = GraftShared.Path("corpora", "wild", "DeepCognition__keras-squeezenet", "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5");
        (code, _, error) = Run("predict", "--base", "squeezenet", "--weights", wild, image);
        Assert.Equal(1, code);
        Assert.Contains("has no classifier", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_classifier_and_a_model_without_classes_cannot_predict()
    {
        FlowerPainter.WriteSet(_files["data"], 1, 3);
        string image = _files[Path.Combine("data", "rose", "000.jpg")];
        Model small = new Sequential(8, 8, 3) { new Graft.Layers.Conv2D(2, 3, 3) { Name = "conv2_block1_1_conv" }, new Graft.Layers.GlobalAveragePooling2D() };
        small.Preprocessing = Graft.Training.Preprocessing.Caffe;
        KerasFile.Write(small, _files["notop.h5"]);
        ModelFile.Save(small, _files["small.graft"]);
        small.Release();
        (int code, _, string error) = Run("predict", "--base", "resnet50", "--weights", _files["notop.h5"], image);
        Assert.Equal(1, code);
        Assert.Contains("has no classifier", error, StringComparison.Ordinal);
        (code, _, error) = Run("predict", "--model", _files["small.graft"], image);
        Assert.Equal(1, code);
        Assert.Contains("no class names are stored", error, StringComparison.Ordinal);

        Model two = Training.SeveralOutputsTests.Build();
        ModelFile.Save(two, _files["two.graft"]);
        two.Release();
        foreach (string[] command in new string[][] { ["predict", "--model", _files["two.graft"], image], ["evaluate", "--model", _files["two.graft"], "--data", _files["data"]] })
        {
            (code, _, error) = Run(command);
            Assert.Equal(1, code);
            Assert.Contains("has 2 inputs and 2 outputs; predict and evaluate take one of each", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Inspect_prints_lines_or_JSON_and_one_line_for_damaged_files()
    {
        string onnx = Path.Combine(AppContext.BaseDirectory, "weights", "ResNetPreprocess.onnx");
        (int code, string output, string error) = Run("inspect", onnx);
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.StartsWith($"{onnx}: ONNX, ", output, StringComparison.Ordinal);
        Assert.Matches(@"Total: \d+ layers, \d+ arrays, [\d,]+ numbers, [\d,]+ bytes\s*$", output);
        JsonElement json = JsonDocument.Parse(Run("inspect", onnx, "--json").Output).RootElement;
        Assert.Equal("ONNX", json.GetProperty("format").GetString());
        Assert.Equal(json.GetProperty("arrays").GetArrayLength(), json.GetProperty("totals").GetProperty("arrays").GetInt32());
        (code, _, error) = Run("inspect", _files.Write("page.h5", "<html>"u8));
        Assert.Equal(1, code);
        Assert.Contains("page of HTML", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }
}
