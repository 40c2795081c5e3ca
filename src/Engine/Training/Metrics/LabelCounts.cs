using System.Globalization;
using System.Text;

namespace Graft.Training;

/// <summary>How often each of several labels (multi-label) was said and was true.</summary>
public sealed class LabelCounts
{
    /// <summary>The threshold where nobody asks for another.</summary>
    public const float UsualThreshold = 0.5f;

    private readonly BinaryCounts[] _counts;

    /// <summary>Counts nothing yet.</summary>
    /// <param name="names">Names of the labels.</param>
    /// <param name="threshold">A probability above it says that a sample has the label.</param>
    public LabelCounts(IReadOnlyList<string> names, float threshold = UsualThreshold) => (Names, Threshold, _counts) = (names, threshold, new BinaryCounts[names.Count]);

    /// <summary>Names of the labels.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>A probability above it says that a sample has the label.</summary>
    public float Threshold { get; }

    /// <summary>Samples that were counted.</summary>
    public int Total { get; private set; }

    /// <summary>Samples whose labels were all told rightly.</summary>
    public int AllRight { get; private set; }

    /// <summary>Counts one sample.</summary>
    /// <param name="probabilities">One of each label.</param>
    /// <param name="labels">0 or 1 of each label.</param>
    /// <exception cref="ShapeException">They are not as many as the labels.</exception>
    public void Add(ReadOnlySpan<float> probabilities, ReadOnlySpan<float> labels)
    {
        if (probabilities.Length != Names.Count || labels.Length != Names.Count)
            throw new ShapeException($"{probabilities.Length} probabilities and {labels.Length} labels; there are {Names.Count} labels ({string.Join(", ", Names)}), and a sample has a number for each.");
        bool allRight = true;
        for (int i = 0; i < _counts.Length; i++)
        {
            (bool said, bool truth) = (probabilities[i] > Threshold, labels[i] > 0.5f);
            _counts[i] = _counts[i].With(said, truth);
            allRight &= said == truth;
        }
        Total++;
        AllRight += allRight ? 1 : 0;
    }

    /// <summary>Of the samples that a label was said of, the share that has it; 0 where it was said of none.</summary>
    public double Precision(int label) => _counts[label].Precision;

    /// <summary>Of the samples that have a label, the share that it was said of; 0 where none has it.</summary>
    public double Recall(int label) => _counts[label].Recall;

    /// <summary>Harmonic mean of precision and recall of a label.</summary>
    public double F1(int label) => _counts[label].F1;

    /// <summary>Mean of all labels' F1.</summary>
    public double MacroF1 => _counts.Average(c => c.F1);

    /// <summary>Number of samples that have a label.</summary>
    public long Support(int label) => _counts[label].TruePositives + _counts[label].FalseNegatives;

    /// <summary>A line for each label: precision, recall, F1, samples that have it.</summary>
    public override string ToString()
    {
        int width = Math.Max(9, Names.Max(n => n.Length));
        var text = new StringBuilder("label".PadRight(width)).Append("  precision  recall  f1     samples");
        for (int i = 0; i < _counts.Length; i++)
            text.Append(CultureInfo.InvariantCulture, $"\n{Names[i].PadRight(width)}  {Precision(i),-9:0.0000}  {Recall(i):0.0000}  {F1(i):0.0000} {Support(i)}");
        return text.Append(CultureInfo.InvariantCulture, $"\nall labels right {AllRight} of {Total}").ToString();
    }
}
