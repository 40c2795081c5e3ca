using System.Globalization;
using System.Text;

namespace Graft.Training;

/// <summary>How often each class was taken for each: rows are the real classes, columns the predicted ones.</summary>
public sealed class ConfusionMatrix
{
    private readonly long[,] _counts;

    /// <summary>An empty matrix.</summary>
    /// <param name="classes">Number of classes, two or more.</param>
    /// <param name="names">Their names; numbers where there are none.</param>
    public ConfusionMatrix(int classes, IReadOnlyList<string>? names = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        _counts = new long[classes, classes];
        Names = names?.Count == classes ? names : [.. Enumerable.Range(0, classes).Select(c => c.ToString(CultureInfo.InvariantCulture))];
    }

    /// <summary>Class names.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Number of classes.</summary>
    public int Classes => Names.Count;

    /// <summary>How many samples of class <paramref name="actual"/> were predicted as <paramref name="predicted"/>.</summary>
    public long this[int actual, int predicted] => _counts[actual, predicted];

    /// <summary>Number of samples.</summary>
    public long Total => _counts.Cast<long>().Sum();

    /// <summary>Share of samples on the diagonal.</summary>
    public double Accuracy => Ratio(Enumerable.Range(0, Classes).Sum(c => _counts[c, c]), Total);

    /// <summary>Counts one sample.</summary>
    public void Add(int actual, int predicted) => _counts[actual, predicted]++;

    /// <summary>Counts one batch.</summary>
    public void Add(MetricBatch batch)
    {
        for (int i = 0; i < batch.Samples; i++)
            Add(batch.Class(i), batch.PredictedClass(i));
    }

    /// <summary>Counts what another matrix has counted.</summary>
    /// <exception cref="GraftException">It has other classes.</exception>
    public void Add(ConfusionMatrix other)
    {
        if (other.Classes != Classes)
            throw new GraftException($"A confusion matrix of {other.Classes} classes cannot be added to one of {Classes}; count the same classes.");
        for (int actual = 0; actual < Classes; actual++)
        {
            for (int predicted = 0; predicted < Classes; predicted++)
                _counts[actual, predicted] += other[actual, predicted];
        }
    }

    /// <summary>Of what was predicted as a class, the share that is of it; 0 where nothing was.</summary>
    public double Precision(int c) => Counts(c).Precision;

    /// <summary>Of a class, the share that was predicted as it; 0 where the class has no sample.</summary>
    public double Recall(int c) => Counts(c).Recall;

    /// <summary>Harmonic mean of precision and recall of a class.</summary>
    public double F1(int c) => Counts(c).F1;

    /// <summary>Mean of all classes' F1.</summary>
    public double MacroF1 => Enumerable.Range(0, Classes).Average(F1);

    /// <summary>
    /// Intersection over union of a class: of all samples that are of it or were predicted as it, the share where both is so. What segmentation is measured by, over pixels; 0 where there are none.
    /// </summary>
    public double IoU(int c) => Counts(c).IoU;

    /// <summary>Mean of <see cref="IoU"/> over the classes that some sample is of or was predicted as (<see cref="IsSeen"/>), as Keras has it; 0 without samples.</summary>
    public double MeanIoU => Enumerable.Range(0, Classes).Where(IsSeen).Select(IoU).DefaultIfEmpty().Average();

    /// <summary>True where some sample is of a class or was predicted as it.</summary>
    public bool IsSeen(int c) => Counts(c).Seen > 0;

    /// <summary>Number of samples of a class.</summary>
    public long Support(int c) => Enumerable.Range(0, Classes).Sum(p => _counts[c, p]);

    /// <summary>The counts as a table, and below it precision, recall and F1 of each class.</summary>
    public override string ToString()
    {
        int label = Math.Max(9, Names.Max(n => n.Length)), width = Math.Max(label, Total.ToString(CultureInfo.InvariantCulture).Length) + 2;
        var text = new StringBuilder("actual \\ predicted".PadRight(label + 9));
        foreach (string name in Names)
            text.Append(name.PadLeft(width));
        for (int a = 0; a < Classes; a++)
        {
            text.Append('\n').Append(Names[a].PadRight(label + 9));
            for (int p = 0; p < Classes; p++)
                text.Append(_counts[a, p].ToString(CultureInfo.InvariantCulture).PadLeft(width));
        }
        text.Append("\n\n").Append("class".PadRight(label)).Append("  precision  recall  f1     samples");
        for (int c = 0; c < Classes; c++)
            text.Append(CultureInfo.InvariantCulture, $"\n{Names[c].PadRight(label)}  {Precision(c),-9:0.0000}  {Recall(c):0.0000}  {F1(c):0.0000} {Support(c)}");
        return text.Append(CultureInfo.InvariantCulture, $"\naccuracy {Accuracy:0.0000} of {Total}").ToString();
    }

    private BinaryCounts Counts(int c) =>
        new(_counts[c, c], Enumerable.Range(0, Classes).Sum(a => a == c ? 0 : _counts[a, c]), Support(c) - _counts[c, c]);

    private static double Ratio(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
