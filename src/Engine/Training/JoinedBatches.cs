using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Graft.Training;

/// <summary>One more input of every sample of a data set.</summary>
/// <param name="Values">Row-major, the samples in the order of the data set.</param>
/// <param name="Shape">Shape of one sample, without the batch axis.</param>
public sealed record SampleArray(float[] Values, Shape Shape);

/// <summary>One more label of every sample of a data set.</summary>
/// <param name="Values">Row-major, the labels in the order of the data set.</param>
/// <param name="Shape">Shape of one label, without the batch axis: [1], or [K] for one-hot labels.</param>
/// <param name="Kind">How they are laid out.</param>
public sealed record LabelArray(float[] Values, Shape Shape, LabelKind Kind)
{
    /// <summary>Class names in label order, where labels are classes.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];
}

/// <summary>
/// A data set with further inputs or labels beside each sample, for models with several inputs or outputs: photographs with what is known of them from a table, or a second thing to be
/// learned. They go with their sample into whatever batch it comes.
/// <code>
/// var data = new JoinedBatches(folder, inputs: [new SampleArray(ages, new Shape(1))], labels: [new LabelArray(weights, new Shape(1), LabelKind.Values)]);
/// </code>
/// </summary>
public sealed class JoinedBatches : BatchSource
{
    private readonly BatchSource _source;
    private readonly SampleArray[] _inputs;
    private readonly LabelArray[] _labels;

    /// <param name="source">The first input and the first label of each sample, and the order.</param>
    /// <param name="inputs">The inputs behind the first, in the model's order.</param>
    /// <param name="labels">The labels of the outputs behind the first, in the model's order.</param>
    /// <exception cref="ShapeException">An array does not hold as many samples as the data set.</exception>
    public JoinedBatches(BatchSource source, IReadOnlyList<SampleArray>? inputs = null, IReadOnlyList<LabelArray>? labels = null)
    {
        (_source, _inputs, _labels) = (source, [.. inputs ?? []], [.. labels ?? []]);
        foreach ((string what, int length, Shape shape) in _inputs.Select(i => ("input", i.Values.Length, i.Shape)).Concat(_labels.Select(l => ("label", l.Values.Length, l.Shape))))
        {
            if (length != source.Count * shape.Count)
                throw new ShapeException($"JoinedBatches: {source.Count} samples take {source.Count * shape.Count} numbers of an {what} of shape {shape}, not {length}.");
        }
    }

    /// <inheritdoc/>
    public override int Count => _source.Count;

    /// <inheritdoc/>
    public override int BatchSize => _source.BatchSize;

    /// <inheritdoc/>
    public override Shape SampleShape => _source.SampleShape;

    /// <inheritdoc/>
    public override Shape LabelShape => _source.LabelShape;

    /// <inheritdoc/>
    public override LabelKind LabelKind => _source.LabelKind;

    /// <inheritdoc/>
    public override IReadOnlyList<Shape> MoreSampleShapes => [.. _source.MoreSampleShapes, .. _inputs.Select(i => i.Shape)];

    /// <inheritdoc/>
    public override IReadOnlyList<LabelSet> MoreLabelSets => [.. _source.MoreLabelSets, .. _labels.Select(l => new LabelSet(l.Shape, l.Kind, l.ClassNames))];

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _source.ClassNames;

    /// <inheritdoc/>
    public override Preprocessing? Preprocessing => _source.Preprocessing;

    /// <inheritdoc/>
    public override CountedUnit Unit => _source.Unit;

    /// <inheritdoc/>
    public override bool IsDeterministic => _source.IsDeterministic;

    /// <inheritdoc/>
    public override string? Fingerprint
    {
        get
        {
            if (_source.Fingerprint is not { } first)
                return null;
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(Encoding.UTF8.GetBytes(first));
            foreach (SampleArray input in _inputs)
            {
                hash.AppendData(Encoding.UTF8.GetBytes(input.Shape.ToString()));
                hash.AppendData(MemoryMarshal.AsBytes(input.Values.AsSpan()));
            }
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        _source.Epoch(epoch, firstBatch, cancellationToken).Select(Join);

    /// <inheritdoc/>
    public override IEnumerable<Batch> EpochWithoutInputs(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        _source.EpochWithoutInputs(epoch, firstBatch, cancellationToken).Select(Join);

    /// <inheritdoc/>
    public override void Return(Batch batch) => _source.Return(batch);

    private Batch Join(Batch batch)
    {
        if (batch.Indices.Length != batch.Size)
            throw new GraftException($"JoinedBatches: a batch of {_source.GetType().Name} does not say which samples it has (Batch.Indices), so that nothing can be put beside them. MixUp and CutMix mix samples, which have no one place in the data set.");
        return batch with
        {
            MoreInputs = [.. batch.MoreInputs, .. _inputs.Select(i => (i.Shape.Prepend(batch.Size), batch.Inputs.Length == 0 ? [] : Gather(i.Values, i.Shape, batch.Indices)))],
            MoreLabels = [.. batch.MoreLabels, .. _labels.Select(l => (l.Shape.Prepend(batch.Size), Gather(l.Values, l.Shape, batch.Indices)))],
        };
    }

    private static float[] Gather(float[] from, Shape shape, int[] samples)
    {
        int width = (int)shape.Count;
        var values = new float[samples.Length * width];
        for (int i = 0; i < samples.Length; i++)
            from.AsSpan(samples[i] * width, width).CopyTo(values.AsSpan(i * width));
        return values;
    }
}
