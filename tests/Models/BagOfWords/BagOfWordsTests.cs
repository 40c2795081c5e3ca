using Graft.Models;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Models.BagOfWords;

/// <summary>The baseline of text classification: its words, its minimum, its choice.</summary>
public sealed class BagOfWordsTests
{
    [Fact]
    public void Words_are_runs_of_letters_and_digits_in_lower_case_and_single_signs() =>
        Assert.Equal(["win", "£", "1000", "now", "!", "!", "don", "'", "t", "ünder", "😀"], WordCounts.Words("WIN £1000 now!! Don't\tÜnder 😀"));

    [Fact]
    public void A_row_is_tf_idf_of_length_one()
    {
        var words = new WordCounts(["a b", "a c", "a"]);
        SparseRow row = words.RowOf("b a b never");
        double a = 1 + Math.Log(4.0 / 4), b = (1 + Math.Log(2)) * (1 + Math.Log(4.0 / 2)), length = Math.Sqrt(a * a + b * b);
        Assert.Equal(3, words.Count);
        Assert.Equal([0, 1], row.Columns);
        Assert.Equal(a / length, row.Values[0], 1e-12);
        Assert.Equal(b / length, row.Values[1], 1e-12);
        Assert.Empty(words.RowOf("").Columns);
    }

    // Two classes of one word each: by symmetry w = (v, -v) on the word of class 0 and (-v, v) on the other, no bias; v is the root of 2 penalty v = 1 / (1 + e^(2v)) for texts of weight 1.
    [Theory]
    [InlineData(0.1)]
    [InlineData(0.001)]
    public void Regression_finds_the_minimum(double penalty)
    {
        SparseRow[] rows = [new([0], [1.0]), new([1], [1.0])];
        SoftmaxRegression model = SoftmaxRegression.Fit(rows, [0, 1], 2, 2, penalty, [1, 1]);
        double low = 0, high = 50;
        for (int i = 0; i < 200; i++)
        {
            double v = (low + high) / 2;
            (low, high) = 2 * penalty * v < 1 / (1 + Math.Exp(2 * v)) ? (v, high) : (low, v);
        }
        double[] weights = [low, -low, 0, -low, low, 0]; // [class, word 0, word 1, bias]
        for (int w = 0; w < weights.Length; w++)
            Assert.Equal(weights[w], model.Weights[w], 1e-4); // the gradient's bound of 1e-6 over the least curvature, the penalty of 1e-3: 1e-3 at most
        Assert.Equal((0, 1), (model.Predict(rows[0]), model.Predict(rows[1])));
    }

    [Fact]
    public void No_step_in_any_direction_makes_the_loss_smaller()
    {
        var random = new Random(2);
        SparseRow[] rows = [.. Enumerable.Range(0, 40).Select(_ => new SparseRow([0, 1, 2, 3], [.. Enumerable.Range(0, 4).Select(_ => random.NextDouble() - 0.5)]))];
        int[] labels = [.. rows.Select(r => r.Values[0] + r.Values[1] > 0.1 ? 2 : r.Values[2] > 0 ? 1 : 0)];
        double[] classWeights = [1, 2, 0.5];
        double Loss(double[] w)
        {
            double loss = 0;
            for (int i = 0; i < rows.Length; i++)
            {
                double[] x = [.. Enumerable.Range(0, 3).Select(c => w[c * 5 + 4] + rows[i].Values.Select((v, j) => v * w[c * 5 + j]).Sum())];
                loss += classWeights[labels[i]] * (Math.Log(x.Sum(Math.Exp)) - x[labels[i]]) / rows.Length;
            }
            return loss + 0.01 / 2 * w.Where((_, i) => i % 5 != 4).Sum(v => v * v);
        }
        double[] found = [.. SoftmaxRegression.Fit(rows, labels, 3, 4, 0.01, classWeights).Weights];
        for (int w = 0; w < found.Length; w++)
        {
            foreach (double step in new[] { 1e-3, -1e-3 })
                Assert.True(Loss([.. found.Select((v, i) => i == w ? v + step : v)]) > Loss(found), $"weight {w}");
        }
    }

    [Fact]
    public void It_learns_words_chooses_a_strength_by_cross_validation_and_repeats()
    {
        string[] texts = [.. Enumerable.Range(0, 60).Select(i => i % 3 == 0 ? $"win prize {i}" : $"see you {i} later")];
        int[] labels = [.. Enumerable.Range(0, 60).Select(i => i % 3 == 0 ? 1 : 0)];
        BagOfWordsClassifier words = BagOfWordsClassifier.Fit(texts, labels, 2, m => m.F1(1), seed: 3, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains(words.Strength, BagOfWordsClassifier.Strengths);
        Assert.Equal(65, words.Words);
        ConfusionMatrix matrix = words.Evaluate(["a prize", "later", "win it", "see"], [1, 0, 1, 0], ["ham", "spam"]);
        Assert.Equal((2, 2), (matrix[0, 0], matrix[1, 1]));
        BagOfWordsClassifier again = BagOfWordsClassifier.Fit(texts, labels, 2, m => m.F1(1), seed: 3, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(words.Strength, again.Strength);
        Assert.Throws<GraftException>(() => BagOfWordsClassifier.Fit(texts, [1], 2, m => m.Accuracy));
    }
}
