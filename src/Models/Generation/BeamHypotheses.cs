namespace Graft.Models;

/// <summary>The best complete sequences that the beams of one group have found.</summary>
/// <remarks>Transformers' BeamHypotheses.</remarks>
internal sealed class BeamHypotheses(int capacity, GenerationOptions options, GenerationLengths lengths)
{
    private readonly List<Hypothesis> _kept = [];

    /// <summary>A complete sequence.</summary>
    /// <param name="Score">Sum of log-probabilities over length to the power of the length penalty.</param>
    /// <param name="Generated">Its tokens behind the prompt.</param>
    /// <param name="Finish">Why it ended.</param>
    public readonly record struct Hypothesis(double Score, int[] Generated, FinishReason Finish);

    /// <summary>Those kept.</summary>
    public IReadOnlyList<Hypothesis> Kept => _kept;

    /// <summary>Keeps a sequence if it is among the best so far.</summary>
    /// <param name="generated">Its tokens behind the prompt.</param>
    /// <param name="logProbability">Sum of their log-probabilities.</param>
    /// <param name="finish">Why it ended.</param>
    public void Add(int[] generated, double logProbability, FinishReason finish)
    {
        double score = Score(logProbability, generated.Length);
        if (_kept.Count == capacity)
        {
            Hypothesis worst = _kept.MinBy(h => h.Score);
            if (score <= worst.Score)
                return;
            _kept.Remove(worst);
        }
        _kept.Add(new Hypothesis(score, generated, finish));
    }

    /// <summary>True if the group need not go on.</summary>
    /// <param name="bestLogProbability">Of the best candidate of this step.</param>
    /// <param name="generated">Its length behind the prompt.</param>
    public bool IsDone(double bestLogProbability, int generated)
    {
        if (_kept.Count < capacity)
            return false;
        if (options.EarlyStopping == BeamStopping.On)
            return true;
        // Log-probabilities are negative: a longer sequence scores higher where the penalty is positive.
        int length = options.EarlyStopping == BeamStopping.Never && options.LengthPenalty > 0 ? lengths.New : generated;
        return _kept.Min(h => h.Score) >= Score(bestLogProbability, length);
    }

    private double Score(double logProbability, int length) => logProbability / Math.Pow(length, options.LengthPenalty);
}
