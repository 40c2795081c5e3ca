using System.Diagnostics;
using System.Globalization;
using Graft.Importers.Text;
using Graft.Kernels;
using Graft.Models;

namespace Graft.Cli;

/// <summary>One run of a language model: loads it, writes what it says as it comes, and tells how fast.</summary>
internal sealed class GenerateRun(Terminal terminal, TextWriter statistics)
{
    private const int DefaultLength = 50;

    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>Folder of an adapter of PEFT that is put on the model; null for none.</summary>
    public string? Adapter { get; init; }

    /// <summary>Most tokens of the whole text, or null.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Most tokens behind the prompt, or null. Where both are null, a text has 50 tokens, or what the model takes.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>How weights are stored; an adapter's stay floats.</summary>
    public WeightPrecision Precision { get; init; }

    /// <summary>Continues tokens and writes tokens, with commas between.</summary>
    public void Ids(string folder, int[] prompt, GenerationOptions options)
    {
        Gpt2 gpt = Load(folder);
        bool first = true;
        Run(gpt, prompt, options with { EosTokenIds = TextModelFolder.End(folder, gpt) }, id =>
        {
            terminal.Text((first ? "" : ",") + id.ToString(CultureInfo.InvariantCulture));
            first = false;
        }, rest: () => "");
    }

    /// <summary>Continues a text and writes it whole, the prompt in front, as the tokenizer decodes it.</summary>
    public void Text(string folder, string prompt, GenerationOptions options)
    {
        ITokenizer tokenizer = TextTokenizers.Open(folder);
        Gpt2 gpt = Load(folder);
        options = TextModelFolder.Decoding(folder, gpt, tokenizer, options);
        ITokenStream text = tokenizer.Stream(skipSpecialTokens: true);
        Run(gpt, tokenizer.Encode(prompt), options, id => terminal.Text(text.Push(id)), text.Flush);
    }

    private Gpt2 Load(string folder)
    {
        Gpt2 gpt = TextModelFolder.Load(folder, Adapter, terminal);
        gpt.Precision = Precision;
        return gpt;
    }

    private void Run(Gpt2 gpt, int[] prompt, GenerationOptions options, Action<int> write, Func<string> rest)
    {
        options = options with { MaxLength = WholeLength(prompt.Length, gpt.Config.Positions) };
        double loaded = _clock.Elapsed.TotalSeconds, first = 0;
        int count = 0;
        bool streams = options.NumBeams == 1; // beams know their text at the end only
        IEnumerable<int> tokens = streams ? gpt.GenerateTokensAsync(prompt, options, terminal.Interrupt).ToBlockingEnumerable(terminal.Interrupt)
            : gpt.Generate([prompt], options, terminal.Interrupt).Sequences[0].Generated;
        Array.ForEach(prompt, write);
        try
        {
            foreach (int token in tokens)
            {
                if (count++ == 0)
                    first = _clock.Elapsed.TotalSeconds - loaded;
                write(token);
            }
        }
        catch (OperationCanceledException)
        {
            terminal.Line(); // what came stays, on a line of its own
            throw;
        }
        double seconds = _clock.Elapsed.TotalSeconds - loaded;
        terminal.Line(rest()); // before the statistics, which may go to the same screen
        string firstToken = streams ? string.Create(CultureInfo.InvariantCulture, $", the first after {first * 1000:F0} ms") : "";
        statistics.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} tokens in {seconds:F2} s: {count / seconds:F1} tokens/s{firstToken}; loaded in {loaded:F2} s"));
    }

    /// <summary>Tokens of the whole text, checked in the words of the command line; a prompt that is too long for the model is refused by the model.</summary>
    private int WholeLength(int prompt, int limit)
    {
        int length = MaxNewTokens is int added ? prompt + Math.Min(added, int.MaxValue - prompt) : MaxLength ?? Math.Min(DefaultLength, limit);
        if (prompt >= limit)
            return length;
        if (length > limit)
            throw new GraftException($"A prompt of {prompt} tokens and {length - prompt} new ones are {length}; this model takes {limit} (n_positions in its config.json). Give --max-length {limit} or less, or --max-new-tokens {limit - prompt} or less.");
        if (length <= prompt)
            throw new GraftException($"The prompt has {prompt} tokens, and --max-length, which counts them, is {length}: there is no room for a new one. Raise it, or give --max-new-tokens.");
        return length;
    }
}
