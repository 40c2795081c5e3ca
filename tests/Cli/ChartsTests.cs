using System.Buffers.Binary;
using Graft.Cli;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Cli;

public sealed class ChartsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    public void A_confusion_matrix_is_a_picture_that_grows_with_its_classes_and_leaves_no_other_file(int classes)
    {
        var matrix = new ConfusionMatrix(classes, [.. Enumerable.Range(0, classes).Select(i => $"a class of long name {i}")]);
        for (int i = 0; i < classes * classes; i++)
            matrix.Add(i % classes, i * 3 % classes);
        string file = Path.Combine(_folder, "confusion.png");
        File.WriteAllText(file, "of an earlier run");
        Charts.Confusion(matrix, file);
        byte[] png = File.ReadAllBytes(file);
        Assert.Equal(300 + 90 * classes, BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16))); // width in IHDR
        Assert.Equal([file], Directory.GetFiles(_folder));
    }

    [Fact]
    public void Curves_mark_the_epoch_in_which_blocks_were_unfrozen()
    {
        var history = new History();
        for (int e = 0; e < 6; e++)
            history.Add(e, new Dictionary<string, double> { ["loss"] = 1.0 / (e + 1), ["accuracy"] = e / 6.0, ["val_loss"] = 1.2 / (e + 1), ["val_accuracy"] = e / 7.0 });
        byte[][] pictures = [.. new int?[] { null, 3, 4 }.Select(epoch =>
        {
            string file = Path.Combine(_folder, "curves.png");
            Charts.Curves(history, ["accuracy"], file, epoch);
            return File.ReadAllBytes(file);
        })];
        int[] Gray(byte[] png) // columns of the left plot that are gray from top to bottom but for the dashes
        {
            using var bitmap = SkiaSharp.SKBitmap.Decode(png);
            return [.. Enumerable.Range(0, bitmap.Width / 2).Where(x => Enumerable.Range(0, bitmap.Height).Count(y => bitmap.GetPixel(x, y) is var p && p.Red == p.Green && p.Green == p.Blue && p.Red is > 100 and < 180) > bitmap.Height / 4)];
        }
        Assert.Empty(Gray(pictures[0]));
        Assert.NotEmpty(Gray(pictures[1]));
        Assert.InRange(Gray(pictures[2])[0] - Gray(pictures[1])[0], 40, 150); // one epoch to the right
    }

    [Fact]
    public void A_picture_that_cannot_be_written_is_an_error_that_names_it()
    {
        string file = Path.Combine(_folder, "nowhere", "confusion.png");
        Assert.Contains(file, Assert.Throws<GraftException>(() => Charts.Confusion(new ConfusionMatrix(2), file)).Message, StringComparison.Ordinal);
    }
}
