using Graft.Importers.Text;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.Text;

/// <summary>Tables of labels and texts, and how they become batches.</summary>
public sealed class LabelledTextsTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("label\ttext\nham\tHi there\nspam\tWIN\nham\tHi \"you\"\n")]
    [InlineData("Text\tLABEL\r\nHi there\tham\r\nWIN\tspam\r\nHi \"you\"\tham")] // other order, other line ends, none at the end
    [InlineData("\uFEFFham\tHi there\nspam\tWIN\nham\tHi \"you\"\n")] // no titles: the column with fewer entries
    [InlineData("Hi there\tham\nWIN\tspam\nHi \"you\"\tham\n")]
    public void Labels_and_texts_are_found_in_either_order_with_and_without_titles(string table)
    {
        LabelledTexts texts = LabelledTexts.Read(Write(table));
        Assert.Equal(["Hi there", "WIN", "Hi \"you\""], texts.Texts);
        Assert.Equal(["ham", "spam"], texts.ClassNames);
        Assert.Equal([0, 1, 0], texts.Classes);
        Assert.Equal((2, 1), (texts.CountOf(0), texts.CountOf(1)));
    }

    [Fact]
    public void A_column_that_is_named_has_the_labels()
    {
        string path = Write("a\tx\nb\tx\n");
        Assert.Equal(["x"], LabelledTexts.Read(path).ClassNames);
        Assert.Equal(["a", "b"], LabelledTexts.Read(path, labelColumn: 1).ClassNames);
        Assert.Contains("both columns have 2 different entries", Fails("a\tx\nb\ty\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void Malformed_lines_are_all_listed_with_their_numbers()
    {
        string message = Fails("label\ttext\nham\tfine\nno tab\n\nham\ta\tb\n\ttext\nham\t\n");
        Assert.Contains("5 lines are not", message, StringComparison.Ordinal);
        Assert.Contains("line 3 has no tab; line 4 is empty; line 5 has 3 columns; line 6 has nothing before the tab; line 7 has nothing behind the tab.", message, StringComparison.Ordinal);
        Assert.Contains("13 lines are not", message = Fails("label\ttext\n" + string.Concat(Enumerable.Repeat("x\n", 13))), StringComparison.Ordinal);
        Assert.Contains("line 11 has no tab; ....", message, StringComparison.Ordinal);
        Assert.Contains("1 line is not", Fails("ham\tx\nham\n"), StringComparison.Ordinal);
        Assert.Contains("titles and no text", Fails("label\ttext\n"), StringComparison.Ordinal);
        Assert.Contains("is empty", Fails(" \n"), StringComparison.Ordinal);
        Assert.Contains("no such file", Assert.Throws<GraftException>(() => LabelledTexts.Read(_files["none.tsv"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_of_no_known_class_are_refused()
    {
        Assert.Equal(["one line"], LabelledTexts.Read(Write("one line\tham\n"), classNames: ["ham", "spam"]).Texts);
        Assert.Equal([1, 1], LabelledTexts.Read(Write("spam\ta\nspam\tb\n"), classNames: ["ham", "spam"]).Classes);
        Assert.Contains("'junk', which is none of 'ham', 'spam'", Assert.Throws<GraftException>(() => LabelledTexts.Read(Write("junk\ta\njunk\tb\n"), classNames: ["ham", "spam"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_split_holds_the_same_share_of_each_class_back_by_its_seed()
    {
        string table = string.Concat(Enumerable.Range(0, 50).Select(i => $"{(i % 5 == 0 ? "spam" : "ham")}\ttext {i}\n"));
        (LabelledTexts training, LabelledTexts held) = LabelledTexts.Read(Write(table)).Split(0.2, seed: 3);
        Assert.Equal((32, 8, 8, 2), (training.CountOf(0), training.CountOf(1), held.CountOf(0), held.CountOf(1)));
        Assert.Equal(50, training.Texts.Union(held.Texts).Count());
        Assert.All(held.Texts.Zip(held.Labels), t => Assert.Equal(int.Parse(t.First[5..], System.Globalization.CultureInfo.InvariantCulture) % 5 == 0 ? "spam" : "ham", t.Second));
        Assert.Equal(held.Texts, LabelledTexts.Read(Write(table)).Split(0.2, seed: 3).Validation.Texts);
        Assert.NotEqual(held.Texts, LabelledTexts.Read(Write(table)).Split(0.2, seed: 4).Validation.Texts);
        Assert.Contains("one text alone of class 'b'", Assert.Throws<GraftException>(() => LabelledTexts.Read(Write("a\t1\na\t2\nb\t3\n")).Split(0.5, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_language_model_reads_the_texts_of_a_table_without_its_labels() =>
        Assert.Equal(["one", "two"], TextDocuments.Read(Write("label\ttext\na\tone\na\ttwo\n")));

    [Fact]
    public void Lines_are_texts_and_an_empty_one_is_refused()
    {
        Assert.Equal(["one", "two"], TextDocuments.ReadLines(Write("one\r\ntwo\n")));
        Assert.Contains("line 2 is empty", Assert.Throws<GraftException>(() => TextDocuments.ReadLines(Write("one\n\ntwo\n"))).Message, StringComparison.Ordinal);
    }

    private string Write(string table)
    {
        File.WriteAllText(_files["table.tsv"], table);
        return _files["table.tsv"];
    }

    private string Fails(string table) => Assert.Throws<GraftException>(() => LabelledTexts.Read(Write(table))).Message;
}
