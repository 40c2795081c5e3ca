using System.Globalization;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Graft.Cli;
using Graft.Cli.Commands;
using Graft.Importers.Images;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using SkiaSharp;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>Commands run in process, as the program's entry point runs them.</summary>
[Collection("command line")]
public sealed class CommandLineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("finetune")]
    [InlineData("finetune", "--data", "x", "--output", "y", "--base", "alexnet")]
    [InlineData("finetune", "--data", "x", "--output", "y", "--epochs", "0")]
    [InlineData("finetune", "--data", "x", "--output", "y", "--learning-rate", "-1")]
    [InlineData("predict", "--model", "x")]
    [InlineData("dance")]
    public void Bad_usage_is_exit_code_2_and_one_line(params string[] args)
    {
        (int code, _, string error) = Run(args);
        Assert.Equal(2, code);
        Assert.Single(Lines(error));
    }

    [Theory]
    [InlineData("--learning-rate", "0,001", "--learning-rate takes a number with a decimal point, such as 0.001 or 1e-3, not '0,001'.")]
    [InlineData("--split", "0,2", "--split takes a number with a decimal point")]
    [InlineData("--epochs", "1,5", "--epochs takes a whole number, not '1,5'.")]
    [InlineData("--unfreeze", "layer4", "--unfreeze takes a whole number, not 'layer4'.")]
    [InlineData("--size", "big", "--size takes a whole number, not 'big'.")]
    public void A_number_in_another_form_is_refused_and_not_read_as_another_number(string option, string value, string words)
    {
        (int code, _, string error) = Run("finetune", "--data", Sub("data"), "--output", Sub("out"), option, value);
        Assert.Equal(2, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("'graft finetune --help'", "Did you mean '--output'?", "finetune", "--data", "x", "--outptu", "y")]
    [InlineData("'graft --help'", "Did you mean 'finetune'?", "fintune")]
    [InlineData("'graft --help'", "Unrecognized command or argument 'dance'.", "dance")]
    [InlineData("'graft weights pull --help'", "Required argument 'network' missing", "weights", "pull")]
    [InlineData("'graft finetune --help'", "Must be one of: 'sgd' 'rmsprop'", "finetune", "--data", "x", "--output", "y", "--optimizer", "Lion")]
    public void A_wrong_command_line_is_told_with_the_nearest_name_and_where_help_is(string help, string words, params string[] args)
    {
        (int code, _, string error) = Run(args);
        Assert.Equal(2, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.EndsWith($"Try {help}.", error.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_command_the_help_is_shown()
    {
        (int code, string output, string error) = Run();
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("finetune", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_folder_is_named() => Fails("no such folder", "finetune", "--data", Sub("nowhere"), "--output", Sub("out"));

    [Fact]
    public void One_class_alone_is_refused()
    {
        Picture("data/cats/a.jpg");
        Fails("one class folder only", "finetune", "--data", Sub("data"), "--output", Sub("out"));
    }

    [Fact]
    public void Class_folders_without_images_are_refused()
    {
        Directory.CreateDirectory(Sub("data/cats"));
        Directory.CreateDirectory(Sub("data/dogs"));
        Fails("no images", "finetune", "--data", Sub("data"), "--output", Sub("out"));
    }

    [Fact]
    public void All_bad_images_are_listed_at_once_and_can_be_skipped()
    {
        Painted("data", 3);
        byte[] whole = File.ReadAllBytes(Sub("data/daisy/000.jpg"));
        File.WriteAllBytes(Sub("data/daisy/cut.jpg"), whole[..(whole.Length / 2)]);
        File.WriteAllText(Sub("data/rose/text.jpg"), "this is no picture");
        File.WriteAllBytes(Sub("data/rose/empty.png"), []);
        string[] args = ["finetune", "--data", Sub("data"), "--size", "32", "--epochs", "1", "--output", Sub("out")];
        (int code, _, string error) = Run(args);
        Assert.Equal(1, code);
        foreach (string part in new[] { "cut.jpg", "truncated", "text.jpg", "not an image", "empty.png", "empty" })
            Assert.Contains(part, error, StringComparison.Ordinal);
        (code, string output, error) = Run([.. args, "--on-bad-image", "skip"]);
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("skipped", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_images_of_both_folders_are_listed_together_with_the_option_that_leaves_them_out()
    {
        Painted("data/train", 2);
        Painted("data/val", 2);
        File.WriteAllText(Sub("data/train/rose/text.jpg"), "this is no picture");
        File.WriteAllBytes(Sub("data/val/tulip/empty.png"), []);
        (int code, _, string error) = Run("finetune", "--data", Sub("data"), "--size", "32", "--epochs", "1", "--output", Sub("out"));
        Assert.Equal(1, code);
        Assert.Contains("2 of 22 images cannot be read", error, StringComparison.Ordinal);
        Assert.Contains("--on-bad-image skip", error, StringComparison.Ordinal);
        Assert.Contains("text.jpg", error, StringComparison.Ordinal);
        Assert.Contains("empty.png", error, StringComparison.Ordinal);
    }

    [Fact]
    public void With_patience_a_training_ends_early_and_the_weights_of_its_best_epoch_are_kept()
    {
        Painted("data/train", 3);
        Painted("data/validation", 2);
        (int code, string output, string error) = Run("finetune", "--data", Sub("data"), "--size", "48", "--epochs", "60", "--optimizer", "sgd", "--learning-rate", "0.1", "--patience", "2", "--seed", "3", "--output", Sub("out"));
        Assert.Equal((0, ""), (code, error));
        History history = History.FromJson(File.ReadAllText(Sub("out/history.json")));
        IReadOnlyList<double> loss = history["val_loss"];
        int best = loss.ToList().IndexOf(loss.Min());
        Assert.InRange(history.Epochs.Count, 3, 59);
        Assert.Equal(history.Epochs.Count - 1, best + 2);
        Assert.Contains($"Stopped early: no lower val_loss since epoch {best + 1} ", output, StringComparison.Ordinal);
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"val_accuracy={history["val_accuracy"][best]:F4}"), Lines(output)[^1]);
        Assert.NotEqual(loss[^1], loss[best], 1e-3);
        (code, _, error) = Run("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("data/validation"), "--json", Sub("result.json"));
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(loss[best], (double)JsonNode.Parse(File.ReadAllText(Sub("result.json")))!["loss"]!, 1e-4); // batches of another size sum in another order
    }

    [Fact]
    public void Unfrozen_epochs_follow_those_that_the_head_took()
    {
        Painted("data/train", 3);
        Painted("data/validation", 2);
        (int code, string output, string error) = Run("finetune", "--data", Sub("data"), "--size", "48", "--epochs", "60", "--optimizer", "sgd", "--learning-rate", "0.5", "--patience", "1", "--seed", "3", "--unfreeze", "1", "--unfreeze-epochs", "2", "--output", Sub("out"));
        Assert.Equal((0, ""), (code, error));
        string[] epochs = [.. Lines(output).Where(l => l.StartsWith("Epoch ", StringComparison.Ordinal))];
        Assert.InRange(epochs.Length, 4, 60);
        Assert.StartsWith($"Epoch {epochs.Length,2}/{epochs.Length} ", epochs[^1], StringComparison.Ordinal);
        Assert.Equal(2, Lines(output).Count(l => l.Contains("kept.", StringComparison.Ordinal)));
    }

    [Fact]
    public void More_blocks_than_the_base_has_are_refused_with_their_names()
    {
        Painted("data", 2);
        (int code, _, string error) = Run("finetune", "--data", Sub("data"), "--size", "32", "--unfreeze", "10", "--output", Sub("out"));
        Assert.Equal(2, code);
        Assert.Contains("--unfreeze 10: resnet18 has 9 blocks to unfreeze, from its end: layer4.2, layer4.1, ", error, StringComparison.Ordinal);
        Assert.Contains("layer1.0. Take 9 for all of them.", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "--mixup and --cutmix: take one of them", "--mixup", "0.2", "--cutmix", "1")]
    [InlineData(2, "--weight-decay goes with --optimizer adamw", "--weight-decay", "0.1")]
    [InlineData(2, "--ema 1 is outside 0 to 0.9999", "--ema", "1")]
    [InlineData(1, "--warmup 3: the training of the head (--epochs) has 3 steps", "--warmup", "3", "--epochs", "3")]
    [InlineData(1, "--warmup 3: the training of the unfrozen blocks (--unfreeze-epochs) has 2 steps", "--warmup", "3", "--epochs", "9", "--unfreeze", "1", "--unfreeze-epochs", "2")]
    public void Options_of_steps_that_make_no_sense_are_refused_before_training(int expected, string words, params string[] options)
    {
        Painted("data", 2);
        (int code, string output, string error) = Run(["finetune", "--data", Sub("data"), "--split", "0.5", "--size", "32", "--output", Sub("out"), .. options]);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Equal(expected, code);
        Assert.DoesNotContain("Epoch ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Epoch  2/5", "--mixup")] // in the head's training
    [InlineData("Epoch  4/5", "--cutmix")] // in that of the unfrozen block
    public void Schedule_weight_decay_clipping_average_and_mixing_are_told_kept_and_gone_on_with(string at, string mixing)
    {
        Painted("data/train", 3);
        Painted("data/validation", 2);
        var settings = new FineTuningSettings
        {
            Data = Sub("data"), Size = 48, Batch = 4, Epochs = 3, Unfreeze = 1, UnfreezeEpochs = 2, UnfreezeLearningRate = 1e-3f, Seed = 5, Optimizer = "adamw", Schedule = "cosine", WarmUp = 3, WeightDecay = 0.05f,
            Clip = 0.5f, Average = 0.7f, MixUp = mixing == "--mixup" ? 0.4f : 0, CutMix = mixing == "--cutmix" ? 0.4f : 0, Output = Sub("ended"),
        };
        string[] Args(string output, params string[] more) => ["finetune", "--data", Sub("data"), "--size", "48", "--batch", "4", "--epochs", "3", "--unfreeze", "1", "--unfreeze-epochs", "2", "--unfreeze-learning-rate", "1e-3",
            "--optimizer", "adamw", "--schedule", "cosine", "--warmup", "3", "--weight-decay", "0.05", "--clip-norm", "0.5", mixing, "0.4", "--seed", "5", "--output", Sub(output), .. more];
        (int code, string told, string error) = Run(Args("whole", "--ema", "0.7"));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains($"(adamw, learning rate 0.001, to 0 by cosine over 12 steps, 3 of them warm-up; weight decay 0.05; gradients clipped to norm 0.5; moving average of the weights 0.7; {(mixing == "--mixup" ? "mixup" : "CutMix")} 0.4).", told, StringComparison.Ordinal);
        IReadOnlyList<double> rates = History.FromJson(File.ReadAllText(Sub("whole/history.json")))["learning_rate"];
        Assert.Equal([new CosineDecay(1e-3f, 9).At(0), new CosineDecay(1e-3f, 9).At(4), new CosineDecay(1e-3f, 9).At(8)], rates.Take(3).Select(r => (float)r)); // of the last step of each epoch
        using (var interrupt = new CancellationTokenSource())
        using (var output = new InterruptingWriter(at, interrupt))
        using (var terminal = new Terminal(output, console: null, interrupt.Token))
            Assert.ThrowsAny<OperationCanceledException>(() => FineTuning.Run(settings, terminal));
        Fails("--ema was 0.7, not 0.6", Args("ended", "--resume", "--ema", "0.6"));
        Fails("--ema was 0.7, not absent", Args("ended", "--resume"));
        (code, _, error) = Run(Args("ended", "--resume", "--ema", "0.7"));
        Assert.Equal((0, ""), (code, error));
        Model whole = ModelFile.Load(Sub("whole/model.graft")).Model, again = ModelFile.Load(Sub("ended/model.graft")).Model;
        Assert.All(whole.NamedParameters().Zip(again.NamedParameters()), p => Assert.Equal(p.First.Parameter.Value.ToArray(), p.Second.Parameter.Value.ToArray()));
        Assert.Equal(History.FromJson(File.ReadAllText(Sub("whole/history.json")))["val_loss"], History.FromJson(File.ReadAllText(Sub("ended/history.json")))["val_loss"]);
        whole.Release();
        again.Release();
    }

    [Theory]
    [InlineData("Epoch  2/6", "Going on at step 1 of epoch 3.")] // between two epochs of the head
    [InlineData("Unfreezing", "Going on at step 1 of epoch 5.")] // before the first step of the unfrozen block
    [InlineData("Epoch  5/6", "Going on at step 1 of epoch 6.")]
    public void An_interrupted_fine_tuning_goes_on_to_the_same_bits(string at, string words)
    {
        Painted("data/train", 3);
        Painted("data/validation", 2);
        var settings = new FineTuningSettings { Data = Sub("data"), Size = 48, Batch = 4, Epochs = 4, Unfreeze = 1, UnfreezeEpochs = 2, UnfreezeLearningRate = 1e-3f, Augment = true, Seed = 5, Output = Sub("ended") };
        string[] Args(string output, params string[] more) => ["finetune", "--data", Sub("data"), "--size", "48", "--batch", "4", "--epochs", "4", "--unfreeze", "1", "--unfreeze-epochs", "2",
            "--unfreeze-learning-rate", "1e-3", "--augment", "--seed", "5", "--output", Sub(output), .. more];
        Assert.Equal(0, Run(Args("whole")).Code);
        Assert.Equal(["confusion.png", "curves.png", "history.csv", "history.json", "model.graft"], Directory.GetFiles(Sub("whole")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        using (var interrupt = new CancellationTokenSource())
        using (var output = new InterruptingWriter(at, interrupt))
        using (var terminal = new Terminal(output, console: null, interrupt.Token))
        {
            Assert.ThrowsAny<OperationCanceledException>(() => FineTuning.Run(settings, terminal));
            Assert.Contains("go on with the same command and --resume", output.ToString(), StringComparison.Ordinal);
        }
        Assert.False(File.Exists(Sub("ended/model.graft")));
        Fails("holds a training that has not come to its end", Args("ended"));
        Fails("--batch was 4, not 5", [.. Args("ended", "--resume").Select(a => a == "4" ? "5" : a).Select((a, i) => i == 8 ? "4" : a)]);
        (int code, string text, string error) = Run(Args("ended", "--resume"));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(words, text, StringComparison.Ordinal);
        Model whole = ModelFile.Load(Sub("whole/model.graft")).Model, again = ModelFile.Load(Sub("ended/model.graft")).Model;
        Assert.All(whole.NamedParameters().Zip(again.NamedParameters()), p => Assert.Equal(p.First.Parameter.Value.ToArray(), p.Second.Parameter.Value.ToArray()));
        Assert.Equal(History.FromJson(File.ReadAllText(Sub("whole/history.json")))["val_loss"], History.FromJson(File.ReadAllText(Sub("ended/history.json")))["val_loss"]);
        Assert.Equal(Directory.GetFiles(Sub("whole")).Select(f => Path.GetFileName(f)).Order(), Directory.GetFiles(Sub("ended")).Select(f => Path.GetFileName(f)).Order());
        Fails("no training to go on with", Args("ended", "--resume"));
        whole.Release();
        again.Release();
    }

    [Fact]
    public void Weights_of_another_model_are_refused()
    {
        Painted("data", 2);
        string other = Path.Combine(AppContext.BaseDirectory, "weights", "ResNetPreprocess.onnx");
        Fails("does not fit", "finetune", "--data", Sub("data"), "--weights", other, "--size", "32", "--output", Sub("out"));
    }

    [Theory]
    [InlineData("vgg16", "resnet50_notop/resnet50_notop_old_names_eps1e-3.h5.gz")]
    [InlineData("resnet50", "vgg16_notop/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5.gz")]
    [InlineData("resnet18", "vgg16_notop/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5.gz")]
    public void Weights_of_another_network_are_refused(string name, string file)
    {
        using var files = new TemporaryFiles();
        Painted("data", 2);
        string weights = files.Unpack(GraftShared.Path(["reference", "keras", .. file.Split('/')]));
        Fails(Path.GetFileName(weights), "finetune", "--data", Sub("data"), "--base", name, "--weights", weights, "--size", "48", "--output", Sub("out"));
    }

    [Fact]
    public void A_frozen_base_has_the_bits_of_its_weight_file_after_training()
    {
        Painted("data", 3);
        (int code, _, string error) = Run("finetune", "--data", Sub("data"), "--split", "0.34", "--size", "48", "--epochs", "2", "--learning-rate", "0.1", "--output", Sub("out"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Model pristine = PretrainedBase.Load("resnet18", null, 48), trained = (Model)ModelFile.Load(Sub("out/model.graft")).Model.GetLayer(pristine.Name);
        Assert.Equal(110, pristine.Parameters.Count);
        Assert.All(pristine.Parameters.Zip(trained.Parameters), p => Assert.Equal(p.First.Value.ToArray(), p.Second.Value.ToArray()));
    }

    [Fact]
    public void An_output_that_cannot_be_written_is_found_before_training()
    {
        Painted("data", 2);
        File.WriteAllText(Sub("file"), "");
        Fails("cannot be written", "finetune", "--data", Sub("data"), "--output", Sub("file/out"));
    }

    [Fact]
    public void A_demo_removes_no_pictures_but_its_own()
    {
        Painted("images", 1);
        Fails("was not painted by an earlier demo", "demo", "--output", _folder);
        Assert.True(File.Exists(Sub("images/daisy/000.jpg")));
    }

    [Fact]
    public void A_damaged_model_is_refused_by_its_checksum()
    {
        File.WriteAllText(Sub("model.graft"), "<html>not found</html>");
        Fails("not a .graft model file", "predict", "--model", Sub("model.graft"), "x.jpg");
    }

    [Fact]
    public void Finetune_then_evaluate_then_predict()
    {
        Painted("data", 4);
        (int code, string output, string error) = Run("finetune", "--data", Sub("data"), "--split", "0.25", "--size", "48", "--epochs", "2", "--batch", "8", "--class-weights", "balanced", "--label-smoothing", "0.1",
            "--unfreeze", "1", "--unfreeze-epochs", "1", "--output", Sub("out"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Matches(@"^val_accuracy=\d\.\d{4}$", Lines(output)[^1]);
        Assert.Matches(@"(?m)^Weights of the classes in the loss: .*rose 1\.00", output);
        foreach (string file in new[] { "model.graft", "history.json", "history.csv", "curves.png", "confusion.png" })
            Assert.True(new FileInfo(Sub($"out/{file}")).Length > 0);

        (code, output, error) = Run("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("data"), "--json", Sub("result.json"), "--csv", Sub("images.csv"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Matches(@"^accuracy=\d\.\d{4}$", Lines(output)[^1]);
        Assert.Matches(@"(?m)^auc=\d\.\d{4}\r?$", output);
        Assert.Matches(@"(?m)^Surest mistakes:\r?\n  .*: (\w+), taken for (?!\1)\w+ \(\d\.\d{4}\)", output);
        string[] table = File.ReadAllLines(Sub("images.csv"));
        Assert.StartsWith("image,class,predicted,", table[0], StringComparison.Ordinal);
        Assert.Equal(Directory.GetFiles(Sub("data"), "*.jpg", SearchOption.AllDirectories).Length, table.Length - 1);
        string[] columns = table[0].Split(',');
        double[] own = [.. table[1..].Select(l => l.Split(',')).Select(l => double.Parse(l[Array.IndexOf(columns, l[1])], CultureInfo.InvariantCulture))];
        Assert.Equal(own.Order(), own);
        Assert.Contains("\"confusion\"", File.ReadAllText(Sub("result.json")), StringComparison.Ordinal);

        (code, output, error) = Run("predict", "--model", Sub("out/model.graft"), Sub("data/rose/000.jpg"), Sub("data/tulip/001.jpg"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Equal(2, Lines(output).Length);

        (code, output, error) = Run("predict", "--model", Sub("out/model.graft"), Sub("data/rose"), Sub("data/tulip/001.jpg"));
        Assert.Equal((0, ""), (code, error));
        Assert.Equal([.. Directory.GetFiles(Sub("data/rose")).Order(StringComparer.Ordinal), Sub("data/tulip/001.jpg")], Lines(output).Select(l => l[..l.IndexOf(": ", StringComparison.Ordinal)]));
        Directory.CreateDirectory(Sub("nothing"));
        Fails("nothing: no images;", "predict", "--model", Sub("out/model.graft"), Sub("nothing"));
        Fails("gone.jpg: no such file.", "predict", "--model", Sub("out/model.graft"), Sub("gone.jpg"));

        foreach (string format in new[] { "keras", "keras-h5", "onnx" })
        {
            (code, _, error) = Run("export", "--model", Sub("out/model.graft"), "--format", format, "--output", Sub($"flowers.{format}"));
            Assert.Equal((0, ""), (code, error));
        }

        Model model = ModelFile.Load(Sub("out/model.graft")).Model;
        ImageFolder folder = ImageFolder.Open(Sub("data"), 4, model.Preprocessing!, new ImageFolderOptions { ClassNames = model.ClassNames });
        float[][] ofFolder = model.Predict(folder), ofFiles = PredictCommand.Predict(model, folder.Files, null, CancellationToken.None);
        Assert.Equal(ofFolder.Length, ofFiles.Length);
        Assert.All(ofFolder.Zip(ofFiles), p => Assert.All(p.First.Zip(p.Second), v => Assert.Equal(v.First, v.Second, 1e-5f))); // batches of another size sum in another order

        Directory.CreateDirectory(Sub("data/violet"));
        File.Copy(Sub("data/rose/000.jpg"), Sub("data/violet/000.jpg"));
        Fails("has 'violet', but the classes are daisy, dandelion, rose, sunflower, tulip.", "evaluate", "--model", Sub("out/model.graft"), "--data", Sub("data"));
        Directory.Delete(Sub("data/violet"), recursive: true);
        MeasuresSomeClasses(model);
        File.WriteAllText(Sub("bad.jpg"), "no picture");
        Fails("bad.jpg", "predict", "--model", Sub("out/model.graft"), Sub("bad.jpg"));
        PredictsBesideADamagedImage(Sub("out/model.graft"), Sub("data/rose/000.jpg"), Sub("bad.jpg"));
    }

    // Class numbers are the model's, whatever the folder lacks.
    private void MeasuresSomeClasses(Model model)
    {
        string[] Rows(string folder) => [.. File.ReadAllLines(Sub($"{folder}.csv")).Where(l => l.Contains("/rose/", StringComparison.Ordinal) || l.Contains("/tulip/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        Assert.Equal(0, Run("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("data"), "--csv", Sub("all.csv")).Code);
        string[] all = Rows("all");
        foreach (string kind in FlowerPainter.Kinds.Except(["rose", "tulip"]))
            Directory.Delete(Sub($"data/{kind}"), recursive: true);
        Directory.CreateDirectory(Sub("data/daisy")); // as with none
        (int code, string output, string error) = Run("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("data"), "--csv", Sub("some.csv"));
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(all.Select(r => r.Split(',')[..3]), Rows("some").Select(r => r.Split(',')[..3]));
        Assert.Contains("There are no images of daisy, dandelion, sunflower: macro_f1 counts 0 for each of them.", output, StringComparison.Ordinal);
        Assert.Equal(5, model.ClassNames.Count);
    }

    private static void PredictsBesideADamagedImage(string model, string good, string bad)
    {
        string[] Skips(params string[] more) => Lines(Run(["predict", "--model", model, "--on-bad-image", "skip", bad, good, .. more]).Output);
        Assert.StartsWith($"skipped {bad}: not an image", Skips()[0], StringComparison.Ordinal);
        Assert.StartsWith($"{good}: ", Skips()[1], StringComparison.Ordinal);
        JsonArray json = JsonNode.Parse(Skips("--json")[0])!.AsArray();
        Assert.StartsWith($"{bad}: not an image", (string)json[0]!["error"]!, StringComparison.Ordinal);
        string[] csv = Skips("--csv");
        string best = (string)json[1]!["class"]!;
        string[] classes = [.. json[1]!["probabilities"]!.AsObject().Select(p => p.Key)];
        Assert.Equal($"image,class,{string.Join(',', classes)},error", csv[0]);
        Assert.StartsWith($"{bad},,", csv[1], StringComparison.Ordinal);
        Assert.StartsWith($"{good},{best},", csv[2], StringComparison.Ordinal);
        Assert.Equal(2, Lines(Run(["predict", "--model", model, "--csv", good]).Output).Length);
    }

    [Fact]
    public void A_model_that_was_taught_with_nearest_pixels_upright_is_used_so()
    {
        Painted("data", 3);
        foreach (string kind in FlowerPainter.Kinds)
            Turn(Sub($"data/{kind}/000.jpg"));
        (int code, string output, string error) = Run("finetune", "--data", Sub("data"), "--split", "0.34", "--size", "40", "--epochs", "1", "--resize", "nearest", "--exif", "--draft", "--image-memory", "0", "--output", Sub("out"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("resized by nearest to 40 x 40, turned upright by EXIF, large JPEG files decoded at a reduced size.", output, StringComparison.Ordinal);
        Model model = ModelFile.Load(Sub("out/model.graft")).Model;
        Assert.Equal(new ImageInput(40, 40, ResizeFilter.Nearest, AppliesOrientation: true, Draft: true), model.Preprocessing!.Input);
        string[] file = [Sub("data/rose/000.jpg")];
        float[] asTaught = PredictCommand.Predict(model, file, null, CancellationToken.None)[0];
        model.Preprocessing = model.Preprocessing with { Input = model.Preprocessing.Input! with { AppliesOrientation = false } };
        float[] lying = PredictCommand.Predict(model, file, null, CancellationToken.None)[0];
        Assert.NotEqual(asTaught, lying);
        ModelFile.Save(model, Sub("lying.graft"));
        string Json(params string[] args) => Run(["predict", "--json", "--model", .. args, file[0]]).Output;
        Assert.Equal(Json(Sub("out/model.graft")), Json(Sub("lying.graft"), "--exif"));
        Assert.NotEqual(Json(Sub("out/model.graft")), Json(Sub("lying.graft")));
    }

    [Fact]
    public void One_seed_gives_the_same_weights_on_one_thread_and_on_two()
    {
        Painted("data", 3);
        var weights = new List<byte[]>();
        int before = Graft.Kernels.CpuThreads.Count;
        try
        {
            foreach (string threads in new[] { "1", "2", "2" })
            {
                (int code, _, string error) = Run("finetune", "--data", Sub("data"), "--split", "0.34", "--size", "40", "--epochs", "1", "--batch", "4", "--augment",
                    "--unfreeze", "1", "--unfreeze-epochs", "1", "--seed", "7", "--threads", threads, "--output", Sub("out"));
                Assert.Equal("", error);
                Assert.Equal(0, code);
                using ZipArchive zip = ZipFile.OpenRead(Sub("out/model.graft"));
                using var bytes = new MemoryStream();
                using (Stream entry = zip.GetEntry("tensors.bin")!.Open())
                    entry.CopyTo(bytes);
                weights.Add(bytes.ToArray());
            }
        }
        finally
        {
            Graft.Kernels.CpuThreads.Count = before;
        }
        Assert.True(weights[0].AsSpan().SequenceEqual(weights[1]), "one thread and two differ");
        Assert.True(weights[1].AsSpan().SequenceEqual(weights[2]), "two runs differ");
    }

    [Theory]
    [InlineData("vgg16", "vgg16_notop/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5.gz", "flatten-dense256", "block5")]
    [InlineData("resnet50", "resnet50_notop/resnet50_notop_old_names_eps1e-3.h5.gz", "gap-dense256", "res5c")]
    [InlineData("resnet50", "resnet50_notop/resnet50_notop_new_names_eps1.001e-5.h5.gz", "gap", "conv5_block3")]
    public void Bases_of_Keras_files_are_fine_tuned(string name, string file, string head, string block)
    {
        using var files = new TemporaryFiles();
        string weights = files.Unpack(GraftShared.Path(["reference", "keras", .. file.Split('/')]));
        Painted("data", 2);
        (int code, string output, string error) = Run("finetune", "--data", Sub("data"), "--split", "0.5", "--base", name, "--weights", weights, "--head", head, "--size", "48",
            "--epochs", "1", "--batch", "4", "--optimizer", "rmsprop", "--learning-rate", "2e-5", "--unfreeze", "1", "--unfreeze-epochs", "1", "--output", Sub("out"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("prepared as 'caffe'", output, StringComparison.Ordinal);
        Assert.Contains($"Unfreezing {block},", output, StringComparison.Ordinal);
        (code, _, error) = Run("predict", "--model", Sub("out/model.graft"), Sub("data/rose/000.jpg"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
    }

    [Fact]
    public void A_base_without_weights_says_which_it_needs()
    {
        Painted("data", 2);
        (int code, _, string error) = Run("finetune", "--data", Sub("data"), "--base", "vgg16", "--output", Sub("out"));
        Assert.Equal(2, code);
        Assert.Contains("--weights FILE", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_painted_flower_depends_on_its_seed_alone()
    {
        foreach (string kind in FlowerPainter.Kinds)
        {
            Assert.Equal(FlowerPainter.Paint(kind, 5), FlowerPainter.Paint(kind, 5));
            Assert.NotEqual(FlowerPainter.Paint(kind, 5), FlowerPainter.Paint(kind, 6));
        }
    }

    private void Fails(string words, params string[] args)
    {
        (int code, _, string error) = Run(args);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Equal(1, code);
    }

    private string Sub(string path) => Path.Combine(_folder, path);

    private void Painted(string folder, int perKind) => FlowerPainter.WriteSet(Sub(folder), perKind, 3);

    private void Picture(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Sub(path))!);
        using var bitmap = new SKBitmap(20, 20);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
        File.WriteAllBytes(Sub(path), data.ToArray());
    }

    /// <summary>Gives a JPEG an EXIF segment that says it lies on its side.</summary>
    private static void Turn(string path)
    {
        byte[] jpeg = File.ReadAllBytes(path);
        byte[] tiff = [.. "Exif\0\0MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
        File.WriteAllBytes(path, [0xFF, 0xD8, 0xFF, 0xE1, 0, (byte)(tiff.Length + 2), .. tiff, .. jpeg[2..]]);
    }
}
