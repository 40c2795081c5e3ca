using Graft.Cli;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>Options without those that they go with: refused, since they would be ignored.</summary>
[Collection("command line")]
public sealed class PartnersTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public PartnersTests()
    {
        FlowerPainter.WriteSet(_files["data/train"], 1, 3);
        FlowerPainter.WriteSet(_files["data/validation"], 1, 4);
        Directory.CreateDirectory(_files["folder"]);
        var model = new Sequential(8, 8, 3) { new GlobalAveragePooling2D(), new Dense(2, Activation.Softmax) };
        model.ClassNames = ["cat", "dog"];
        model.Preprocessing = Preprocessing.Rescale.For(new ImageInput(8, 8, ResizeFilter.Bilinear));
        ModelFile.Save(model, _files["own.graft"]);
        model.Release();
    }

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("--unfreeze-epochs, --unfreeze-learning-rate: of use with --unfreeze N alone", "finetune", "--data", "@data/train", "--unfreeze-epochs", "3", "--unfreeze-learning-rate", "1e-4", "--output", "@out")]
    [InlineData("--augmented-copies: goes with --augment", "finetune", "--data", "@data/train", "--augmented-copies", "4", "--output", "@out")]
    [InlineData("--split: nothing is held back where there are images to validate on, as in ", "finetune", "--data", "@data", "--split", "0.3", "--output", "@out")]
    [InlineData("--split: nothing is held back where there are images to validate on, as in ", "finetune", "--data", "@data/train", "--validation", "@data/validation", "--split", "0.3", "--output", "@out")]
    [InlineData("--json and --csv: take one of them", "predict", "--model", "@own.graft", "--json", "--csv", "@data/train/rose/000.jpg")]
    [InlineData("--top: for ImageNet's 1000 classes; this model has 2 of its own, which are all shown", "predict", "--model", "@own.graft", "--top", "1", "@data/train/rose/000.jpg")]
    [InlineData("--masks: for models that give each pixel a class", "predict", "--model", "@own.graft", "--masks", "m", "@data/train/rose/000.jpg")]
    [InlineData("--weights: goes with --base", "predict", "--model", "@own.graft", "--weights", "w.h5", "@data/train/rose/000.jpg")]
    [InlineData("--threshold, --csv: of no use with texts", "predict", "--model", "@folder", "--threshold", "0.2", "--csv", "--text", "x")]
    [InlineData("--block, --adapter: of use with --text alone", "evaluate", "--model", "@own.graft", "--data", "@data/train", "--block", "4", "--adapter", "a")]
    [InlineData("--csv, --label-columns: of use with --data alone", "evaluate", "--model", "@folder", "--text", "t.txt", "--csv", "c.csv", "--label-columns", "a")]
    [InlineData("--opset, --preprocessing: for --format onnx, not keras", "export", "--model", "@own.graft", "--format", "keras", "--opset", "17", "--preprocessing", "--output", "@m.keras")]
    [InlineData("--keras-version: for --format keras-h5, not keras", "export", "--model", "@own.graft", "--format", "keras", "--keras-version", "3", "--output", "@m.keras")]
    [InlineData("--adapter, --with-past: for the folder of a GPT-2; ", "export", "--model", "@own.graft", "--format", "onnx", "--adapter", "a", "--with-past", "--output", "@m.onnx")]
    [InlineData("--architecture: for a file that leaves it open; ", "export", "--model", "@folder", "--format", "onnx", "--architecture", "a.json", "--output", "@m.onnx")]
    [InlineData("--weights: goes with --base", "serve", "--model", "@own.graft", "--weights", "w.h5")]
    public void An_option_without_its_partner_is_exit_code_2(string words, params string[] args) =>
        GraftRun.Fails(2, $"graft: {words}", [.. args.Select(a => a.StartsWith('@') ? _files[a[1..]] : a)]);
}
