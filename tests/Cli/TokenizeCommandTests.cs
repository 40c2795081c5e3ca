using System.Text.Json;
using Graft.Tests.Importers.HuggingFace;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>graft tokenize, in process.</summary>
[Collection("command line")]
public sealed class TokenizeCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Ids_and_pieces_of_a_text_are_shown() =>
        Assert.Equal((0, "7454,2402,257,640\n  7454  Once\n  2402  Ġupon\n   257  Ġa\n   640  Ġtime\n4 tokens\n", ""), Run("tokenize", "Once upon a time"));

    [Fact]
    public void A_character_beyond_ASCII_is_shown_with_the_last_of_its_pieces() =>
        Assert.Equal((0, "41840,101,11033\n  41840  ðŁĳ\n    101  ¨  👨\n  11033  Ã¤  ä\n3 tokens\n", ""), Run("tokenize", "👨ä"));

    [Fact]
    public void A_models_folder_brings_its_tokenizer()
    {
        TokenizerFiles.WriteSmall(_folder);
        Assert.Equal((0, "258\n  258  hell\n1 token\n", ""), Run("tokenize", "--model", _folder, "hell"));
    }

    [Fact]
    public void An_empty_text_has_no_tokens() => Assert.Equal((0, "\n0 tokens\n", ""), Run("tokenize", ""));

    [Fact]
    public void Special_tokens_can_be_taken_as_text()
    {
        Assert.Equal("50256", Run("tokenize", "<|endoftext|>").Output.Split('\n')[0]);
        Assert.Equal("27,91,437,1659,5239,91,29", Run("tokenize", "--plain", "<|endoftext|>").Output.Split('\n')[0]);
    }

    [Fact]
    public void Json_holds_ids_and_pieces()
    {
        using JsonDocument json = JsonDocument.Parse(Run("tokenize", "--json", "a\n").Output);
        Assert.Equal([64, 198], json.RootElement.GetProperty("ids").Ids());
        Assert.Equal(["a", "Ċ"], json.RootElement.GetProperty("pieces").EnumerateArray().Select(p => p.GetString()));
    }

    [Fact]
    public void Without_a_text_standard_input_is_read()
    {
        Assert.SkipWhen(GraftProcess.Named is not null, "Another program has a standard input of its own.");
        TextReader before = Console.In;
        try
        {
            Console.SetIn(new StringReader("Once upon\n"));
            Assert.Equal("7454,2402,198", Run("tokenize").Output.Split('\n')[0]);
        }
        finally
        {
            Console.SetIn(before);
        }
    }

    [Fact]
    public void A_folder_without_merges_is_one_line_and_exit_code_1()
    {
        TokenizerFiles.WriteSmall(_folder);
        File.Delete(Path.Combine(_folder, "merges.txt"));
        (int code, string output, string error) = Run("tokenize", "--model", _folder, "x");
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith($"graft: {Path.Combine(_folder, "merges.txt")}: no such file", error, StringComparison.Ordinal);
        Assert.Single(error.Trim().Split('\n'));
    }

    [Theory]
    [InlineData("tokenize", "two", "texts")]
    [InlineData("tokenize", "--model")]
    [InlineData("tokenize", "--modell", "x", "y")]
    public void Bad_usage_is_exit_code_2(params string[] args)
    {
        (int code, _, string error) = Run(args);
        Assert.Equal(2, code);
        Assert.Single(error.Trim().Split('\n'));
    }
}
