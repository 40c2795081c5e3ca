using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class StratifiedSplitTests
{
    private static readonly int[] Classes = [.. Enumerable.Range(0, 103).Select(i => i % 10 == 0 ? 1 : 0)];

    [Fact]
    public void Folds_have_each_class_in_the_same_number_but_one_and_every_sample_once()
    {
        int[] folds = StratifiedSplit.Folds(Classes, 5, seed: 1);
        foreach (int kind in new[] { 0, 1 })
        {
            int[] counts = [.. Enumerable.Range(0, 5).Select(f => folds.Where((fold, i) => fold == f && Classes[i] == kind).Count())];
            Assert.True(counts.Max() - counts.Min() <= 1, string.Join(' ', counts));
        }
        Assert.Equal([20, 20, 21, 21, 21], Enumerable.Range(0, 5).Select(f => folds.Count(x => x == f)).Order());
        Assert.Equal(folds, StratifiedSplit.Folds(Classes, 5, seed: 1));
        Assert.NotEqual(folds, StratifiedSplit.Folds(Classes, 5, seed: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => StratifiedSplit.Folds(Classes, 0, seed: 1));
    }

    [Theory]
    [InlineData(0.2, 18, 2)]
    [InlineData(0.001, 1, 1)]
    [InlineData(0.999, 91, 10)]
    public void A_share_of_each_class_is_held_back_one_at_least_and_one_is_left(double share, int first, int second)
    {
        bool[] held = StratifiedSplit.HoldBack(Classes, share, seed: 1);
        Assert.Equal((first, second), (held.Where((h, i) => h && Classes[i] == 0).Count(), held.Where((h, i) => h && Classes[i] == 1).Count()));
    }

    [Fact]
    public void A_class_of_one_sample_cannot_be_shared_out() =>
        Assert.Contains("Class 7 has one sample alone", Assert.Throws<GraftException>(() => StratifiedSplit.HoldBack([1, 1, 7], 0.5, 1)).Message, StringComparison.Ordinal);
}
