using Graft.Cli;
using Graft.Importers.Numpy;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>Folders and files given as --model: the one that finetune wrote is opened, each other is told for what it is.</summary>
[Collection("command line")]
public sealed class ModelPathTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public ModelPathTests()
    {
        Photographs("photos");
        Texts("gpt2", []);
        Texts("spam", ["ham", "spam"]);
        Directory.CreateDirectory(_files["empty"]);
        Directory.CreateDirectory(_files["begun"]);
        File.WriteAllText(_files["begun/finetune.json"], "{}");
        Directory.CreateDirectory(_files["lora"]);
        File.WriteAllText(_files["lora/adapter_config.json"], "{}");
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void The_folder_that_finetune_wrote_stands_for_the_model_in_it()
    {
        FlowerPainter.WriteSet(_files["data"], 1, 3);
        foreach (string kind in FlowerPainter.Kinds.Skip(2))
            Directory.Delete(_files[$"data/{kind}"], recursive: true);
        NpyFile.Write(_files["x.npy"], new Shape(1, 8, 8, 3), new float[192]);
        string model = _files["photos"];
        Assert.Contains("(daisy 0.", GraftRun.Succeeds("predict", "--model", model, _files["data/daisy/000.jpg"]), StringComparison.Ordinal);
        Assert.Contains("accuracy=", GraftRun.Succeeds("evaluate", "--model", model, "--data", _files["data"]), StringComparison.Ordinal);
        Assert.Contains("[1,2]: ", GraftRun.Succeeds("run", "--model", model, "--input", _files["x.npy"], "--output", _files["y.npy"]), StringComparison.Ordinal);
        Assert.Contains("Wrote ", GraftRun.Succeeds("export", "--model", model, "--format", "keras", "--output", _files["m.keras"]), StringComparison.Ordinal);
        Assert.Contains("Graft model", GraftRun.Succeeds("inspect", model), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_another_program_is_told_with_what_takes_it()
    {
        GraftRun.Succeeds("export", "--model", _files["photos/model.graft"], "--format", "onnx", "--output", _files["m.onnx"]);
        foreach (string[] use in new string[][] { ["predict", "x.jpg"], ["evaluate", "--data", "x"] })
        {
            GraftRun.Fails(1, $"m.onnx: is a file of another program (ONNX); {use[0]} takes .graft files, which say how photographs are read and what the outputs are called. 'graft run' computes models of Keras and ONNX on arrays",
                [use[0], "--model", _files["m.onnx"], .. use[1..]]);
        }
    }

    [Theory]
    [InlineData("spam: is the folder of a classifier of texts; give it texts by --text or --text-file", "predict", "spam", "x.jpg")]
    [InlineData("gpt2: is the folder of a language model; measure it by --text, or name a model of photographs for --data.", "evaluate", "gpt2", "--data", "x")]
    [InlineData("gpt2: is the folder of a language model; run computes models of arrays", "run", "gpt2", "--input", "x.npy", "--output", "y.npy")]
    [InlineData("lora: is the folder of a LoRA adapter of a language model; a .graft file, or the folder that finetune wrote it to, is due here.", "predict", "lora", "x.jpg")]
    [InlineData("begun: holds a training that has not come to its end, and no model.graft yet; go on with it by 'graft finetune' with the options of then and --resume.", "predict", "begun", "x.jpg")]
    [InlineData("empty: is a folder without model.graft; a .graft file", "predict", "empty", "x.jpg")]
    [InlineData("empty: is a folder with neither model.graft nor config.json; ", "export", "empty", "--format", "onnx", "--output", "y.onnx")]
    [InlineData("lora: is the folder of a LoRA adapter, not of a whole model; name the folder of the model that it is for by --model, and this one by --adapter.", "export", "lora", "--format", "onnx", "--output", "y.onnx")]
    [InlineData("photos: holds model.graft, which is no model of texts; ", "generate", "photos", "--prompt", "x")]
    [InlineData("photos: holds model.graft, which is no model of texts; ", "predict", "photos", "--text", "x")]
    [InlineData("photos: holds model.graft, which is no model of texts; ", "evaluate", "photos", "--text", "x.txt")]
    [InlineData("photos: holds model.graft, which is no model of texts; ", "finetune-text", "photos", "--text", "x.txt", "--output", "y")]
    public void A_folder_of_another_kind_is_told_for_what_it_is(string words, string command, string folder, params string[] more)
    {
        NpyFile.Write(_files["x.npy"], new Shape(1, 1), [1]);
        GraftRun.Fails(1, words, [command, "--model", _files[folder], .. more.Select(m => m.Contains('.', StringComparison.Ordinal) ? _files[m] : m)]);
    }

    private void Photographs(string folder)
    {
        Directory.CreateDirectory(_files[folder]);
        var model = new Sequential(8, 8, 3) { new GlobalAveragePooling2D(), new Dense(2, Activation.Softmax) };
        model.ClassNames = [.. FlowerPainter.Kinds.Take(2)];
        model.Preprocessing = Preprocessing.Rescale.For(new ImageInput(8, 8, ResizeFilter.Bilinear));
        ModelFile.Save(model, _files[$"{folder}/model.graft"]);
        model.Release();
    }

    private void Texts(string folder, string[] classes)
    {
        Directory.CreateDirectory(_files[folder]);
        Gpt2Config config = new() { VocabularySize = 8, Positions = 4, Width = 4, Blocks = 1, Heads = 1, EosToken = null, ClassNames = classes };
        File.WriteAllText(_files[$"{folder}/config.json"], config.ToJson());
    }
}
