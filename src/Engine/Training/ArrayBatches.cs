using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Graft.Training;

/// <summary>A data set that lies in memory.</summary>
public sealed class ArrayBatches : BatchSource
{
    private readonly float[] _samples, _labels;
    private readonly float[]? _weights;
    private readonly int? _shuffleSeed;
    private readonly InputArrays _inputs;
    private string? _fingerprint;

    /// <summary>Batches over row-major arrays.</summary>
    /// <param name="samples">All samples, one after the other.</param>
    /// <param name="sampleShape">Shape of one sample: [H,W,C].</param>
    /// <param name="labels">All labels, one after the other.</param>
    /// <param name="labelShape">Shape of one label: [1], or [K] for one-hot labels.</param>
    /// <param name="labelKind">How labels are laid out.</param>
    /// <param name="batchSize">Samples in a batch; the last batch of an epoch may be smaller.</param>
    /// <param name="shuffleSeed">Seed of a new order each epoch; null keeps the order of the arrays.</param>
    /// <param name="sampleWeights">Weight of each sample in the loss; null for 1. A negative one drives the output away from the label.</param>
    /// <exception cref="ShapeException">The arrays do not hold the same whole number of samples, labels and weights, or a shape has no numbers.</exception>
    /// <exception cref="GraftException">A weight is not finite.</exception>
    public ArrayBatches(float[] samples, Shape sampleShape, float[] labels, Shape labelShape, LabelKind labelKind,
        int batchSize = 32, int? shuffleSeed = null, float[]? sampleWeights = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        if (sampleShape.Count == 0 || labelShape.Count == 0)
            throw new ShapeException($"ArrayBatches: a sample of shape {sampleShape} and a label of shape {labelShape} have one number or more each; take extents of 1 or more.");
        if (samples.Length == 0 || samples.Length % sampleShape.Count != 0)
            throw new ShapeException($"ArrayBatches: {samples.Length} numbers are not one or more samples of shape {sampleShape}, {sampleShape.Count} numbers each.");
        Count = (int)(samples.Length / sampleShape.Count);
        if (labels.Length != Count * labelShape.Count)
            throw new ShapeException($"ArrayBatches: {Count} samples take {Count * labelShape.Count} label numbers of shape {labelShape}, not {labels.Length}.");
        if (sampleWeights is not null && sampleWeights.Length != Count)
            throw new ShapeException($"ArrayBatches: {Count} samples take {Count} weights, not {sampleWeights.Length}.");
        if (sampleWeights is not null && Array.FindIndex(sampleWeights, w => !float.IsFinite(w)) is var at and >= 0)
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"ArrayBatches: the weight of sample {at} (counted from 0) is {sampleWeights[at]}; take a finite number, 0 to leave a sample out."));
        _samples = samples;
        _labels = labels;
        _weights = sampleWeights;
        _shuffleSeed = shuffleSeed;
        SampleShape = sampleShape;
        LabelShape = labelShape;
        LabelKind = labelKind;
        BatchSize = batchSize;
        _inputs = new InputArrays(batchSize * sampleShape.Count);
    }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override int BatchSize { get; }

    /// <inheritdoc/>
    public override Shape SampleShape { get; }

    /// <inheritdoc/>
    public override Shape LabelShape { get; }

    /// <inheritdoc/>
    public override LabelKind LabelKind { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => Classes;

    /// <inheritdoc/>
    public override CountedUnit Unit => Counted;

    /// <summary>What the history's rate counts.</summary>
    public CountedUnit Counted { get; init; } = CountedUnit.Images;

    /// <summary>Class names in label order, where labels are classes.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <inheritdoc/>
    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: true, cancellationToken);

    /// <inheritdoc/>
    public override IEnumerable<Batch> EpochWithoutInputs(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: false, cancellationToken);

    /// <inheritdoc/>
    public override void Return(Batch batch) => _inputs.Return(batch);

    /// <inheritdoc/>
    public override string? Fingerprint => _fingerprint ??= Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(_samples.AsSpan())));

    private IEnumerable<Batch> Batches(int epoch, int firstBatch, bool withInputs, CancellationToken cancellationToken)
    {
        int[] order = Order(_shuffleSeed, epoch);
        for (int from = firstBatch * BatchSize; from < Count; from += BatchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int[] rows = order[from..Math.Min(from + BatchSize, Count)];
            yield return new Batch(withInputs ? Gather(_samples, rows, _inputs.Rent((int)(rows.Length * SampleShape.Count))) : [], SampleShape.Prepend(rows.Length), Gather(_labels, rows), LabelShape.Prepend(rows.Length))
            {
                Indices = rows,
                SampleWeights = _weights is null ? null : Gather(_weights, rows),
            };
        }
    }

    private float[] Gather(float[] source, int[] rows) => Gather(source, rows, new float[rows.Length * (source.Length / Count)]);

    private float[] Gather(float[] source, int[] rows, float[] values)
    {
        int width = source.Length / Count;
        for (int i = 0; i < rows.Length; i++)
            source.AsSpan(rows[i] * width, width).CopyTo(values.AsSpan(i * width));
        return values;
    }
}
