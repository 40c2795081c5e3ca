using Graft.Importers.Images;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using SkiaSharp;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Pixels are prepared as the weights want them, or not at all.</summary>
public sealed class PreprocessingChoiceTests : IDisposable
{
    private const int Size = 8;

    private static readonly string[] s_choices = ["Preprocessing.Caffe", "Preprocessing.Tf", "Preprocessing.Torch", "Preprocessing.None"];

    private readonly TemporaryFiles _files = new();

    public PreprocessingChoiceTests()
    {
        foreach ((string file, SKColor colour) in new[] { ("a/0.png", SKColors.Red), ("a/1.png", SKColors.Orange), ("b/0.png", SKColors.Blue), ("b/1.png", SKColors.Navy) })
        {
            using var bitmap = new SKBitmap(Size, Size, SKColorType.Rgba8888, SKAlphaType.Opaque);
            bitmap.Erase(colour);
            Directory.CreateDirectory(Path.GetDirectoryName(_files[$"data/{file}"])!);
            _files.Write($"data/{file}", bitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray());
        }
    }

    private string Data => _files["data"];

    private static ImageFolderOptions Binary => new() { LabelKind = LabelKind.Binary };

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Images_for_a_model_that_chose_no_preprocessing_are_refused_with_the_choices()
    {
        string message = Assert.Throws<GraftException>(() => ImageFolder.Open(Data, Network(), 2)).Message;
        foreach (string choice in s_choices)
            Assert.Contains(choice, message, StringComparison.Ordinal);
        Assert.Contains("Model 'network'", message, StringComparison.Ordinal);
        message = Assert.Throws<GraftException>(() => ImageFolder.Open(Data, (Size, Size), 2, (Preprocessing)null!)).Message;
        foreach (string choice in s_choices)
            Assert.Contains(choice, message, StringComparison.Ordinal);
        Assert.Contains("Preprocessing.Caffe", Assert.Throws<GraftException>(() => Network().RequirePreprocessing()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_line_refuses_to_predict_with_a_model_that_chose_none()
    {
        ModelFile.Save(Network(), _files["raw.graft"]);
        Model loaded = ModelFile.Load(_files["raw.graft"]).Model;
        Assert.Contains("Preprocessing.Caffe", Assert.Throws<GraftException>(() => Graft.Cli.Commands.EvaluateCommand.Reading(loaded, exif: false)).Message, StringComparison.Ordinal);
        loaded.Release();
    }

    [Fact]
    public void A_model_that_takes_no_images_is_refused_a_folder()
    {
        var numbers = new Sequential(4) { new Dense(1) };
        numbers.Preprocessing = Preprocessing.None;
        Assert.Contains("[H,W,3]", Assert.Throws<GraftException>(() => ImageFolder.Open(Data, numbers, 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_on_a_pretrained_base_takes_what_the_base_takes()
    {
        Model vgg = Vgg16.Build(includeTop: false, 32, 32);
        vgg.Preprocessing = Preprocessing.Caffe; // as loading weights sets it
        var model = new Sequential(32, 32, 3) { vgg, new Flatten(), new Dense(1, Activation.Sigmoid) };
        Assert.Same(Preprocessing.Caffe, model.Preprocessing);
        Assert.Equal("caffe", ImageFolder.Open(Data, model, 2, Binary).Preprocessing!.Name);
        model.Preprocessing = Preprocessing.None;
        Assert.Same(Preprocessing.None, model.Preprocessing);
    }

    [Fact]
    public void Fit_evaluate_and_predict_refuse_images_that_are_prepared_otherwise()
    {
        Model model = Compiled();
        model.Preprocessing = Preprocessing.Caffe;
        ImageFolder torch = ImageFolder.Open(Data, (Size, Size), 2, Preprocessing.Torch, Binary), caffe = ImageFolder.Open(Data, model, 2, Binary);
        foreach (Action act in new Action[] { () => model.Fit(torch, 1), () => model.Fit(caffe, 1, torch), () => model.Evaluate(torch), () => model.Predict(torch) })
        {
            string message = Assert.Throws<GraftException>(act).Message;
            Assert.Contains("'caffe'", message, StringComparison.Ordinal);
            Assert.Contains("'torch'", message, StringComparison.Ordinal);
        }
        model.Fit(caffe, 1, caffe);
        Assert.Equal(4, model.Predict(caffe).Length);
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void Fit_and_predict_use_one_preprocessing_and_the_model_file_keeps_it()
    {
        Model model = Compiled();
        Preprocessing own = Preprocessing.Tf with { Name = "own", Mean = [1, 0.5f, 0.25f] };
        ImageFolder data = ImageFolder.Open(Data, (Size, Size), 2, own, Binary);
        model.Fit(data, 2);
        Assert.Same(data.Preprocessing, model.Preprocessing);
        Assert.Equal(model.Preprocessing, ImageFolder.Open(Data, model, 2, Binary).Preprocessing);
        float[][] before = model.Predict(data);

        ModelFile.Save(model, _files["model.graft"]);
        Model loaded = ModelFile.Load(_files["model.graft"]).Model;
        Assert.Equal("own", loaded.Preprocessing!.Name);
        Assert.Equal(before, loaded.Predict(ImageFolder.Open(Data, loaded, 3, Binary)));
        Assert.Equal(before, loaded.Predict(data)); // the same numbers in another object are the same
        model.Optimizer!.Dispose();
        model.Release();
        loaded.Release();
    }

    private static Sequential Network()
    {
        var model = new Sequential(Size, Size, 3) { new Flatten(), new Dense(1, Activation.Sigmoid) { Name = "head" } };
        model.Name = "network";
        return model;
    }

    private static Sequential Compiled()
    {
        Sequential model = Network();
        model.Compile(new Adam(), Loss.BinaryCrossEntropy());
        return model;
    }
}
