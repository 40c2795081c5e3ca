namespace Graft.Models;

/// <summary>Continuations of one or more prompts, those of a prompt side by side, the best first.</summary>
public sealed class GenerationResult
{
    private readonly int[][] _rows;
    private readonly int _promptWidth;
    private readonly int? _pad;

    /// <summary>Collects sequences.</summary>
    /// <param name="sequences">The sequences.</param>
    /// <param name="prompts">Their prompts.</param>
    /// <param name="options">What pads are taken from.</param>
    internal GenerationResult(IReadOnlyList<GeneratedSequence> sequences, PromptBatch prompts, GenerationOptions options)
    {
        Sequences = sequences;
        _promptWidth = prompts.Width;
        _pad = options.PadTokenId ?? (options.EosTokenIds.Count > 0 ? options.EosTokenIds[0] : null);
        _rows = [.. sequences.Select(s => (int[])[.. prompts.Row(s.Prompt), .. s.Generated])];
    }

    /// <summary>The sequences, without padding.</summary>
    public IReadOnlyList<GeneratedSequence> Sequences { get; }

    /// <summary>
    /// The sequences as one table, as transformers returns them: prompts end at the same column, padded at the left as they were given or with
    /// the pad token, and what ends early is padded at the right.
    /// </summary>
    /// <exception cref="GraftException">Padding is needed and neither PadTokenId nor EosTokenIds say with what.</exception>
    public int[][] Padded()
    {
        int[] left = [.. Sequences.Select((s, i) => _promptWidth - (_rows[i].Length - s.Generated.Count))];
        int width = _rows.Select((r, i) => left[i] + r.Length).Max();
        return [.. _rows.Select((r, i) => (int[])[.. Fill(left[i]), .. r, .. Fill(width - left[i] - r.Length)])];
    }

    private int[] Fill(int count)
    {
        if (count == 0)
            return [];
        int pad = _pad ?? throw new GraftException("The sequences differ in length and there is no token to pad them with; set PadTokenId.");
        return [.. Enumerable.Repeat(pad, count)];
    }
}
