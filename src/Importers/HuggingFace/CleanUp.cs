namespace Graft.Importers.HuggingFace;

/// <summary>Removes the spaces that a split into words left before punctuation and contractions, in a text that comes in parts.</summary>
/// <remarks>clean_up_tokenization of Hugging Face's tokenizers: ten replacements, each over the whole text, in this order. Each holds back the
/// end of what it got while that may be the beginning of what it replaces.</remarks>
internal sealed class CleanUp
{
    private readonly Replacement[] _replacements =
    [
        new(" .", "."), new(" ?", "?"), new(" !", "!"), new(" ,", ","), new(" ' ", "'"), new(" n't", "n't"), new(" 'm", "'m"), new(" 's", "'s"), new(" 've", "'ve"), new(" 're", "'re"),
    ];

    /// <summary>Takes the next part of the text and returns what is final by now; all of it at the end.</summary>
    public string Push(string text, bool atEnd)
    {
        foreach (Replacement replacement in _replacements)
            text = replacement.Push(text, atEnd);
        return text;
    }

    private sealed class Replacement(string from, string to)
    {
        private string _held = "";

        public string Push(string text, bool atEnd)
        {
            string all = _held + text;
            int rest = 0; // behind the last match: matches do not overlap
            for (int at; (at = all.IndexOf(from, rest, StringComparison.Ordinal)) >= 0;)
                rest = at + from.Length;
            int held = atEnd ? 0 : Math.Min(from.Length - 1, all.Length - rest);
            while (held > 0 && !from.AsSpan(0, held).SequenceEqual(all.AsSpan(all.Length - held)))
                held--;
            _held = all[^held..];
            return all[..^held].Replace(from, to, StringComparison.Ordinal);
        }
    }
}
