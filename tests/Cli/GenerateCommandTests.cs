using System.Globalization;
using Graft.Cli;
using Graft.Importers.HuggingFace;
using Graft.Importers.Safetensors;
using Graft.Importers.Text;
using Graft.Kernels;
using Graft.Models;
using Graft.Tests.Importers.HuggingFace;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>graft generate, in process, with a small GPT-2 of random weights and the small tokenizer.</summary>
[Collection("command line")]
public sealed class GenerateCommandTests : IDisposable
{
    private static readonly Gpt2Config Config = new() { VocabularySize = 261, Positions = 64, Width = 16, Blocks = 1, Heads = 2, InitializerRange = 0.5f, EosToken = 260 };

    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;
    private readonly Gpt2 _gpt = Gpt2.Build(Config);

    public GenerateCommandTests()
    {
        TokenizerFiles.WriteSmall(_folder);
        WriteModel(_gpt);
    }

    public void Dispose()
    {
        _gpt.Release();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Text_is_continued_as_the_library_does_and_statistics_go_to_standard_error()
    {
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(_folder);
        (int code, string output, string error) = Run("--prompt", "hello w");
        Assert.Equal((0, tokenizer.Decode(Expected(tokenizer.Encode("hello w")), skipSpecialTokens: true) + "\n"), (code, output));
        Assert.Matches(@"^\d+ tokens in \d+\.\d\d s: \d+\.\d tokens/s, the first after \d+ ms; loaded in \d+\.\d\d s\n$", error);
    }

    [Fact]
    public void Text_comes_as_it_is_made()
    {
        using var output = new FlushedLengths();
        Assert.Equal(0, Application.Run(["generate", "--model", _folder, "--prompt", "hello w", "--max-length", "30"], output, TextWriter.Null));
        Assert.True(output.Lengths.Distinct().Count() > 10, string.Join(' ', output.Lengths));
    }

    [Fact]
    public void Statistics_stand_below_the_text_where_both_go_to_one_screen()
    {
        using var screen = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        Assert.Equal(0, Application.Run(["generate", "--model", _folder, "--prompt-ids", "258,7"], screen, screen));
        Assert.Matches(@"^[\d,]+\n\d+ tokens in [^\n]+\n$", screen.ToString());
    }

    [Fact]
    public void Ids_need_no_tokenizer_and_give_ids()
    {
        File.Delete(Path.Combine(_folder, "vocab.json"));
        File.Delete(Path.Combine(_folder, "merges.txt"));
        Assert.Equal((0, string.Join(',', Expected([258, 7])) + "\n"), Two(Run("--prompt-ids", "258,7")));
        Assert.Equal((0, string.Join(',', Expected([258, 7], o => o with { MaxLength = 20 })) + "\n"), Two(Run("--prompt-ids", "258,7", "--greedy", "--max-length", "20")));
    }

    [Fact]
    public void A_repetition_penalty_goes_with_and_without_sampling()
    {
        int[] plain = Expected([258, 7]), penalized = Expected([258, 7], o => o with { RepetitionPenalty = 1.7f });
        Assert.NotEqual(plain, penalized);
        Assert.Equal((0, string.Join(',', penalized) + "\n"), Two(Run("--prompt-ids", "258,7", "--repetition-penalty", "1.7")));
        Assert.Equal((0, string.Join(',', Expected([258, 7], o => o with { RepetitionPenalty = 1.7f, DoSample = true, TopK = 50, Seed = 3 })) + "\n"), Two(Run("--prompt-ids", "258,7", "--repetition-penalty", "1.7", "--seed", "3")));
        Assert.Equal(2, Run("--prompt-ids", "258,7", "--repetition-penalty", "0").Code);
    }

    [Fact]
    public void New_tokens_are_counted_with_the_prompt_or_without_it()
    {
        Assert.Equal((0, string.Join(',', Expected([258, 7], o => o with { MaxLength = 7 })) + "\n"), Two(Run("--prompt-ids", "258,7", "--max-new-tokens", "5")));
        Assert.Equal(2, Run("--prompt-ids", "258,7", "--max-new-tokens", "5", "--max-length", "7").Code);
    }

    [Fact]
    public void A_model_that_takes_fewer_tokens_than_the_usual_length_gives_as_many_as_it_takes()
    {
        Gpt2 gpt = Gpt2.Build(Config with { Positions = 16 });
        WriteModel(gpt);
        Assert.Equal((0, string.Join(',', gpt.Generate([[258, 7]], new GenerationOptions { MaxLength = 16, EosTokenIds = [260] }).Sequences[0].Tokens) + "\n"), Two(Run("--prompt-ids", "258,7")));
        gpt.Release();
    }

    [Theory]
    [InlineData("bf16", WeightPrecision.BFloat16)]
    [InlineData("int8", WeightPrecision.Int8)]
    public void Weights_are_stored_in_the_precision_that_is_asked_for(string name, WeightPrecision precision)
    {
        _gpt.Precision = precision;
        Assert.Equal((0, string.Join(',', Expected([258, 7])) + "\n"), Two(Run("--prompt-ids", "258,7", "--precision", name)));
    }

    [Fact]
    public void An_end_of_text_outside_the_vocabulary_never_comes()
    {
        string config = Path.Combine(_folder, "config.json");
        File.WriteAllText(config, (Config with { EosToken = 50256 }).ToJson());
        (int code, string output) = Two(Run("--prompt-ids", "258,7", "--max-length", "9"));
        Assert.Equal((0, 9), (code, output.Split(',').Length));
    }

    [Fact]
    public void A_model_of_any_characters_generates_by_the_tokenizer_that_its_folder_holds()
    {
        File.Delete(Path.Combine(_folder, "vocab.json"));
        File.Delete(Path.Combine(_folder, "merges.txt"));
        CharacterTokenizer tokenizer = CharacterTokenizer.Of(["Grüße, Καλημέρα 😀"], hasEnd: true);
        Gpt2 gpt = Gpt2.Build(Config with { VocabularySize = tokenizer.VocabularySize, EosToken = tokenizer.EosToken });
        WriteModel(gpt);
        tokenizer.Save(_folder);
        int[] ids = [.. gpt.Generate([tokenizer.Encode("Grü")], new GenerationOptions { MaxLength = 50, EosTokenIds = [tokenizer.EosToken!.Value] }).Sequences[0].Tokens];
        string expected = tokenizer.Decode(ids).Replace("<|endoftext|>", "", StringComparison.Ordinal);
        Assert.Equal((0, expected + "\n"), Two(Run("--prompt", "Grü")));
        Assert.True(expected.Length > 4, expected);
        string stop = expected[3..5].TrimStart()[..1];
        Assert.EndsWith(stop + "\n", Run("--prompt", "Grü", "--stop", stop).Output, StringComparison.Ordinal);
        Fails("has no 'z' (U+007A)", "--prompt", "z");
        gpt.Release();
    }

    [Fact]
    public void The_ends_of_a_text_are_those_of_generation_config_where_there_is_one()
    {
        string path = Path.Combine(_folder, "generation_config.json");
        int[] free = Expected([258, 7], o => o with { EosTokenIds = [] });
        int end = free[5];
        string upTo = string.Join(',', free[..(Array.IndexOf(free, end, 2) + 1)]) + "\n";
        File.WriteAllText(path, $$"""{"bos_token_id": 260, "eos_token_id": {{end}}, "_from_model_config": true}""");
        Assert.Equal((0, upTo), Two(Run("--prompt-ids", "258,7")));
        File.WriteAllText(path, $$"""{"eos_token_id": [{{end}}, 50256]}""");
        Assert.Equal((0, upTo), Two(Run("--prompt-ids", "258,7")));
        File.WriteAllText(Path.Combine(_folder, "config.json"), (Config with { EosToken = end }).ToJson());
        File.WriteAllText(path, """{"temperature": 0.7}""");
        Assert.Equal((0, string.Join(',', free) + "\n"), Two(Run("--prompt-ids", "258,7"))); // it names none
        File.Delete(path);
        Assert.Equal((0, upTo), Two(Run("--prompt-ids", "258,7")));
        File.WriteAllText(path, """{"eos_token_id": "end"}""");
        Fails("generation_config.json: is no object whose eos_token_id is a token", "--prompt-ids", "258,7");
    }

    [Fact]
    public void Sampling_and_beams_are_those_of_the_library()
    {
        Assert.Equal(string.Join(',', Expected([258, 7], o => o with { DoSample = true, Temperature = 0.8f, TopK = 20, TopP = 0.9f, Seed = 3 })) + "\n",
            Run("--prompt-ids", "258,7", "--temperature", "0.8", "--top-k", "20", "--top-p", "0.9", "--seed", "3").Output);
        (_, string output, string error) = Run("--prompt-ids", "258,7", "--beams", "3");
        Assert.Equal(string.Join(',', Expected([258, 7], o => o with { NumBeams = 3 })) + "\n", output);
        Assert.DoesNotContain("first", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stop_string_ends_the_text()
    {
        string text = Run("--prompt", "hello w").Output;
        string stop = text["hello w".Length..].First(c => char.IsAsciiLetterOrDigit(c)).ToString();
        Assert.EndsWith(stop + "\n", Run("--prompt", "hello w", "--stop", stop).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Threads_change_the_time_alone()
    {
        int before = CpuThreads.Count;
        try
        {
            Assert.Equal(Run("--prompt", "hello w").Output, Run("--prompt", "hello w", "--threads", "1").Output);
            Assert.Equal(1, CpuThreads.Count);
        }
        finally
        {
            CpuThreads.Count = before;
        }
    }

    [Theory]
    [InlineData("Prompt 0 is empty", "--prompt", "")]
    [InlineData("Prompt 0 has token 261", "--prompt-ids", "1,261")]
    [InlineData("holds sequences of 64", "--prompt", "The words of this prompt are more than the sixty-four positions of the model.")]
    [InlineData("Give --max-length 64 or less, or --max-new-tokens 62 or less.", "--prompt-ids", "258,7", "--max-length", "65")]
    [InlineData("A prompt of 2 tokens and 63 new ones are 65; this model takes 64", "--prompt-ids", "258,7", "--max-new-tokens", "63")]
    [InlineData("Raise it, or give --max-new-tokens.", "--prompt-ids", "258,7", "--max-length", "2")]
    [InlineData("there is no room for a new one", "--prompt", "hello w", "--max-length", "3")]
    public void Prompts_that_cannot_be_continued_are_one_line_and_exit_code_1(string part, params string[] args) => Fails(part, args);

    [Fact]
    public void A_tokenizer_of_another_model_is_refused()
    {
        WriteModel(Gpt2.Build(Config with { VocabularySize = 260, EosToken = 259 }));
        Fails("has 261 tokens, the model 260", "--prompt", "hello");
    }

    [Fact]
    public void A_config_that_does_not_fit_the_weights_is_refused()
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), (Config with { VocabularySize = 300 }).ToJson());
        Assert.Contains("'wte.weight' has shape [261,16]", Run("--prompt", "hello").Error, StringComparison.Ordinal); // a line for each fault
    }

    [Theory]
    [InlineData("merges.txt")]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    public void A_missing_file_is_named(string name)
    {
        File.Delete(Path.Combine(_folder, name));
        Fails(name, "--prompt", "hello");
    }

    [Theory]
    [InlineData]
    [InlineData("--prompt", "a", "--prompt-ids", "1")]
    [InlineData("--prompt-ids", "1,x")]
    [InlineData("--prompt-ids", "")]
    [InlineData("--prompt-ids", "1", "--stop", "a")]
    [InlineData("--prompt", "a", "--greedy", "--seed", "1")]
    [InlineData("--prompt", "a", "--greedy", "--temperature", "1")]
    [InlineData("--prompt", "a", "--temperature", "0")]
    [InlineData("--prompt", "a", "--top-p", "1.5")]
    [InlineData("--prompt", "a", "--beams", "0")]
    [InlineData("--prompt", "a", "--max-length", "0")]
    [InlineData("--prompt", "a", "--threads", "0")]
    [InlineData("--prompt", "a", "--beams", "2", "--stop", "b")]
    public void Bad_usage_is_exit_code_2_and_one_line(params string[] args)
    {
        (int code, string output, string error) = Run(args);
        Assert.Equal((2, ""), (code, output));
        Assert.Single(error.Trim().Split('\n'));
    }

    private void WriteModel(Gpt2 gpt) => WriteModel(gpt, _folder);

    /// <summary>Config and weights of a model, in a folder.</summary>
    internal static void WriteModel(Gpt2 gpt, string folder)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), gpt.Config.ToJson());
        SafetensorsWriter.Save(Path.Combine(folder, "model.safetensors"), gpt, Gpt2.HuggingFaceName);
    }

    private int[] Expected(int[] prompt, Func<GenerationOptions, GenerationOptions>? change = null)
    {
        var options = new GenerationOptions { MaxLength = 50, EosTokenIds = [260] };
        return [.. _gpt.Generate([prompt], change?.Invoke(options) ?? options).Sequences[0].Tokens];
    }

    private void Fails(string part, params string[] args)
    {
        (int code, string output, string error) = Run(args);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.Single(error.Trim().Split('\n'));
    }

    private (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        using var error = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        int code = Application.Run(["generate", "--model", _folder, .. args], output, error);
        return (code, output.ToString(), error.ToString());
    }

    private static (int, string) Two((int Code, string Output, string Error) run) => (run.Code, run.Output);

    /// <summary>Notes how much stood there at each flush.</summary>
    private sealed class FlushedLengths : StringWriter
    {
        public List<int> Lengths { get; } = [];

        public override void Flush() => Lengths.Add(GetStringBuilder().Length);
    }
}
