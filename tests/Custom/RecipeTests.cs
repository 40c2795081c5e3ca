using Graft.Autograd;
using Graft.Importers.Images;
using Graft.Layers;
using Graft.Tests.Importers.Images;
using Graft.Tests.Training;
using Graft.Training;
using Graft.Weights;
using Outside;
using SkiaSharp;
using Xunit;

namespace Graft.Tests.Custom;

/// <summary>The recipes of docs/recipes.md run, on pictures of red, green and blue.</summary>
public sealed class RecipeTests : IDisposable
{
    private const int Side = 16, Each = 8;

    private static readonly string[] s_colors = ["blue", "green", "red"];

    private readonly string _root = Directory.CreateTempSubdirectory("graft-recipes").FullName;

    public RecipeTests()
    {
        var random = new Random(3);
        List<string> rows = ["file,bluish,greenish,age"];
        foreach (string color in s_colors)
        {
            Directory.CreateDirectory(Path.Combine(_root, color));
            for (int i = 0; i < Each; i++)
            {
                using var bitmap = new SKBitmap(Side, Side);
                byte Tone(string own) => (byte)(color == own ? 200 + random.Next(50) : random.Next(60));
                bitmap.Erase(new SKColor(Tone("red"), Tone("green"), Tone("blue")));
                using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 90);
                File.WriteAllBytes(Path.Combine(_root, color, $"{i}.png"), data.ToArray());
                rows.Add($"{color}/{i}.png,{(color == "blue" ? 1 : 0)},{(color == "green" ? 1 : 0)},{Array.IndexOf(s_colors, color)}");
            }
        }
        File.WriteAllLines(Path.Combine(_root, "several.csv"), rows.Select(r => r[..r.LastIndexOf(',')]));
        File.WriteAllLines(Path.Combine(_root, "ages.csv"), rows);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_head_on_a_base_is_trained_by_name_and_its_mistakes_are_listed()
    {
        Model pretrained = Base(), model = Recipes.TwoPoolings(pretrained, 3);
        Assert.Equal(new Shape(4, 4, 8), Recipes.Features(pretrained, "layer4.conv").Outputs[0].Shape);
        float[] before = pretrained.GetLayer("layer1.conv").Parameters[0].Value.ToArray();
        Recipes.FreezeByName(pretrained, Images(), Images(), model);
        Assert.Equal(before, pretrained.GetLayer("layer1.conv").Parameters[0].Value.ToArray());

        string[] suspects = Recipes.Mistakes(model, Images());
        Assert.Equal(20, suspects.Length);
        Assert.True(string.CompareOrdinal(suspects[0][..5], suspects[^1][..5]) <= 0);

        float[] sample = Images().Epoch(0, 0, TrainingData.Token).First().Inputs[..(Side * Side * 3)];
        float[] heat = Recipes.GradCam(model, sample, 0, "layer4.conv");
        Assert.Equal(4 * 4, heat.Length);
        Assert.All(heat, h => Assert.True(h >= 0 && float.IsFinite(h)));
    }

