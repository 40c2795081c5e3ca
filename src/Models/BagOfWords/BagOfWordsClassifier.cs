using Graft.Training;

namespace Graft.Models;

/// <summary>
/// Logistic regression on the words of a text (tf-idf, <see cref="WordCounts"/>): what a language model that classifies has to beat. How much large weights cost
/// is found by cross-validation on the texts that it learns from.
/// </summary>
public sealed class BagOfWordsClassifier
{
    private const int Folds = 5;

    private readonly WordCounts _words;
    private readonly SoftmaxRegression _model;

    private BagOfWordsClassifier(WordCounts words, SoftmaxRegression model, double strength) => (_words, _model, Strength) = (words, model, strength);

    /// <summary>The strengths that are tried: C, one over the penalty on squared weights times the number of texts, as scikit-learn has it.</summary>
    public static IReadOnlyList<double> Strengths { get; } = [0.1, 1, 10, 100, 1000];

    /// <summary>C that was chosen.</summary>
    public double Strength { get; }

    /// <summary>Number of words.</summary>
    public int Words => _words.Count;

    /// <summary>Learns.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="labels">Their classes.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="score">What a good C makes large, of the confusion matrix over all folds; the smaller C where two are equal.</param>
    /// <param name="classWeights">What a text of each class counts in the loss; null for 1.</param>
    /// <param name="seed">Decides over the folds.</param>
    /// <param name="cancellationToken">Ends it between two fits.</param>
    /// <exception cref="GraftException">There are no texts, or not a label for each.</exception>
    public static BagOfWordsClassifier Fit(IReadOnlyList<string> texts, IReadOnlyList<int> labels, int classes, Func<ConfusionMatrix, double> score,
        IReadOnlyList<double>? classWeights = null, int seed = 0, CancellationToken cancellationToken = default)
    {
        if (texts.Count == 0 || texts.Count != labels.Count)
            throw new GraftException($"BagOfWordsClassifier: {texts.Count} texts and {labels.Count} labels; one or more texts with a label each are due.");
        classWeights ??= [.. Enumerable.Repeat(1.0, classes)];
        int[] folds = StratifiedSplit.Folds(labels, Folds, seed);
        ConfusionMatrix[] found = [.. Strengths.Select(_ => new ConfusionMatrix(classes))];
        for (int fold = 0; fold < Folds; fold++)
        {
            int[] learned = [.. Enumerable.Range(0, texts.Count).Where(i => folds[i] != fold)], held = [.. Enumerable.Range(0, texts.Count).Where(i => folds[i] == fold)];
            var words = new WordCounts([.. learned.Select(i => texts[i])]); // what is held back must not be counted either
            SparseRow[] rows = [.. learned.Select(i => words.RowOf(texts[i]))], others = [.. held.Select(i => words.RowOf(texts[i]))];
            for (int s = 0; s < Strengths.Count; s++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                SoftmaxRegression part = SoftmaxRegression.Fit(rows, [.. learned.Select(i => labels[i])], classes, words.Count, Penalty(Strengths[s], rows.Length), classWeights);
                for (int i = 0; i < held.Length; i++)
                    found[s].Add(labels[held[i]], part.Predict(others[i]));
            }
        }
        double best = Strengths.Zip(found).MaxBy(s => score(s.Second)).First;
        var all = new WordCounts(texts);
        return new BagOfWordsClassifier(all, SoftmaxRegression.Fit([.. texts.Select(all.RowOf)], labels, classes, all.Count, Penalty(best, texts.Count), classWeights), best);
    }

    /// <summary>The most probable class of a text.</summary>
    public int Predict(string text) => _model.Predict(_words.RowOf(text));

    /// <summary>How texts of known classes are classified.</summary>
    public ConfusionMatrix Evaluate(IReadOnlyList<string> texts, IReadOnlyList<int> labels, IReadOnlyList<string> classNames)
    {
        var matrix = new ConfusionMatrix(classNames.Count, classNames);
        for (int i = 0; i < texts.Count; i++)
            matrix.Add(labels[i], Predict(texts[i]));
        return matrix;
    }

    private static double Penalty(double strength, int texts) => 1 / (strength * texts);
}
