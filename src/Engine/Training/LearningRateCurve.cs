using System.Globalization;

namespace Graft.Training;

/// <summary>One step of a search.</summary>
/// <param name="Rate">Its learning rate.</param>
/// <param name="Loss">The loss before it moved the weights.</param>
/// <param name="Smoothed">The moving average of the losses so far, each counting 0.98 times the one after it.</param>
public readonly record struct LearningRatePoint(float Rate, double Loss, double Smoothed);

/// <summary>The loss against the learning rate, as <see cref="LearningRateFinder"/> found it.</summary>
public sealed class LearningRateCurve
{
    private const int Ending = 5; // points at the end that say nothing: the loss rises or has diverged

    private readonly int _beginning;

    internal LearningRateCurve(IReadOnlyList<LearningRatePoint> points, int steps)
    {
        Points = points;
        _beginning = steps / 10; // the first averages are of few batches
    }

    /// <summary>A point a step, by growing rate; fewer than steps were asked for where the loss diverged.</summary>
    public IReadOnlyList<LearningRatePoint> Points { get; }

    /// <summary>
    /// A rate to train with, fastai's "valley": the longest falling subsequence of the smoothed losses is looked for, and half its length before its lowest point is the rate; without
    /// the first tenth of the steps, and the last five points.
    /// </summary>
    /// <exception cref="GraftException">The loss fell at no rate, or diverged before there were enough points.</exception>
    public float Suggestion
    {
        get
        {
            LearningRatePoint[] points = Read();
            int[] lengths = new int[points.Length];
            int lowest = 0;
            for (int i = 0; i < points.Length; i++)
            {
                lengths[i] = 1;
                for (int j = 0; j < i; j++)
                    lengths[i] = points[i].Smoothed < points[j].Smoothed ? Math.Max(lengths[i], lengths[j] + 1) : lengths[i];
                lowest = lengths[i] > lengths[lowest] ? i : lowest;
            }
            int length = lengths[lowest];
            return points[Math.Max(0, lowest - length + length / 3 + length / 6)].Rate;
        }
    }

    /// <summary>The rate where the smoothed loss falls most from one step to the next; of the same points. A larger rate than <see cref="Suggestion"/>, as a rule, and one that a single batch can decide.</summary>
    /// <exception cref="GraftException">The loss fell at no rate, or diverged before there were enough points.</exception>
    public float Steepest
    {
        get
        {
            LearningRatePoint[] points = Read();
            return points[Enumerable.Range(0, points.Length - 1).MinBy(i => points[i + 1].Smoothed - points[i].Smoothed)].Rate;
        }
    }

    private LearningRatePoint[] Read()
    {
        LearningRatePoint[] points = [.. Points.Skip(_beginning).SkipLast(Ending)];
        if (Enumerable.Range(0, Math.Max(0, points.Length - 1)).Any(i => points[i + 1].Smoothed < points[i].Smoothed))
            return points;
        string range = Points.Count == 0 ? "The first loss is not finite" : string.Create(CultureInfo.InvariantCulture, $"The loss fell at no rate from {Points[0].Rate} to {Points[^1].Rate}, in {Points.Count} steps of which the first {_beginning} and the last {Ending} do not count");
        throw new GraftException($"{range}. Look at Points: where it diverges at once, begin at a lower rate; where it stays the same, take more steps and a higher last rate, and check labels and loss.");
    }
}