    [Fact]
    public void Regularized_training_keeps_the_best_epoch_and_writes_its_logs()
    {
        Model model = Recipes.TwoPoolings(Base(), 3);
        model.Compile(new Adam(0.01f), Loss.CategoricalCrossEntropy(), Metric.Accuracy);
        History history = Recipes.Regularized(model, Images(), Images(), _root);
        Assert.Equal(history["val_accuracy"].Max(), ModelFile.Load(Path.Combine(_root, "best.graft")).History!.Last("val_accuracy"));
        Assert.True(File.Exists(Path.Combine(_root, "log.csv")));
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(_root, "tensorboard"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_rate_is_found_a_training_goes_on_and_columns_are_normalized()
    {
        Sequential model = TrainingData.BinaryModel(), whole = TrainingData.BinaryModel();
        LearningRateCurve curve = Recipes.FindRate(model, TrainingData.Binary());
        Assert.InRange(curve.Suggestion, 1e-4f, 1f);
        whole.Optimizer!.LearningRate = model.Optimizer!.LearningRate;
        Assert.Equal(curve.Suggestion, model.Optimizer.LearningRate);
        Model again = Recipes.GoOn(model, TrainingData.Binary(), Path.Combine(_root, "half.graft"));
        whole.Fit(TrainingData.Binary(), 4);
        Assert.Equal(TrainingData.Weights(whole), TrainingData.Weights(again));
        Assert.Equal([0, 1, 2, 3], again.History!.Epochs);
        Model table = Recipes.Table(TrainingData.Binary(), TrainingData.Features);
        var normalized = new Model(table.Inputs[0], table.GetNode("normalization"));
        float[][] rows = normalized.Predict(TrainingData.Binary());
        for (int column = 0; column < TrainingData.Features; column++)
        {
            Assert.Equal(0, rows.Average(r => r[column]), 1e-5);
            Assert.Equal(1, rows.Average(r => r[column] * r[column]), 1e-5);
        }
    }

    [Fact]
    public void Tables_teach_several_labels_and_numbers()
    {
        Model several = Recipes.SeveralLabels(Path.Combine(_root, "several.csv"), Base(), Preprocessing.Rescale);
        Assert.Equal(new Shape(2), several.Outputs[0].Shape);
        Assert.Equal(["bluish", "greenish"], several.ClassNames);
        Assert.True(several.History!.Last("loss") < several.History!["loss"][0]);
        Model numbers = Recipes.Numbers(Path.Combine(_root, "ages.csv"), Base(), Preprocessing.Rescale);
        Assert.True(numbers.History!.Last("mean_absolute_error") < numbers.History!["mean_absolute_error"][0]);
    }

    [Fact]
    public void Two_things_are_learned_from_photographs_and_what_is_known_of_them()
    {
        ImageFolder images = Images();
        float[] known = [.. Enumerable.Range(0, images.Count).SelectMany(i => new[] { images.Classes[i] - 1f, 0.5f })], ages = [.. images.Classes.Select(c => (float)c)];
        Model pretrained = Base();
        pretrained.Trainable = false;
        (History history, float[][][] outputs) = Recipes.TwoThings(images, pretrained, new SampleArray(known, new Shape(2)), new LabelArray(ages, new Shape(1), LabelKind.Values));
        Assert.Equal(["loss", "kind_loss", "kind_accuracy", "age_loss", "age_mean_absolute_error"], history.Names.Take(5));
        Assert.True(history.Last("loss") < history["loss"][0]);
        Assert.Equal([3, 1], outputs.Select(o => o[0].Length));
        Assert.Equal([images.Count, images.Count], outputs.Select(o => o.Length));
    }

    [Fact]
    public void Pixels_have_classes()
    {
        const int Large = 32;
        var pretrained = new Sequential(Large, Large, 3)
        {
            new Conv2D(6, 3) { Name = "half", Strides = (2, 2), Padding = Padding.Same, Activation = Activation.ReLU },
            new Conv2D(8, 3) { Strides = (2, 2), Padding = Padding.Same, Activation = Activation.ReLU },
        };
        pretrained.SetSeed(1);
        pretrained.Preprocessing = Preprocessing.Rescale;
        var random = new Random(1);
        for (int i = 0; i < 20; i++)
        {
            (int top, int left, bool isCat) = (random.Next(Large / 2), random.Next(Large / 2), i % 2 == 0);
            bool Inside(int y, int x) => y >= top && y < top + Large / 2 && x >= left && x < left + Large / 2;
            TestPictures.Write(Path.Combine(_root, "pixels", "photographs", $"{i:00}.png"), Large, Large, (y, x) => !Inside(y, x) ? new SKColor(40, 40, (byte)random.Next(80)) : isCat ? new SKColor(220, 90, 40) : new SKColor(60, 220, 90));
            TestPictures.Write(Path.Combine(_root, "pixels", "masks", $"{i:00}.png"), Large, Large, (y, x) => TestPictures.Gray(y == 0 ? 255 : !Inside(y, x) ? 0 : isCat ? 1 : 2)); // the first row has no class
        }
        Model model = Recipes.UNet(pretrained, ["half"], 3);
        model.SetSeed(2);
        EvaluationResult result = Recipes.Segment(Path.Combine(_root, "pixels"), pretrained, model);
        Assert.True(result["mean_iou"] > 0.6, result.ToString());
        Assert.Equal(4 * Large * (Large - 1), result.Confusion!.Total);
    }

    [Fact]
    public void A_small_object_is_learned_by_its_Dice()
    {
        const int Large = 16, Count = 12;
        var random = new Random(4);
        float[] pictures = [.. Enumerable.Range(0, Count * Large * Large).Select(_ => random.NextSingle() * 0.4f)], masks = new float[pictures.Length];
        for (int i = 0; i < Count; i++)
        {
            int at = (i * Large + random.Next(Large - 3)) * Large + random.Next(Large - 3);
            foreach (int pixel in new[] { at, at + 1, at + Large, at + Large + 1 })
                (pictures[pixel], masks[pixel]) = (0.6f + random.NextSingle() * 0.4f, 1);
        }
        var model = new Sequential(Large, Large, 1) { new Conv2D(4, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new Conv2D(1, 1) { Activation = Activation.Sigmoid } };
        model.SetSeed(3);
        model.Compile(new Adam(0.05f), Recipes.Dice, Metric.IoU(1));
        var data = new ArrayBatches(pictures, new Shape(Large, Large, 1), masks, new Shape(Large, Large, 1), LabelKind.Binary, batchSize: 4, shuffleSeed: 1);
        History history = model.Fit(data, epochs: 60);
        Assert.True(history.Last("loss") < 0.25, $"{history.Last("loss")}"); // 1 - Dice: 0 where all is right
        Assert.True(history.Last("iou_1") > 0.8, $"{history.Last("iou_1")}");
        // by hand: p = (0.5, 1), y = (0, 1): 1 - (2 · 1 + 1) / (1.5 + 1 + 1)
        using var tape = new Tape(Device.Cpu);
        Tensor loss = Recipes.Dice.Mean(tape, tape.Constant(new Shape(1, 1, 2, 1), [0.5f, 1]), tape.Constant(new Shape(1, 1, 2, 1), [0, 1f]));
        Assert.Equal(1 - 3 / 3.5f, loss.Item(), 1e-6f); // one rounding of float32
    }

    [Fact]
    public void Folds_are_trained_and_weights_copied()
    {
        double[] scores = Recipes.CrossValidate(Images(), () =>
        {
            Model model = Recipes.TwoPoolings(Base(), 3);
            model.Compile(new Adam(0.01f), Loss.CategoricalCrossEntropy(), Metric.Accuracy);
            return model;
        });
        Assert.Equal(5, scores.Length);

        Model teacher = Recipes.TwoPoolings(Base(1), 3), student = Recipes.TwoPoolings(Base(2), 4);
        Recipes.CopyWeights(teacher, student);
        Assert.Equal(teacher.GetLayer("layer4.conv").Parameters[0].Value.ToArray(), student.GetLayer("layer4.conv").Parameters[0].Value.ToArray());
    }

    private ImageFolder Images() => ImageFolder.Open(Pictures(), (Side, Side), batchSize: 8, Preprocessing.Rescale, new ImageFolderOptions { ShuffleSeed = 1 });

    private string Pictures()
    {
        string folder = Path.Combine(_root, "pictures");
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder);
            foreach (string color in s_colors)
            {
                Directory.CreateDirectory(Path.Combine(folder, color));
                foreach (string file in Directory.GetFiles(Path.Combine(_root, color)))
                    File.Copy(file, Path.Combine(folder, color, Path.GetFileName(file)));
            }
        }
        return folder;
    }

    private static Sequential Base(int seed = 1)
    {
        var pretrained = new Sequential(Side, Side, 3)
        {
            new Conv2D(4, 3) { Name = "layer1.conv", Padding = Padding.Same, Activation = Activation.ReLU },
            new MaxPooling2D(4) { Name = "pool" },
            new Conv2D(8, 3) { Name = "layer4.conv", Padding = Padding.Same, Activation = Activation.ReLU },
        };
        pretrained.Name = "base";
        pretrained.SetSeed(seed);
        return pretrained;
    }
}
