using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Cli;
using Graft.Importers;
using Graft.Layers;
using Graft.Training;
using Graft.Weights;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>Photographs with labels in a table, from the command line: classes, several labels, numbers, and what is told of wrong tables.</summary>
[Collection("command line")]
public sealed class FinetuneTableTests : IDisposable
{
    private const int PerKind = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public FinetuneTableTests() => FlowerPainter.WriteSet(Sub("photos"), PerKind, 3);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Several_labels_are_learned_measured_and_told_each_by_its_own_probability()
    {
        Labels("labels.csv");
        string output = Succeeds("finetune", "--data", Sub("labels.csv"), "--labels", "several", "--size", "48", "--epochs", "12", "--batch", "8", "--seed", "2", "--output", Sub("out"));
        Assert.Matches(@"(?m)^16 training images: yellow [4-8], red [4-8]\r?$", output);
        Assert.Matches(@"(?m)^Epoch 12/12  loss \d.\d{4}  macro_f1 \d.\d{4}  val_loss \d.\d{4}  val_macro_f1 ", output);
        Assert.Matches(@"(?m)^yellow +\d\.\d{4} +\d\.\d{4} +\d\.\d{4} \d\r?$", output);
        Assert.Matches(@"^val_macro_f1=\d\.\d{4}$", Lines(output)[^1]);
        string[] made = [.. Directory.GetFiles(Sub("out")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];
        Assert.Equal(["curves.png", "history.csv", "history.json", "model.graft"], made);
        SavedModel saved = ModelFile.Load(Sub("out/model.graft"));
        Assert.Equal((OutputKind.Labels, "yellow,red"), (saved.Model.OutputKind, string.Join(',', saved.Model.ClassNames)));
        saved.Model.Release();

        // Columns are taken by the model's names, whatever else there is and in whatever order.
        File.WriteAllLines(Sub("other.csv"), File.ReadLines(Sub("labels.csv")).Select((line, i) => line.Split(',') is var f ? $"{(i == 0 ? "note" : "x")},{f[2]},{f[0]},{f[1]}" : ""));
        output = Succeeds("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("other.csv"), "--image-column", "file", "--json", Sub("result.json"), "--csv", Sub("images.csv"));
        JsonNode result = JsonNode.Parse(File.ReadAllText(Sub("result.json")))!;
        Assert.Equal(["yellow", "red"], result["labels"]!.AsArray().Select(l => (string)l!["name"]!));
        Assert.Equal([8, 8], result["labels"]!.AsArray().Select(l => (int)l!["support"]!));
        Assert.True((double)result["metrics"]!["macro_f1"]! > 0.9, output);
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"macro_f1={(double)result["metrics"]!["macro_f1"]!:F4}"), Lines(output)[^1]);
        CsvTable table = CsvTable.Open(Sub("images.csv"));
        Assert.Equal(["image", "labels", "predicted", "yellow", "red"], table.Columns);
        double[] errors = [.. table.Rows.Select(r => new[] { ("yellow", 3), ("red", 4) }.Max(c => Math.Abs(float.Parse(r.Fields[c.Item2], CultureInfo.InvariantCulture) - (r.Fields[1].Split(';').Contains(c.Item1) ? 1 : 0))))];
        Assert.Equal(errors.OrderDescending(), errors);
        Assert.Equal(5 * PerKind, errors.Length);

        string[] two = [Sub("photos/dandelion/000.jpg"), Sub("photos/daisy/000.jpg")];
        JsonArray predicted = JsonNode.Parse(Succeeds(["predict", "--json", "--model", Sub("out/model.graft"), .. two]))!.AsArray();
        Assert.Equal("""["yellow"]""", predicted[0]!["labels"]!.ToJsonString());
        Assert.Equal("[]", predicted[1]!["labels"]!.ToJsonString());
        Assert.Null(predicted[0]!["class"]);
        float[] of = [.. predicted[1]!["probabilities"]!.AsObject().Select(p => (float)p.Value!)];
        string[] plain = Lines(Succeeds(["predict", "--model", Sub("out/model.graft"), .. two]));
        Assert.StartsWith($"{two[0]}: yellow  (yellow 0.9", plain[0], StringComparison.Ordinal);
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"{two[1]}: no label  (yellow {of[0]:F4}, red {of[1]:F4})"), plain[1]);
        string[] all = Lines(Succeeds(["predict", "--csv", "--threshold", "0", "--model", Sub("out/model.graft"), .. two]));
        Assert.Equal("image,labels,yellow,red", all[0]);
        Assert.StartsWith($"{two[1]},yellow;red,", all[2], StringComparison.Ordinal);
        Fails(1, "which folders cannot tell; name a table", "evaluate", "--model", Sub("out/model.graft"), "--data", Sub("photos"));
        Fails(2, "--threshold 2 is outside 0 to 1", ["predict", "--threshold", "2", "--model", Sub("out/model.graft"), .. two]);
    }

    [Fact]
    public void A_learning_rate_is_suggested_and_drawn_and_the_training_is_the_one_without()
    {
        Labels("labels.csv");
        string[] command = ["finetune", "--data", Sub("labels.csv"), "--labels", "several", "--size", "48", "--epochs", "2", "--batch", "8", "--seed", "2"];
        string output = Succeeds([.. command, "--find-learning-rate", "--output", Sub("found")]);
        Assert.Matches(@"(?m)^Suggested --learning-rate (\d\S*); the loss falls fastest at \d\S*\. The curve is in learning_rate\.png\.\r?$", output);
        using (SkiaSharp.SKBitmap picture = SkiaSharp.SKBitmap.Decode(Sub("found/learning_rate.png")))
            Assert.Equal((700, 450), (picture.Width, picture.Height));
        Succeeds([.. command, "--output", Sub("plain")]);
        Model found = ModelFile.Load(Sub("found/model.graft")).Model, plain = ModelFile.Load(Sub("plain/model.graft")).Model;
        Assert.Equal(plain.NamedParameters().SelectMany(p => p.Parameter.Value.ToArray()), found.NamedParameters().SelectMany(p => p.Parameter.Value.ToArray()));
        found.Release();
        plain.Release();
    }

    [Fact]
    public void Numbers_are_learned_in_their_own_units_and_told_by_name()
    {
        Write("numbers.tsv", "height\tphoto\tpetals\tnote", (kind, i) => $"{(kind == "sunflower" ? 1800 + i : 40 + i)}\tphotos/{kind}/{i:000}.jpg\t{(kind == "tulip" ? 6 : 21)}.5\tx");
        string[] columns = ["--image-column", "photo", "--label-columns", "petals,height"];
        string output = Succeeds(["finetune", "--data", Sub("numbers.tsv"), "--labels", "numbers", .. columns, "--loss", "huber", "--size", "48", "--epochs", "25", "--batch", "8", "--output", Sub("out")]);
        Assert.Matches(@"training images: petals 6\.5 to 21\.5, mean \d+\.\d+; height 4\d to 180\d, mean \d+\.?\d*\r?\n", output);
        Assert.Matches(@"^val_r2_score=", Lines(output)[^1]);
        History history = History.FromJson(File.ReadAllText(Sub("out/history.json")));
        Assert.InRange(history["loss"][0], 0.05, 1); // begins at the mean, in deviations
        Assert.True(history.Last("loss") < 0.1 * history["loss"][0], output);
        Assert.True(File.Exists(Sub("out/predicted.png")));
        output = Succeeds("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("numbers.tsv"), "--image-column", "photo", "--json", Sub("result.json"), "--csv", Sub("images.csv"));
        JsonArray values = JsonNode.Parse(File.ReadAllText(Sub("result.json")))!["values"]!.AsArray();
        Assert.Equal(["petals", "height"], values.Select(v => (string)v!["name"]!));
        Assert.True((double)values[1]!["r2_score"]! > 0.8, output);
        Assert.InRange((double)values[1]!["mean_absolute_error"]!, 0, 350);
        CsvTable table = CsvTable.Open(Sub("images.csv"));
        Assert.Equal(["image", "petals", "petals predicted", "height", "height predicted"], table.Columns);
        Assert.Equal((double)values[1]!["mean_absolute_error"]!, table.Rows.Average(r => Math.Abs(double.Parse(r.Fields[3], CultureInfo.InvariantCulture) - double.Parse(r.Fields[4], CultureInfo.InvariantCulture))), 1e-2);

        string[] image = [Sub("photos/sunflower/000.jpg")];
        JsonObject told = JsonNode.Parse(Succeeds(["predict", "--json", "--model", Sub("out/model.graft"), .. image]))![0]!.AsObject();
        Assert.Equal(["image", "values"], told.Select(m => m.Key));
        (float petals, float height) = ((float)told["values"]!["petals"]!, (float)told["values"]!["height"]!);
        Assert.InRange(height, 1000, 2600);
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"{image[0]}: petals {petals:G6}, height {height:G6}"), Lines(Succeeds(["predict", "--model", Sub("out/model.graft"), .. image]))[0]);
        Assert.Equal("image,petals,height", Lines(Succeeds(["predict", "--csv", "--model", Sub("out/model.graft"), .. image]))[0]);
        Fails(2, "--threshold is for a model of several labels; this one gives numbers", ["predict", "--threshold", "0.3", "--model", Sub("out/model.graft"), .. image]);

        Succeeds("export", "--model", Sub("out/model.graft"), "--format", "onnx", "--output", Sub("numbers.onnx"));
        Model exported = ModelFiles.Open(Sub("numbers.onnx"), null, new Dictionary<string, Shape>()).Model;
        Assert.Equal((OutputKind.Values, "petals,height"), (exported.OutputKind, string.Join(',', exported.ClassNames)));
        exported.Release();
    }

    [Fact]
    public void Classes_of_a_table_are_those_of_a_folder()
    {
        Write("classes.csv", "file;kind", (kind, i) => $"photos/{kind}/{i:000}.jpg;{(kind is "daisy" or "rose" ? "mine" : "yours")}");
        string output = Succeeds("finetune", "--data", Sub("classes.csv"), "--validation", Sub("classes.csv"), "--class-weights", "balanced", "--size", "48", "--epochs", "4", "--batch", "8", "--output", Sub("out"));
        Assert.Contains("20 validation images: mine 8, yours 12", output, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^Weights of the classes in the loss: mine 1\.25, yours 0\.83", output);
        Assert.True(File.Exists(Sub("out/confusion.png")));
        Assert.Matches(@"^accuracy=\d\.\d{4}$", Lines(Succeeds("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("classes.csv")))[^1]);
        Assert.Matches(@": (mine|yours)  \(mine \d\.\d{4}, yours \d\.\d{4}\)$", Lines(Succeeds("predict", "--model", Sub("out/model.graft"), Sub("photos/rose/000.jpg")))[0]);
        Write("more.csv", "file;kind;note", (kind, i) => $"photos/{kind}/{i:000}.jpg;{(kind is "daisy" or "rose" ? "mine" : "yours")};x");
        string[] measured = ["evaluate", "--model", Sub("out/model.graft"), "--data", Sub("more.csv")];
        Fails(1, "more.csv: 2 column(s) of labels ('kind', 'note'), but the model tells one class (mine, yours); name its column by --label-columns.", measured);
        Succeeds([.. measured, "--label-columns", "kind"]);
        File.WriteAllText(Sub("photos/rose/damaged.jpg"), "no picture");
        File.AppendAllText(Sub("classes.csv"), "photos/rose/damaged.jpg;mine");
        Assert.DoesNotContain("ImageFolderOptions", Fails(1, "classes.csv: 1 of 21 images cannot be read; mend or remove them:", "evaluate", "--model", Sub("out/model.graft"), "--data", Sub("classes.csv")), StringComparison.Ordinal);
        File.WriteAllLines(Sub("classes.csv"), File.ReadAllLines(Sub("classes.csv"))[..^1]);
        output = Succeeds("finetune", "--data", Sub("classes.csv"), "--split", "0.25", "--seed", "1", "--size", "48", "--epochs", "1", "--output", Sub("held"));
        Assert.Contains("15 training images: mine 6, yours 9", output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupted_training_goes_on_to_the_same_bits_and_with_the_same_table_alone()
    {
        Labels("labels.csv");
        var settings = new FineTuningSettings { Data = Sub("labels.csv"), Labels = OutputKind.Labels, Size = 48, Batch = 8, Epochs = 4, Seed = 5, Output = Sub("ended") };
        string[] Args(string output, params string[] more) => ["finetune", "--data", Sub("labels.csv"), "--labels", "several", "--size", "48", "--batch", "8", "--epochs", "4", "--seed", "5", "--output", Sub(output), .. more];
        Succeeds(Args("whole"));
        using (var interrupt = new CancellationTokenSource())
        using (var output = new InterruptingWriter("Epoch  2/4", interrupt))
        using (var terminal = new Terminal(output, console: null, interrupt.Token))
            Assert.ThrowsAny<OperationCanceledException>(() => FineTuning.Run(settings, terminal));
        string text = File.ReadAllText(Sub("labels.csv"));
        File.WriteAllText(Sub("labels.csv"), text.Replace("dandelion/000.jpg,1", "dandelion/000.jpg,0", StringComparison.Ordinal));
        Fails(1, "the contents of the tables of --data and --validation differ", Args("ended", "--resume"));
        File.WriteAllText(Sub("labels.csv"), text);
        Fails(1, "--label-columns was not given, not yellow,red", Args("ended", "--resume", "--label-columns", "yellow,red"));
        Succeeds(Args("ended", "--resume"));
        Model whole = ModelFile.Load(Sub("whole/model.graft")).Model, again = ModelFile.Load(Sub("ended/model.graft")).Model;
        Assert.All(whole.NamedParameters().Zip(again.NamedParameters()), p => Assert.Equal(p.First.Parameter.Value.ToArray(), p.Second.Parameter.Value.ToArray()));
        whole.Release();
        again.Release();
    }

    [Theory]
    [InlineData(1, "2 column(s) of labels ('a', 'b'), but a class takes one. Name it by --label-columns; or take --labels several", "file,a,b|photos/rose/000.jpg,1,0")]
    [InlineData(1, "1 column(s) of labels ('a'), but --labels several takes two or more", "file,a|photos/rose/000.jpg,1", "--labels", "several")]
    [InlineData(1, "0 column(s) of labels; beside the column of photographs", "file|photos/rose/000.jpg", "--labels", "numbers")]
    [InlineData(1, "line 3: '2' in column 'b' is neither 0 nor 1", "file,a,b|photos/rose/000.jpg,1,0|photos/rose/001.jpg,0,2", "--labels", "several")]
    [InlineData(1, "line 2: 'tall' in column 'a' is no number", "file,a|photos/rose/000.jpg,tall|photos/rose/001.jpg,2", "--labels", "numbers")]
    [InlineData(1, "column 'a' is 7 in all 2 rows to train on", "file,a|photos/rose/000.jpg,7|photos/rose/001.jpg,7|photos/rose/002.jpg,7", "--labels", "numbers")]
    [InlineData(1, "class 'b' has one photograph alone", "file,a|photos/rose/000.jpg,a|photos/rose/001.jpg,a|photos/rose/002.jpg,b")]
    [InlineData(1, "has one photograph alone", "file,a|photos/rose/000.jpg,7", "--labels", "numbers")]
    [InlineData(1, "line 3: ", "file,a|photos/rose/000.jpg,a|photos/rose/gone.jpg,b")]
    [InlineData(1, "has no column 'path'; there are 'file', 'a'", "file,a|photos/rose/000.jpg,a|photos/rose/001.jpg,b", "--image-column", "path")]
    [InlineData(1, "a quote in the row that begins at line 2 has no end", "file,a|\"photos/rose/000.jpg,a")]
    [InlineData(2, "--label-columns a,: takes names of columns", "file,a|photos/rose/000.jpg,a", "--label-columns", "a,")]
    [InlineData(2, "--loss goes with --labels numbers", "file,a|photos/rose/000.jpg,a", "--loss", "mse")]
    [InlineData(2, "--class-weights goes with one class", "file,a|photos/rose/000.jpg,1", "--labels", "numbers", "--class-weights", "balanced")]
    [InlineData(2, "--label-smoothing is for classes and labels", "file,a|photos/rose/000.jpg,1", "--labels", "numbers", "--label-smoothing", "0.1")]
    public void What_is_wrong_with_a_table_is_told_before_anything_is_trained(int code, string words, string table, params string[] options)
    {
        File.WriteAllLines(Sub("table.csv"), table.Split('|'));
        string error = Fails(code, words, ["finetune", "--data", Sub("table.csv"), "--size", "48", "--output", Sub("out"), .. options]);
        if (code == 1)
            Assert.StartsWith($"graft: {Sub("table.csv")}: ", error, StringComparison.Ordinal);
        Assert.False(File.Exists(Sub("out/model.graft")));
    }

    [Fact]
    public void A_column_whose_name_has_a_comma_is_named_in_quotes()
    {
        Write("labels.csv", "file,\"white, bright\",red,note", (kind, i) => $"photos/{kind}/{i:000}.jpg,{(kind == "daisy" ? 1 : 0)},{(kind is "rose" or "tulip" ? 1 : 0)},x");
        string[] args = ["finetune", "--data", Sub("labels.csv"), "--labels", "several", "--size", "32", "--epochs", "1", "--output", Sub("out"), "--label-columns"];
        Assert.Matches("training images: red [0-9]+, white, bright [0-9]+", Succeeds([.. args, "red, \"white, bright\""]));
        Fails(1, "has no column 'white'; there are 'file', 'white, bright', 'red', 'note'.", [.. args, "red,white, bright"]);
        foreach (string wrong in new[] { "red,\"white, bright", "red,,note", "red,red", "\"red\"note" })
            Fails(2, $"--label-columns {wrong}: takes names of columns with commas between, each once, such as age,height; one with a comma in it in double quotes", [.. args, wrong]);
        Assert.Equal("red,\"white, bright\"", LabelsOption.TextOf(["red", "white, bright"]));
    }

    [Fact]
    public void Options_of_tables_are_refused_for_folders_and_missing_tables_are_named()
    {
        Fails(2, "are for a table of photographs (.csv or .tsv)", "finetune", "--data", Sub("photos"), "--labels", "several", "--output", Sub("out"));
        Fails(1, "gone.csv: no such file; a table is due here", "finetune", "--data", Sub("gone.csv"), "--output", Sub("out"));
        Labels("labels.csv");
        Fails(1, "photos: no such file; a table is due here", "finetune", "--data", Sub("labels.csv"), "--labels", "several", "--validation", Sub("photos"), "--size", "48", "--output", Sub("out"));
    }

    [Fact]
    public void A_model_that_does_not_say_what_its_outputs_are_tells_classes_as_before()
    {
        var model = new Sequential(16, 16, 3) { new GlobalAveragePooling2D(), new Dense(3, Activation.Sigmoid) };
        model.ClassNames = ["a", "b", "c"];
        model.Preprocessing = Preprocessing.Tf.For(new ImageInput(16, 16, ResizeFilter.Bilinear));
        ModelFile.Save(model, Sub("old.graft"));
        Assert.Null(ModelFile.Load(Sub("old.graft")).Model.OutputKind);
        string[] image = [Sub("photos/rose/000.jpg")];
        Assert.Matches(@": [abc]  \(a \d\.\d{4}, b \d\.\d{4}, c \d\.\d{4}\)$", Lines(Succeeds(["predict", "--model", Sub("old.graft"), .. image]))[0]);
        model.OutputKind = OutputKind.Labels;
        ModelFile.Save(model, Sub("new.graft"));
        Assert.Equal("image,labels,a,b,c", Lines(Succeeds(["predict", "--csv", "--model", Sub("new.graft"), .. image]))[0]);
        model.Release();
    }

    private void Labels(string file) => Write(file, "file,yellow,red", (kind, i) => $"photos/{kind}/{i:000}.jpg,{(kind is "dandelion" or "sunflower" ? 1 : 0)},{(kind is "rose" or "tulip" ? 1 : 0)}");

    private void Write(string file, string head, Func<string, int, string> row) =>
        File.WriteAllLines(Sub(file), [head, .. FlowerPainter.Kinds.SelectMany(kind => Enumerable.Range(0, PerKind).Select(i => row(kind, i)))]);

    private string Sub(string path) => Path.Combine(_folder, path);
}
