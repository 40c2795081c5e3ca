using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Graft.Training;

namespace Graft.Importers.Text;

/// <summary>A text as a language model learns it: blocks of T tokens, with the token that follows each as its label. Inputs and labels [N,T].</summary>
/// <remarks>
/// Block i has tokens iT to iT+T: neighbours share one token, so that every token but the first is a label once. The last block is filled up with
/// token 0 and labels of <see cref="IgnoredLabel"/>: train with <see cref="Loss"/>, which passes over them. Blocks run over the ends of documents, as
/// in GPT-2's training.
/// </remarks>
public sealed class TextBlocks : BatchSource
{
    /// <summary>The label of places behind the end of the text.</summary>
    public const int IgnoredLabel = -1;

    private readonly int[] _tokens;
    private readonly int _length;
    private readonly int? _shuffleSeed;
    private string? _fingerprint;

    /// <summary>Packs a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="length">T: tokens of a block, at most what the model takes.</param>
    /// <param name="batchSize">Blocks in a batch; the last batch of an epoch may be smaller.</param>
    /// <param name="shuffleSeed">Seed of a new order each epoch; null keeps that of the text.</param>
    /// <param name="vocabularySize">Rows of the model's embedding, which every id is checked against; null checks nothing.</param>
    /// <exception cref="GraftException">The text is shorter than a block and the token behind it, or an id is not in the model's vocabulary.</exception>
    public TextBlocks(TokenizedText text, int length, int batchSize = 8, int? shuffleSeed = null, int? vocabularySize = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        if (text.Tokens.Count < length + 1)
            throw new GraftException($"{text.Name}: has {text.Tokens.Count} tokens; a block of {length} and the token behind it are {length + 1}. Take more text or shorter blocks, or share it out otherwise.");
        _tokens = [.. text.Tokens];
        int wrong = vocabularySize is int size ? Array.FindIndex(_tokens, t => t < 0 || t >= size) : -1;
        if (wrong >= 0)
            throw new GraftException($"{text.Name}: token {_tokens[wrong]} at place {wrong} is not in the model's vocabulary of {vocabularySize}. Encode the text with the tokenizer of this model.");
        _length = length;
        _shuffleSeed = shuffleSeed;
        BatchSize = batchSize;
        Count = (_tokens.Length - 1 + length - 1) / length;
        SampleShape = LabelShape = new Shape(length);
    }

    /// <summary>The loss for these blocks and a model that gives logits: the mean over all tokens; e to it is the perplexity.</summary>
    public static Loss Loss { get; } = Loss.SparseCategoricalCrossEntropy(fromLogits: true, ignoreClass: IgnoredLabel);

    /// <summary>Number of blocks.</summary>
    public override int Count { get; }

    /// <inheritdoc/>
    public override int BatchSize { get; }

    /// <inheritdoc/>
    public override Shape SampleShape { get; }

    /// <inheritdoc/>
    public override Shape LabelShape { get; }

    /// <inheritdoc/>
    public override LabelKind LabelKind => LabelKind.Sparse;

    /// <inheritdoc/>
    public override CountedUnit Unit => new("tokens", _length);

    /// <summary>Tokens that are predicted in an epoch.</summary>
    public int LabelCount => _tokens.Length - 1;

    /// <inheritdoc/>
    public override string? Fingerprint => _fingerprint ??= $"{Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(_tokens.AsSpan())))} in blocks of {_length}";

    /// <inheritdoc/>
    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: true, cancellationToken);

    /// <inheritdoc/>
    public override IEnumerable<Batch> EpochWithoutInputs(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: false, cancellationToken);

    private IEnumerable<Batch> Batches(int epoch, int firstBatch, bool withInputs, CancellationToken cancellationToken)
    {
        int[] order = Order(_shuffleSeed, epoch);
        for (int from = firstBatch * BatchSize; from < Count; from += BatchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int[] blocks = order[from..Math.Min(from + BatchSize, Count)];
            yield return new Batch(withInputs ? Rows(blocks, 0, 0) : [], SampleShape.Prepend(blocks.Length), Rows(blocks, 1, IgnoredLabel), LabelShape.Prepend(blocks.Length)) { Indices = blocks };
        }
    }

    // The tokens of blocks from `shift` on; behind the last label, `filler`.
    private float[] Rows(int[] blocks, int shift, int filler)
    {
        var rows = new float[blocks.Length * _length];
        for (int i = 0; i < rows.Length; i++)
        {
            int place = blocks[i / _length] * _length + i % _length;
            rows[i] = place < LabelCount ? _tokens[place + shift] : filler;
        }
        return rows;
    }
}
