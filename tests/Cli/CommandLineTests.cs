using Graft.Cli;
using SkiaSharp;
using Xunit;

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
    public void Weights_of_another_model_are_refused()
    {
        Painted("data", 2);
        string other = Path.Combine(AppContext.BaseDirectory, "weights", "ResNetPreprocess.onnx");
        Fails("does not fit", "finetune", "--data", Sub("data"), "--weights", other, "--size", "32", "--output", Sub("out"));
    }

    [Fact]
    public void An_output_that_cannot_be_written_is_found_before_training()
    {
        Painted("data", 2);
        File.WriteAllText(Sub("file"), "");
        Fails("cannot be written", "finetune", "--data", Sub("data"), "--output", Sub("file/out"));
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
        (int code, string output, string error) = Run("finetune", "--data", Sub("data"), "--split", "0.25", "--size", "48", "--epochs", "2", "--batch", "8",
            "--unfreeze", "1", "--unfreeze-epochs", "1", "--output", Sub("out"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Matches(@"^val_accuracy=\d\.\d{4}$", Lines(output)[^1]);
        foreach (string file in new[] { "model.graft", "history.json", "history.csv", "curves.png" })
            Assert.True(new FileInfo(Sub($"out/{file}")).Length > 0);

        (code, output, error) = Run("evaluate", "--model", Sub("out/model.graft"), "--data", Sub("data"), "--json", Sub("result.json"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Matches(@"^accuracy=\d\.\d{4}$", Lines(output)[^1]);
        Assert.Contains("\"confusion\"", File.ReadAllText(Sub("result.json")), StringComparison.Ordinal);

        (code, output, error) = Run("predict", "--model", Sub("out/model.graft"), Sub("data/rose/000.jpg"), Sub("data/tulip/001.jpg"));
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Equal(2, Lines(output).Length);

        Directory.Delete(Sub("data/tulip"), recursive: true);
        Fails("was taught", "evaluate", "--model", Sub("out/model.graft"), "--data", Sub("data"));
        File.WriteAllText(Sub("bad.jpg"), "no picture");
        Fails("bad.jpg", "predict", "--model", Sub("out/model.graft"), Sub("bad.jpg"));
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

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = Application.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private string Sub(string path) => Path.Combine(_folder, path);

    private void Painted(string folder, int perKind) => FlowerPainter.WriteSet(Sub(folder), perKind, 3);

    private void Picture(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Sub(path))!);
        using var bitmap = new SKBitmap(20, 20);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
        File.WriteAllBytes(Sub(path), data.ToArray());
    }
}
