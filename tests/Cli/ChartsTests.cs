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
    public void A_picture_that_cannot_be_written_is_an_error_that_names_it()
    {
        string file = Path.Combine(_folder, "nowhere", "confusion.png");
        Assert.Contains(file, Assert.Throws<GraftException>(() => Charts.Confusion(new ConfusionMatrix(2), file)).Message, StringComparison.Ordinal);
    }
}
