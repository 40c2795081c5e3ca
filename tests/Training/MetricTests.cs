using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class MetricTests
{
    private const double Exact = 1e-12; // ratios of small whole numbers

    private static double Of(Metric metric, float[] predictions, float[] labels, int samples, LabelKind kind)
    {
        metric.Update(new MetricBatch(predictions, labels, samples, kind));
        return metric.Result;
    }

    [Fact]
    public void Accuracy_follows_the_labels()
    {
        Assert.Equal(0.75, Of(Metric.Accuracy, [0.9f, 0.2f, 0.6f, 0.5f], [1, 0, 0, 0], 4, LabelKind.Binary), Exact); // 0.5 is not above 0.5
        Assert.Equal(0.5, Of(Metric.Accuracy, [0.1f, 0.6f, 0.3f, 0.5f, 0.2f, 0.3f], [0, 1, 0, 0, 0, 1], 2, LabelKind.Categorical), Exact);
        Assert.Equal(1, Of(Metric.Accuracy, [0.3f, 0.7f, 0.6f, 0.4f], [0.8f, 0.3f], 2, LabelKind.Binary), Exact); // of mixed labels, the nearer class
        Assert.Equal(0.5, Of(Metric.Accuracy, [0.1f, 0.6f, 0.3f, 0.5f, 0.2f, 0.3f], [1, 2], 2, LabelKind.Sparse), Exact);
        Assert.Equal(0.5, Of(Metric.Accuracy, [0.4f, 0.6f, 0.7f, 0.3f], [1, 1], 2, LabelKind.Binary), Exact); // 0 and 1 as indices of two outputs
    }

    [Fact]
    public void Macro_F1_counts_each_class_the_same_by_the_largest_output()
    {
        // class 0: 2 right, 1 missed, none wrongly: F1 4/5; class 1: 1 right, 1 wrongly: 2/3; class 2 never comes: 0. scikit-learn's f1_score(average='macro', labels=[0,1,2])
        float[] logits = [5, 1, 0, 3, -2, 1, 0, 1, -1, -5, 9, 0];
        Assert.Equal((4.0 / 5 + 2.0 / 3 + 0) / 3, Of(Metric.MacroF1, logits, [0, 0, 0, 1], 4, LabelKind.Sparse), Exact);
        Assert.Equal("macro_f1", Metric.Create("macro_f1").Name);
        Assert.Throws<GraftException>(() => Of(Metric.MacroF1, [1, 2], [1, 2], 2, LabelKind.Values));
    }

    [Fact]
    public void Macro_F1_of_several_labels_is_the_mean_of_theirs()
    {
        // label 0: 1 right, 1 wrongly: 2/3; label 1: 1 right, 1 missed: 2/3; label 2: never: 0. scikit-learn's f1_score(average='macro') of indicator rows
        Assert.Equal((2.0 / 3 + 2.0 / 3 + 0) / 3, Of(Metric.MacroF1, [0.9f, 0.8f, 0.1f, 0.7f, 0.2f, 0.3f], [1, 1, 0, 0, 1, 0], 2, LabelKind.Binary), Exact);
    }

    [Fact]
    public void Errors_of_numbers_are_those_of_scikit_learn()
    {
        // y = [3, -0.5, 2, 7], p = [2.5, 0, 2, 8]: the example of scikit-learn's documentation: MAE 0.5, MSE 0.375, R2 0.9486081370449679
        float[] p = [2.5f, 0, 2, 8], y = [3, -0.5f, 2, 7];
        Assert.Equal(0.5, Of(Metric.MeanAbsoluteError, p, y, 4, LabelKind.Values), Exact);
        Assert.Equal(0.375, Of(Metric.MeanSquaredError, p, y, 4, LabelKind.Values), Exact);
        Assert.Equal(Math.Sqrt(0.375), Of(Metric.RootMeanSquaredError, p, y, 4, LabelKind.Values), Exact);
        Assert.Equal(0.9486081370449679, Of(Metric.R2Score, p, y, 4, LabelKind.Values), Exact);
        // and of two outputs: y = [[0.5, 1], [-1, 1], [7, -6]], p = [[0, 2], [-1, 2], [8, -5]], each output weighing the same
        Assert.Equal(0.9368005266622779, Of(Metric.R2Score, [0, 2, -1, 2, 8, -5], [0.5f, 1, -1, 1, 7, -6], 3, LabelKind.Values), Exact);
        Assert.Equal("root_mean_squared_error", Metric.Create("rmse").Name);
        Assert.Contains("For classes use Metric.Accuracy", Assert.Throws<GraftException>(() => Of(Metric.MeanAbsoluteError, [0.5f, 0.5f], [1], 1, LabelKind.Sparse)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Metrics_of_logits_are_those_of_their_softmax()
    {
        ArrayBatches data = TrainingData.Sparse();
        var logits = new Sequential(TrainingData.Features) { new Dense(3) { Name = "head" } };
        var shares = new Sequential(TrainingData.Features) { new Dense(3, Activation.Softmax) { Name = "head" } };
        float[] kernel = [.. Enumerable.Range(0, 3 * TrainingData.Features).Select(i => 4 * MathF.Sin(i))];
        logits.Parameters[0].Set(kernel);
        shares.Parameters[0].Set(kernel);
        logits.Compile(new Sgd(), Loss.SparseCategoricalCrossEntropy(fromLogits: true), Metric.Auc, Metric.Precision, Metric.Recall, Metric.Accuracy);
        shares.Compile(new Sgd(), Loss.SparseCategoricalCrossEntropy(), Metric.Auc, Metric.Precision, Metric.Recall, Metric.Accuracy);
        Assert.Equal(shares.Evaluate(data, cancellationToken: TrainingData.Token).Metrics, logits.Evaluate(data, cancellationToken: TrainingData.Token).Metrics);
    }

    [Fact]
    public void Accuracy_adds_batches_of_different_sizes_up_and_forgets_them_on_reset()
    {
        Metric metric = Metric.BinaryAccuracy;
        metric.Update(new MetricBatch([0.9f, 0.9f, 0.9f], [1, 1, 1], 3, LabelKind.Binary));
        metric.Update(new MetricBatch([0.9f], [0], 1, LabelKind.Binary));
        Assert.Equal(0.75, metric.Result, Exact);
        metric.Reset();
        Assert.Equal(0, metric.Result);
    }

    [Fact]
    public void Binary_accuracy_counts_every_output_of_several_labels()
    {
        Assert.Equal(5.0 / 6, Of(Metric.BinaryAccuracy, [0.9f, 0.1f, 0.8f, 0.2f, 0.7f, 0.6f], [1, 0, 1, 0, 1, 0], 2, LabelKind.Values), Exact);
    }

    [Fact]
    public void A_categorical_metric_on_one_output_says_what_to_use()
    {
        GraftException e = Assert.Throws<GraftException>(() => Of(Metric.CategoricalAccuracy, [0.9f], [1], 1, LabelKind.Binary));
        Assert.Contains("Use Metric.Accuracy", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Top_k_counts_the_samples_whose_class_is_among_the_largest()
    {
        float[] outputs = [0.1f, 0.2f, 0.3f, 0.4f, /**/ 0.4f, 0.3f, 0.2f, 0.1f, /**/ 0.1f, 0.5f, 0.3f, 0.1f];
        Assert.Equal(1.0 / 3, Of(Metric.TopK(1), outputs, [3, 2, 2], 3, LabelKind.Sparse), Exact);
        Assert.Equal(2.0 / 3, Of(Metric.TopK(2), outputs, [3, 2, 2], 3, LabelKind.Sparse), Exact);
        Assert.Equal(1, Of(Metric.TopK(3), outputs, [3, 2, 2], 3, LabelKind.Sparse), Exact);
    }

    [Fact]
    public void Precision_recall_and_F1_are_ratios_of_counts()
    {
        // predicted: 1 1 1 0 0 0, real: 1 1 0 1 0 0 -> TP 2, FP 1, FN 1
        float[] outputs = [0.9f, 0.8f, 0.7f, 0.4f, 0.2f, 0.1f], labels = [1, 1, 0, 1, 0, 0];
        Assert.Equal(2.0 / 3, Of(Metric.Precision, outputs, labels, 6, LabelKind.Binary), Exact);
        Assert.Equal(2.0 / 3, Of(Metric.Recall, outputs, labels, 6, LabelKind.Binary), Exact);
        Assert.Equal(2.0 / 3, Of(Metric.F1, outputs, labels, 6, LabelKind.Binary), Exact);
        Assert.Equal(0, Of(Metric.Precision, [0.1f], [1], 1, LabelKind.Binary)); // nothing was predicted positive
    }

    [Fact]
    public void Precision_of_several_classes_counts_all_outputs_together()
    {
        // above 0.5: [.,X,.] right, [X,.,.] wrong, [.,.,.] misses -> TP 1, FP 1, FN 2
        float[] outputs = [0.1f, 0.6f, 0.3f, 0.7f, 0.2f, 0.1f, 0.4f, 0.3f, 0.3f];
        Assert.Equal(0.5, Of(Metric.Precision, outputs, [1, 2, 0], 3, LabelKind.Sparse), Exact);
        Assert.Equal(1.0 / 3, Of(Metric.Recall, outputs, [0, 1, 0, 0, 0, 1, 1, 0, 0], 3, LabelKind.Categorical), Exact);
    }

    [Fact]
    public void Auc_is_the_area_under_the_curve_through_all_thresholds()
    {
        // Positives 0.35 and 0.8, negatives 0.1 and 0.4: of four pairs three are in order.
        Assert.Equal(0.75, Of(Metric.Auc, [0.1f, 0.4f, 0.35f, 0.8f], [0, 0, 1, 1], 4, LabelKind.Binary), Exact);
        Assert.Equal(1, Of(Metric.Auc, [0, 1], [0, 1], 2, LabelKind.Binary), Exact);
        Assert.Equal(0, Of(Metric.Auc, [1, 0], [0, 1], 2, LabelKind.Binary), Exact);
        Assert.Equal(0.5, Of(Metric.Auc, [0.3f, 0.3f], [0, 1], 2, LabelKind.Binary), Exact); // a tie is half a pair
        Assert.Equal(0, Of(Metric.Auc, [0.3f, 0.3f], [1, 1], 2, LabelKind.Binary)); // no negative: Keras says 0
    }

    [Fact]
    public void Auc_equals_the_sum_over_the_200_thresholds_written_out()
    {
        var random = new Random(5);
        float[] outputs = [.. Enumerable.Range(0, 300).Select(_ => random.NextSingle())];
        float[] labels = [.. outputs.Select(p => random.NextSingle() < p ? 1f : 0f)];
        double[] thresholds = [-1e-7, .. Enumerable.Range(1, 198).Select(i => i / 199.0), 1 + 1e-7];
        double[] tp = Rates(1), fp = Rates(0);
        double area = 0;
        for (int i = 0; i + 1 < thresholds.Length; i++)
            area += (fp[i] - fp[i + 1]) * (tp[i] + tp[i + 1]) / 2;
        Assert.Equal(area, Of(Metric.Auc, outputs, labels, 300, LabelKind.Binary), 1e-9); // sums of 199 doubles

        double[] Rates(float label) => [.. thresholds.Select(t =>
            (double)outputs.Where((p, i) => labels[i] == label && p > t).Count() / labels.Count(l => l == label))];
    }

    [Fact]
    public void A_metric_is_made_by_its_name_and_an_unknown_name_lists_them()
    {
        foreach (string name in new[] { "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "precision", "recall", "f1", "auc" })
            Assert.Equal(name, Metric.Create(name).Name);
        Assert.Contains("there are accuracy", Assert.Throws<GraftException>(() => Metric.Create("accurcy")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_confusion_matrix_counts_by_real_and_predicted_class()
    {
        var matrix = new ConfusionMatrix(3, ["cat", "dog", "owl"]);
        matrix.Add(new MetricBatch([0.1f, 0.6f, 0.3f, 0.7f, 0.2f, 0.1f, 0.1f, 0.2f, 0.7f, 0.5f, 0.3f, 0.2f], [1, 1, 2, 0], 4, LabelKind.Sparse));
        Assert.Equal(1, matrix[1, 1]);
        Assert.Equal(1, matrix[1, 0]);
        Assert.Equal(0.75, matrix.Accuracy, Exact);
        Assert.Equal(0.5, matrix.Precision(0), Exact);
        Assert.Equal(0.5, matrix.Recall(1), Exact);
        Assert.Equal(2.0 / 3, matrix.F1(1), Exact);
        Assert.Equal(2, matrix.Support(1));
        string table = matrix.ToString();
        Assert.Contains("owl", table, StringComparison.Ordinal);
        Assert.Contains("accuracy 0.7500 of 4", table, StringComparison.Ordinal);

        var sum = new ConfusionMatrix(3);
        sum.Add(matrix);
        sum.Add(matrix);
        Assert.Equal((2, 0, 8), (sum[1, 0], sum[0, 1], sum.Total));
        Assert.Equal([true, true, true], Enumerable.Range(0, 3).Select(matrix.IsSeen));
        Assert.False(new ConfusionMatrix(3).IsSeen(0));
        Assert.Contains("of 2 classes cannot be added to one of 3", Assert.Throws<GraftException>(() => sum.Add(new ConfusionMatrix(2))).Message, StringComparison.Ordinal);
    }
}
