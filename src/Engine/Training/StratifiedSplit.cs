namespace Graft.Training;

/// <summary>Shares samples out so that every part has each class in the same proportion, by a seed.</summary>
public static class StratifiedSplit
{
    /// <summary>Holds a share of each class back.</summary>
    /// <param name="classes">The class of each sample.</param>
    /// <param name="share">Share to hold back, above 0 and below 1; of each class one sample at least is held back, and one is left.</param>
    /// <param name="seed">Decides which.</param>
    /// <returns>True where a sample is held back.</returns>
    /// <exception cref="GraftException">A class has one sample alone.</exception>
    public static bool[] HoldBack(IReadOnlyList<int> classes, double share, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(share, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(share, 1);
        var held = new bool[classes.Count];
        foreach ((int kind, int[] samples) in Shuffled(classes, seed))
        {
            if (samples.Length < 2)
                throw new GraftException($"Class {kind} has one sample alone; one to learn from and one to check with are due. Add samples, or leave the class out.");
            foreach (int sample in samples[..Math.Clamp((int)Math.Round(share * samples.Length), 1, samples.Length - 1)])
                held[sample] = true;
        }
        return held;
    }

    /// <summary>Deals the samples of each class out to folds, as cross-validation needs them.</summary>
    /// <param name="classes">The class of each sample.</param>
    /// <param name="folds">How many folds; 2 or more.</param>
    /// <param name="seed">Decides which samples go where.</param>
    /// <returns>The fold of each sample, from 0.</returns>
    public static int[] Folds(IReadOnlyList<int> classes, int folds, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        var fold = new int[classes.Count];
        int next = 0; // goes on from class to class: folds differ by one sample at most
        foreach ((_, int[] samples) in Shuffled(classes, seed))
        {
            foreach (int sample in samples)
                fold[sample] = next++ % folds;
        }
        return fold;
    }

    private static IEnumerable<(int Class, int[] Samples)> Shuffled(IReadOnlyList<int> classes, int seed)
    {
        foreach (IGrouping<int, int> samples in Enumerable.Range(0, classes.Count).GroupBy(i => classes[i]).OrderBy(g => g.Key))
        {
            int[] order = [.. samples];
            new Random((int)(RandomSeed.Of(seed, samples.Key, 0) >> 33)).Shuffle(order);
            yield return (samples.Key, order);
        }
    }
}
