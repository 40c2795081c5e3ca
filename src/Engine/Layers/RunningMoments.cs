namespace Graft.Layers;

/// <summary>Mean and population variance at each of several positions, over batches that come one after the other, in float64.</summary>
/// <remarks>
/// Within a batch the squares are taken around its mean, and batches are joined by Chan, Golub and LeVeque 1979: sums of squares of numbers that are far from 0 would cancel.
/// </remarks>
internal sealed class RunningMoments(int positions)
{
    private readonly double[] _mean = new double[positions], _squares = new double[positions];

    /// <summary>Numbers that each position has seen.</summary>
    public long Count { get; private set; }

    /// <summary>The means.</summary>
    public float[] Mean => Array.ConvertAll(_mean, m => (float)m);

    /// <summary>The variances, of the numbers seen as the whole population: divided by <see cref="Count"/>.</summary>
    public float[] Variance => Array.ConvertAll(_squares, s => (float)(s / Count));

    /// <summary>Takes a batch in.</summary>
    /// <param name="samples">Row-major, one sample after the other.</param>
    /// <param name="places">For each number of a sample its position; each position comes equally often.</param>
    public void Add(ReadOnlySpan<float> samples, int[] places)
    {
        long count = samples.Length / positions, total = Count + count;
        double[] mean = new double[positions], squares = new double[positions];
        for (int i = 0; i < samples.Length; i++)
            mean[places[i % places.Length]] += samples[i];
        for (int p = 0; p < positions; p++)
            mean[p] /= count;
        for (int i = 0; i < samples.Length; i++)
        {
            double around = samples[i] - mean[places[i % places.Length]];
            squares[places[i % places.Length]] += around * around;
        }
        for (int p = 0; p < positions; p++)
        {
            double apart = mean[p] - _mean[p];
            _mean[p] += apart * count / total;
            _squares[p] += squares[p] + apart * apart * Count * count / total;
        }
        Count = total;
    }
}
