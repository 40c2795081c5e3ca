using System.Buffers;
using System.Text;
using Graft.Importers.Text;

namespace Graft.Importers.HuggingFace;

/// <summary>Decodes tokens one by one, as a model makes them: never a part of a character, and together what Decode gives.</summary>
/// <remarks>Held back until it is complete: a character whose bytes lie in several tokens, and with clean-up a space that may fall away.</remarks>
public sealed class TokenStream : ITokenStream
{
    private readonly Gpt2Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly CleanUp? _cleanUp;
    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder(); // U+FFFD for each maximal part that is no UTF-8, as Python's errors='replace'
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly StringBuilder _text = new();
    private bool _started, _afterAdded;

    internal TokenStream(Gpt2Tokenizer tokenizer, bool skipSpecialTokens, bool cleanUp)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
        _cleanUp = cleanUp ? new CleanUp() : null;
    }

    /// <summary>Takes the next token and returns the text that is complete by now; empty if there is none.</summary>
    /// <exception cref="GraftException">The id is in no vocabulary.</exception>
    public string Push(int id)
    {
        Append(id);
        return Take(atEnd: false);
    }

    /// <summary>Ends the text and returns what was held back; bytes that are still no character become U+FFFD. The stream can be used anew.</summary>
    public string Flush()
    {
        string rest = Take(atEnd: true);
        _started = _afterAdded = false;
        return rest;
    }

    /// <summary>Takes the next token.</summary>
    internal void Append(int id)
    {
        _tokenizer.CheckId(id);
        if (_skipSpecialTokens && _tokenizer.IsSpecial(id))
            return;
        // Hugging Face's slow tokenizers set added tokens that are not special off by spaces, and decode what stands between for itself.
        bool added = _tokenizer.IsPlainAdded(id);
        if ((added && _started) || _afterAdded)
        {
            ToText(atEnd: true);
            _text.Append(' ');
        }
        _bytes.Write(_tokenizer.Bytes(id));
        _started = true;
        _afterAdded = added;
    }

    private string Take(bool atEnd)
    {
        ToText(atEnd);
        string text = _text.ToString();
        _text.Clear();
        return _cleanUp is null ? text : _cleanUp.Push(text, atEnd);
    }

    private void ToText(bool atEnd)
    {
        ReadOnlySpan<byte> bytes = _bytes.WrittenSpan;
        char[] chars = ArrayPool<char>.Shared.Rent(_utf8.GetCharCount(bytes, atEnd));
        _text.Append(chars, 0, _utf8.GetChars(bytes, chars, atEnd));
        ArrayPool<char>.Shared.Return(chars);
        _bytes.ResetWrittenCount();
    }
}
