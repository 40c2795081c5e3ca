namespace Graft.Training;

/// <summary>
/// A data set whose samples are mixed with others of their batch, and their labels in the same share. Which ones and how much is drawn anew for each batch, from the seed, the epoch and the
/// number of the batch alone. A frozen base is computed at every step, since no sample comes twice.
/// </summary>
public abstract class MixedBatches : BatchSource
{
    private readonly BatchSource _source;
    private readonly float _alpha;
    private readonly int _seed;

    private protected MixedBatches(BatchSource source, float alpha, int seed)
    {
        if (!(alpha > 0 && float.IsFinite(alpha)))
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "The share is drawn from Beta(alpha, alpha) with an alpha above 0, such as 0.2.");
        if (source.MoreSampleShapes.Count + source.MoreLabelSets.Count > 0)
            throw new GraftException($"{GetType().Name}: only the first input and the first label of a sample can be mixed; the data set has more.");
        if (source.LabelKind == LabelKind.Sparse)
            throw new GraftException($"{GetType().Name}: class indices cannot be mixed; take a source with one-hot labels (LabelKind.Categorical) and Loss.CategoricalCrossEntropy().");
        (_source, _alpha, _seed) = (source, alpha, seed);
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
    public override IReadOnlyList<string> ClassNames => _source.ClassNames;

    /// <inheritdoc/>
    public override Preprocessing? Preprocessing => _source.Preprocessing;

    /// <inheritdoc/>
    public override CountedUnit Unit => _source.Unit;

    /// <inheritdoc/>
    public override bool IsDeterministic => false;

    /// <inheritdoc/>
    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
    {
        int number = firstBatch;
        foreach (Batch batch in _source.Epoch(epoch, firstBatch, cancellationToken))
        {
            var random = new Random((int)(RandomSeed.Of(_seed, epoch, number++) >> 33));
            int[] partners = [.. Enumerable.Range(0, batch.Size)];
            random.Shuffle(partners);
            var inputs = new float[batch.Inputs.Length];
            float kept = (float)Mix(batch, partners, Beta(random, _alpha), random, inputs);
            var mixed = new Batch(inputs, batch.InputShape, Blend(batch.Labels, batch.Size, partners, kept), batch.LabelShape) // a mixed sample is none of the data set: no indices
            {
                SampleWeights = batch.SampleWeights is { } weights ? Blend(weights, batch.Size, partners, kept) : null,
            };
            _source.Return(batch);
            yield return mixed;
        }
    }

    /// <summary>Writes the mixed inputs, and says which share of a sample is its own.</summary>
    private protected abstract double Mix(Batch batch, int[] partners, double share, Random random, float[] inputs);

    /// <summary>Rows of <paramref name="values"/>, each with a share of its partner.</summary>
    private protected static float[] Blend(float[] values, int rows, int[] partners, float kept)
    {
        var mixed = new float[values.Length];
        int width = values.Length / rows;
        for (int i = 0; i < mixed.Length; i++)
            mixed[i] = kept * values[i] + (1 - kept) * values[partners[i / width] * width + i % width];
        return mixed;
    }

    // Two gamma numbers a and b make a / (a + b).
    private static double Beta(Random random, double alpha)
    {
        double a = Gamma(random, alpha), b = Gamma(random, alpha);
        return a + b > 0 ? a / (a + b) : random.Next(2); // where alpha is so small that both are 0
    }

    /// <summary>Marsaglia and Tsang 2000, "A simple method for generating gamma variables"; below 1 by their section 6.</summary>
    private static double Gamma(Random random, double alpha)
    {
        if (alpha < 1)
            return Gamma(random, alpha + 1) * Math.Pow(1 - random.NextDouble(), 1 / alpha);
        double d = alpha - 1.0 / 3, c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()); // Box and Muller 1958
            double v = 1 + c * x;
            v = v * v * v;
            if (v > 0 && Math.Log(1 - random.NextDouble()) < 0.5 * x * x + d - d * v + d * Math.Log(v))
                return d * v;
        }
    }
}
