using Graft.Importers.Images;
using Graft.Training;
using SkiaSharp;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Photographs with labels in a table: classes, several labels, numbers; and what an error says.</summary>
public sealed class ImageTableTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("graft-table").FullName;

    public ImageTableTests()
    {
        Directory.CreateDirectory(Path.Combine(_root, "photos"));
        for (int i = 0; i < 6; i++)
        {
            using var bitmap = new SKBitmap(8, 8);
            bitmap.Erase(new SKColor((byte)(40 * i), 0, 0));
            using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 90);
            File.WriteAllBytes(Path.Combine(_root, "photos", $"{i}.png"), data.ToArray());
        }
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_column_of_names_is_classes_sorted_by_code_point()
    {
        using var _ = Lines("file,kind", "photos/3.png,pear", "photos/0.png,apple", "\"photos/1.png\",\"fig, dried\"");
        ImageTable table = Open(LabelKind.Categorical);
        Assert.Equal(["apple", "fig, dried", "pear"], table.ClassNames);
        Assert.Equal([2, 0, 1], table.Classes);
        Batch batch = table.Epoch(0, 0, Token).First();
        Assert.Equal([0, 0, 1, 1, 0, 0], batch.Labels);
        Assert.Equal([120, 0], new[] { batch.Inputs[0], batch.Inputs[8 * 8 * 3] }); // the red of 3.png and of 0.png
        Assert.Equal(new Shape(1), Open(LabelKind.Sparse).LabelShape);
    }

    [Fact]
    public void Columns_of_0_and_1_are_several_labels_and_two_names_are_one()
    {
        using (Lines("file;red;round", "photos/0.png;0;1", "photos/1.png;true;False"))
        {
            ImageTable table = Open(LabelKind.Binary);
            Assert.Equal(["red", "round"], table.ClassNames);
            Assert.Equal([0, 1, 1, 0], table.Epoch(0, 0, Token).First().Labels);
            Assert.Empty(table.Classes);
        }
        using (Lines("file\tanswer", "photos/0.png\tyes", "photos/1.png\tno"))
            Assert.Equal([1, 0], Open(LabelKind.Binary).Epoch(0, 0, Token).First().Labels);
    }

    [Fact]
    public void Columns_can_be_named_and_numbers_are_values()
    {
        using var _ = Lines("id,weight,file,height", "a,1.5,photos/0.png,-2", "b,2e1,photos/1.png,0");
        ImageTable table = ImageTable.Open(Path.Combine(_root, "table.csv"), (8, 8), 2, Preprocessing.None, new ImageFolderOptions { LabelKind = LabelKind.Values }, "file", ["height", "weight"]);
        Assert.Equal([-2, 1.5f, 0, 20], table.Epoch(0, 0, Token).First().Labels);
        Assert.Equal(["height", "weight"], table.ClassNames);
    }

    [Fact]
    public void A_share_of_each_class_is_held_back_and_samples_can_be_taken()
    {
        using var _ = Lines("file,kind", "photos/0.png,a", "photos/1.png,a", "photos/2.png,b", "photos/3.png,b", "photos/4.png,b", "photos/5.png,a");
        var options = new ImageFolderOptions { ValidationSplit = 0.4, Subset = Subset.Validation };
        Assert.Equal(["0.png", "2.png"], Names(Open(options)));
        Assert.Equal(["1.png", "3.png", "4.png", "5.png"], Names(Open(options with { Subset = Subset.Training })));

        ImageTable all = Open(LabelKind.Categorical);
        ImageBatches taken = all.Take([4, 0], shuffleSeed: null);
        Assert.Equal(["4.png", "0.png"], Names(taken));
        Assert.Equal([1, 0], taken.Classes);
        Assert.Equal(all.ClassNames, taken.ClassNames);
        Assert.Equal([0, 1, 1, 0], taken.Epoch(0, 0, Token).Single().Labels);
        Assert.Contains("no sample 6", Assert.Throws<GraftException>(() => all.Take([6])).Message, StringComparison.Ordinal);
        int[] folds = StratifiedSplit.Folds(all.Classes, 3, seed: 1);
        Assert.All(Enumerable.Range(0, 3), f => Assert.Equal([0, 1], all.Take([.. Enumerable.Range(0, 6).Where(i => folds[i] == f)]).Classes.Order()));
    }

    [Fact]
    public void A_table_to_validate_with_takes_the_classes_of_the_training()
    {
        using var _ = Lines("file,kind", "photos/0.png,b");
        Assert.Equal([0, 1, 0], Open(new ImageFolderOptions { ClassNames = ["a", "b", "c"] }).Epoch(0, 0, Token).Single().Labels);
        Assert.Contains("has 'b', but the classes are a, c", Assert.Throws<GraftException>(() => Open(new ImageFolderOptions { ClassNames = ["a", "c"] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_without_a_line_of_names_does_not_lose_its_first_photograph()
    {
        using var _ = Lines("photos/0.png,a", "photos/1.png,a", "photos/2.png,b");
        string path = Path.Combine(_root, "table.csv");
        foreach (Action open in new Action[] { () => Open(LabelKind.Categorical), () => ImageTable.ClassesOf(path), () => ImageTable.LabelColumnsOf(path) })
            Assert.Contains("its first line has 'photos/0.png', which is a photograph and no column's name; put a line of column names before it", Assert.Throws<GraftException>(open).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LabelKind.Categorical, "file,kind|photos/0.png,a|photos/9.png,b", "1 of 2 rows cannot be used; mend or remove them:\n  line 3: ")]
    [InlineData(LabelKind.Values, "file,x|photos/0.png,1|photos/1.png,tall|nope.png,", "line 3: 'tall' in column 'x' is no number")]
    [InlineData(LabelKind.Binary, "file,x,y|photos/0.png,1,2", "line 2: '2' in column 'y' is neither 0 nor 1")]
    [InlineData(LabelKind.Binary, "file,x|photos/0.png,a|photos/1.png,b|photos/2.png,c", "has 3 different entries (a, b, c), but Binary labels take 2")]
    [InlineData(LabelKind.Categorical, "file,x|photos/0.png,a", "has 1 different entries (a), but Categorical labels take 2 or more classes")]
    [InlineData(LabelKind.Categorical, "file,x,y|photos/0.png,a,b", "2 columns of labels ('x', 'y'), but Categorical labels take one, the class")]
    [InlineData(LabelKind.Categorical, "file|photos/0.png", "0 columns of labels")]
    [InlineData(LabelKind.Categorical, "file,x|photos/0.png", "line 2 has 1 field(s), the first line 2 column(s) ('file', 'x')")]
    [InlineData(LabelKind.Categorical, "file,x", "has column names and no rows")]
    [InlineData(LabelKind.Categorical, "file,x,x|a,b,c", "two columns are named 'x'")]
    [InlineData(LabelKind.Categorical, "file,x|\"photos/0.png,a", "a quote in the row that begins at line 2 has no end")]
    public void What_is_wrong_is_told_by_line_and_column(LabelKind kind, string text, string message)
    {
        using var _ = Lines(text.Split('|'));
        string found = Assert.Throws<GraftException>(() => Open(kind)).Message;
        Assert.StartsWith(Path.Combine(_root, "table.csv"), found, StringComparison.Ordinal);
        Assert.Contains(message, found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_table_and_an_unknown_column_are_told()
    {
        Assert.Contains("no such file; a table is due here", Assert.Throws<GraftException>(() => Open(LabelKind.Sparse)).Message, StringComparison.Ordinal);
        using var _ = Lines("file,x", "photos/0.png,a");
        Assert.Contains("has no column 'path'; there are 'file', 'x'", Assert.Throws<GraftException>(() => ImageTable.Open(Path.Combine(_root, "table.csv"), (8, 8), 2, Preprocessing.None, imageColumn: "path")).Message, StringComparison.Ordinal);
    }

    private ImageTable Open(LabelKind kind) => Open(new ImageFolderOptions { LabelKind = kind });

    private ImageTable Open(ImageFolderOptions options) => ImageTable.Open(Path.Combine(_root, "table.csv"), (8, 8), 2, Preprocessing.None, options);

    private static IEnumerable<string?> Names(ImageBatches table) => table.Files.Select(Path.GetFileName);

    private Written Lines(params string[] lines)
    {
        string file = Path.Combine(_root, "table.csv");
        File.WriteAllText(file, string.Join("\r\n", lines) + "\r\n");
        return new Written(file);
    }

    private readonly record struct Written(string File) : IDisposable
    {
        public void Dispose() => System.IO.File.Delete(File);
    }
}
