using Graft.Bench.Precision;
using Graft.Tests.Golden;
using Graft.Tests.Training;
using Xunit;

namespace Graft.Tests.Bench;

/// <summary>The bench of what fewer bits cost, on a text that takes no time.</summary>
public sealed class PrecisionBenchTests
{
    [Fact]
    public void The_table_has_a_row_a_precision()
    {
        using var files = new TemporaryFiles();
        File.WriteAllText(files["text.txt"], string.Concat(Enumerable.Repeat(TinyText.Words, 40)));
        var notes = new List<string>();
        CharacterModel trained = CharacterModel.Train(files["text.txt"], epochs: 35, notes.Add);
        string table = PrecisionTable.Of(trained);
        Assert.Equal(35, notes.Count);
        Assert.Matches(@"\| float32 \| 1\.\d{4} \| 0 % \|", table); // learned by heart
        // On a text learned by heart the difference may round to nothing.
        Assert.Matches(@"\| bfloat16 \| 1\.\d{4} \| (0|[+-]\d+\.\d{3}) % \|", table);
        Assert.Matches(@"\| int8 \| 1\.\d{4} \| (0|[+-]\d+\.\d{3}) % \|", table);
        trained.Model.Release();
    }

    [Fact]
    public void A_text_that_is_too_short_for_the_schedule_is_named()
    {
        using var files = new TemporaryFiles();
        File.WriteAllText(files["text.txt"], string.Concat(Enumerable.Repeat(TinyText.Words, 40)));
        string message = Assert.Throws<GraftException>(() => CharacterModel.Train(files["text.txt"], epochs: 1, _ => { })).Message;
        Assert.StartsWith(files["text.txt"], message, StringComparison.Ordinal);
        Assert.Contains("more epochs", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("usage")]
    [InlineData("--epochs: a number from 1 on is due, not '0'", "text.txt", "--epochs", "0")]
    [InlineData("--model: a value is due", "text.txt", "--model")]
    [InlineData("'--modell' is not known", "text.txt", "--modell", "folder")]
    public void An_argument_that_is_not_understood_is_named(string words, params string[] arguments) =>
        Assert.Contains(words, Assert.Throws<GraftException>(() => PrecisionOptions.Parse(arguments)).Message, StringComparison.Ordinal);

    [Fact]
    public void Arguments_name_text_folder_and_epochs() =>
        Assert.Equal(new PrecisionOptions("a.txt", "folder", 2), PrecisionOptions.Parse(["a.txt", "--epochs", "2", "--model", "folder"]));
}
