using CsCheck;
using Graft.Models;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>Selections without sorting against sorting, ties included.</summary>
public sealed class SelectionTests
{
    // Few different values, so that ties are common.
    private static readonly Gen<float[]> Scores = Gen.Int[-6, 6].Select(i => i * 0.5f).Array[1, 60];

    [Fact]
    public void The_best_k_are_those_of_a_stable_sort() => Gen.Select(Scores, Gen.Int[1, 60]).Sample((scores, k) =>
    {
        var top = new TopSelection(k);
        top.Offer(scores, add: 1, firstIndex: 100);
        double worst = top.Threshold;
        var kept = new List<(double Score, int Index)>();
        top.TakeSorted(kept);
        (double, int)[] expected = [.. scores.Select((s, i) => (s + 1.0, i + 100)).OrderByDescending(p => p.Item1).Take(k)];
        return kept.SequenceEqual(expected) && (k > scores.Length ? double.IsNegativeInfinity(worst) : worst == expected[^1].Item1);
    });

    [Fact]
    public void A_split_takes_what_a_stable_sort_and_a_running_sum_take() => Gen.Select(Scores, Gen.Double[0, 1.2], Gen.Int[0, 60]).Sample((keys, mass, most) =>
    {
        float weight = 1f / keys.Length;
        var nucleus = new Nucleus(keys.Length);
        for (int i = 0; i < keys.Length; i++)
            nucleus.Add(i, keys[i], weight);
        double left = mass;
        int[] order = [.. Enumerable.Range(0, keys.Length).OrderBy(i => keys[i])];
        int[] expected = [.. order.TakeWhile((_, n) => (left -= weight) >= 0 && n < most)];
        (ReadOnlyMemory<int> taken, ReadOnlyMemory<int> rest) = nucleus.Split(mass, most);
        return taken.ToArray().Order().SequenceEqual(expected.Order()) && rest.Length == keys.Length - expected.Length;
    });

    [Fact]
    public void Probabilities_sum_to_one_and_forbidden_tokens_have_none() => Scores.Sample(scores =>
    {
        scores[0] = float.NegativeInfinity;
        if (scores.Length == 1)
            return true;
        var p = new float[scores.Length];
        LogProbabilities.Softmax(scores, p);
        double sum = scores.Sum(s => Math.Exp(s));
        return p[0] == 0 && p.Zip(scores).All(x => Math.Abs(x.First - Math.Exp(x.Second) / sum) < 1e-6); // float32 exponentials
    });
}
