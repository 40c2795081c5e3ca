using System.Text;
using System.Text.Json.Nodes;
using Graft.Importers.Text;
using Graft.Models;

namespace Graft.Serving;

/// <summary>A text that is being continued: its tokens so far, and what they say.</summary>
internal sealed class GrowingText
{
    private readonly ITokenStream _stream;
    private readonly ITokenText? _raw; // with special tokens, as stop strings are looked for
    private readonly StringBuilder _text = new(), _rawText = new();
    private readonly string _prompt;
    private string? _finish;

    /// <summary>A prompt that nothing was added to yet.</summary>
    /// <param name="tokenizer">Decodes what is added.</param>
    /// <param name="prompt">The tokens before.</param>
    /// <param name="options">How it is continued; MaxNewTokens is set.</param>
    public GrowingText(ITokenizer tokenizer, int[] prompt, GenerationOptions options)
    {
        (Prompt, Options, _raw) = (prompt, options, options.StopStrings.Count > 0 ? options.TokenText!() : null);
        _stream = tokenizer.Stream(skipSpecialTokens: true);
        _prompt = string.Concat(prompt.Select(_stream.Push));
    }

    /// <summary>Tokens of the prompt.</summary>
    public int[] Prompt { get; }

    /// <summary>How it is continued.</summary>
    public GenerationOptions Options { get; }

    /// <summary>Tokens that were added.</summary>
    public int Count { get; private set; }

    /// <summary>True behind the last token.</summary>
    public bool IsDone => _finish is not null;

    /// <summary>Adds a token, and gives the text that is complete by it; "" where a character still lacks bytes.</summary>
    public string Add(int token)
    {
        Count++;
        _rawText.Append(_raw?.Append(token));
        string piece = _stream.Push(token);
        _finish = Options.EosTokenIds.Contains(token) ? "eos_token" : HasStop() ? "stop_sequence" : Count == Options.MaxNewTokens ? "length" : null;
        if (IsDone)
            piece += _stream.Flush();
        _text.Append(piece);
        return piece;
    }

    /// <summary>What was added, behind the prompt where the request wants it so.</summary>
    public string Generated(GenerateRequest request) => request.ReturnsFullText ? _prompt + _text : _text.ToString();

    /// <summary>Why it ended, its tokens, and the seed of what was drawn.</summary>
    public JsonObject Details() => new()
    {
        ["finish_reason"] = _finish, ["generated_tokens"] = Count, ["prompt_tokens"] = Prompt.Length, ["seed"] = Options.DoSample ? Options.Seed : null,
    };

    private bool HasStop()
    {
        string raw = _rawText.ToString();
        return Options.StopStrings.Any(s => raw.Contains(s, StringComparison.Ordinal));
    }
}
