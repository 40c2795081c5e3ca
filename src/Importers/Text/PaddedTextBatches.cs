using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Graft.Training;

namespace Graft.Importers.Text;

/// <summary>Texts of different lengths and their classes, for a model that classifies them: texts of similar length come together, and a row is as long as the longest of these.</summary>
/// <remarks>
/// Inputs [n,t], labels [n,1]. In order of length the texts make up to eight groups of whole batches; a group's longest text decides over t. Which texts of a group make
/// a batch, and when it comes, is drawn anew each epoch; to which group a text belongs is not, so that it has the same t in each epoch. The model must take rows of any
/// t up to the length, and must not look at what fills them.
/// </remarks>
public sealed class PaddedTextBatches : BatchSource
{
    private const int MostGroups = 8; // twice as many save a few per cent of the tokens more, and mix less

    private readonly IReadOnlyList<int[]> _texts;
    private readonly float[] _classes;
    private readonly int _padToken;
    private readonly int? _shuffleSeed;
    private readonly int[][] _groups; // the texts of each
    private string? _fingerprint;

    /// <summary>Puts texts into groups.</summary>
    /// <param name="texts">The ids of each text.</param>
    /// <param name="classes">The class of each.</param>
    /// <param name="classNames">Names of the classes.</param>
    /// <param name="length">The most tokens of a row: a longer text keeps its beginning.</param>
    /// <param name="padToken">The id that fills rows, at the right.</param>
    /// <param name="batchSize">Texts in a batch; one batch of an epoch may be smaller.</param>
    /// <param name="shuffleSeed">Seed of a new order each epoch; null goes by length.</param>
    /// <exception cref="GraftException">There are no texts, or not a class for each.</exception>
    public PaddedTextBatches(IReadOnlyList<int[]> texts, IReadOnlyList<int> classes, IReadOnlyList<string> classNames, int length, int padToken, int batchSize = 32, int? shuffleSeed = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        if (texts.Count == 0 || classes.Count != texts.Count)
            throw new GraftException($"PaddedTextBatches: {texts.Count} texts and {classes.Count} classes; one or more texts with a class each are due.");
        (_texts, _padToken, _shuffleSeed) = (texts, padToken, shuffleSeed);
        _classes = [.. classes.Select(c => (float)c)];
        (ClassNames, BatchSize, SampleShape) = (classNames, batchSize, new Shape(length));
        int[] byLength = [.. Enumerable.Range(0, texts.Count).OrderBy(i => texts[i].Length)];
        int groups = Math.Min(MostGroups, BatchesPerEpoch);
        int First(int group) => Math.Min(texts.Count, group * BatchesPerEpoch / groups * batchSize);
        _groups = [.. Enumerable.Range(0, groups).Select(g => byLength[First(g)..First(g + 1)])];
    }

    /// <inheritdoc/>
    public override int Count => _texts.Count;

    /// <inheritdoc/>
    public override int BatchSize { get; }

    /// <inheritdoc/>
    public override Shape SampleShape { get; }

    /// <inheritdoc/>
    public override Shape LabelShape { get; } = new(1);

    /// <inheritdoc/>
    public override LabelKind LabelKind => LabelKind.Sparse;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override CountedUnit Unit { get; } = new("texts");

    /// <summary>
    /// Chance with which each token of a text is left out, drawn anew each epoch: Wei and Zou 2019's random deletion, arXiv:1901.11196, which keeps a model from learning few texts
    /// by heart. A text keeps one token at least.
    /// </summary>
    public double Deletion { get; init; }

    /// <inheritdoc/>
    public override bool IsDeterministic => Deletion == 0;

    /// <inheritdoc/>
    public override string? Fingerprint => _fingerprint ??= Digest();

    /// <summary>Rows of ids [texts.Count, length]: a longer text keeps its beginning, a shorter one is filled up at the right.</summary>
    /// <param name="texts">The ids of each text.</param>
    /// <param name="length">Tokens of a row.</param>
    /// <param name="padToken">The id that fills.</param>
    public static float[] Rows(IReadOnlyList<int[]> texts, int length, int padToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        var rows = new float[texts.Count * length];
        Array.Fill(rows, padToken);
        for (int i = 0; i < texts.Count; i++)
        {
            for (int t = 0; t < Math.Min(length, texts[i].Length); t++)
                rows[i * length + t] = texts[i][t];
        }
        return rows;
    }

    /// <inheritdoc/>
    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: true, cancellationToken);

    /// <inheritdoc/>
    public override IEnumerable<Batch> EpochWithoutInputs(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: false, cancellationToken);

    private IEnumerable<Batch> Batches(int epoch, int firstBatch, bool withInputs, CancellationToken cancellationToken)
    {
        Random? drawing = _shuffleSeed is int seed ? Drawing(seed, epoch) : null;
        (int[] Texts, int Length)[] batches = [.. _groups.SelectMany(g => Drawn(g, drawing).Chunk(BatchSize).Select(texts => (texts, LengthOf(g))))];
        drawing?.Shuffle(batches);
        foreach ((int[] texts, int length) in batches.Skip(firstBatch))
        {
            cancellationToken.ThrowIfCancellationRequested();
            float[] rows = withInputs ? Rows([.. texts.Select(i => Variant(i, epoch))], length, _padToken) : [];
            yield return new Batch(rows, new Shape(texts.Length, length), [.. texts.Select(i => _classes[i])], LabelShape.Prepend(texts.Length)) { Indices = texts };
        }
    }

    private static int[] Drawn(int[] group, Random? drawing)
    {
        int[] texts = [.. group];
        drawing?.Shuffle(texts);
        return texts;
    }

    private int[] Variant(int text, int epoch)
    {
        int[] tokens = _texts[text];
        if (Deletion == 0 || tokens.Length == 0)
            return tokens;
        var random = new Random((int)(RandomSeed.Of(_shuffleSeed ?? 0, epoch, text + 1L) >> 33)); // 0 draws the order
        int[] kept = Array.FindAll(tokens, _ => random.NextDouble() >= Deletion);
        return kept.Length > 0 ? kept : [tokens[random.Next(tokens.Length)]];
    }

    private int LengthOf(int[] group) => Math.Clamp(group.Max(i => _texts[i].Length), 1, SampleShape[0]);

    /// <summary>Of all texts and of the length of their rows, which other batches would change.</summary>
    private string Digest()
    {
        var lengths = new int[Count];
        foreach (int[] group in _groups)
            Array.ForEach(group, i => lengths[i] = LengthOf(group));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int i = 0; i < Count; i++)
            hash.AppendData(MemoryMarshal.AsBytes<int>([lengths[i], _padToken, (int)(Deletion * 1e6), _shuffleSeed is int seed && Deletion > 0 ? seed : 0, _texts[i].Length, .. _texts[i]]));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
