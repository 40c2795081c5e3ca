using System.Globalization;
using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>A number about predictions that is gathered batch by batch on the host and weighs no sample more than another.</summary>
public abstract class Metric
{
    private const string IoUPrefix = "iou_"; // the number of the class follows

    /// <summary>Makes a metric.</summary>
    /// <param name="name">Name in the history: "accuracy"; validation puts "val_" before it.</param>
    protected Metric(string name) => Name = name;

    /// <summary>Accuracy of the kind that the labels ask for: binary, categorical or sparse; in the history "accuracy".</summary>
    public static Metric Accuracy => new AccuracyMetric("accuracy", null);

    /// <summary>Share of outputs on the right side of 0.5.</summary>
    public static Metric BinaryAccuracy => new AccuracyMetric("binary_accuracy", LabelKind.Binary);

    /// <summary>Share of samples whose largest output is at the 1 of the one-hot label.</summary>
    public static Metric CategoricalAccuracy => new AccuracyMetric("categorical_accuracy", LabelKind.Categorical);

    /// <summary>Share of samples whose largest output is at the label's index.</summary>
    public static Metric SparseCategoricalAccuracy => new AccuracyMetric("sparse_categorical_accuracy", LabelKind.Sparse);

    /// <summary>Share of samples whose class is among the k largest outputs.</summary>
    public static Metric TopK(int k = TopKMetric.UsualK) => new TopKMetric(k);

    /// <summary>Right positives over all predicted positives; an output above 0.5 is positive. As Keras, over all outputs together.</summary>
    public static Metric Precision => new CountsMetric("precision", c => c.Precision);

    /// <summary>Right positives over all real positives; an output above 0.5 is positive. As Keras, over all outputs together.</summary>
    public static Metric Recall => new CountsMetric("recall", c => c.Recall);

    /// <summary>Harmonic mean of <see cref="Precision"/> and <see cref="Recall"/>.</summary>
    public static Metric F1 => new CountsMetric("f1", c => c.F1);

    /// <summary>
    /// Mean of the classes' F1, by the predicted class of each sample: the number to watch where classes are not equally frequent. Of samples with several labels, the mean
    /// of the labels' F1.
    /// </summary>
    public static Metric MacroF1 => new MacroF1Metric();

    /// <summary>
    /// Mean over the classes of intersection over union, by the predicted class of each pixel or sample: what segmentation is measured by. Classes that no label and no prediction has do not count, as in
    /// Keras's MeanIoU.
    /// </summary>
    public static Metric MeanIoU => new IoUMetric("mean_iou", counts => counts.MeanIoU);

    /// <summary>Intersection over union of one class. With one output, class 1 is what lies above 0.5.</summary>
    /// <param name="class">Its number, counted from 0.</param>
    public static Metric IoU(int @class) => new IoUMetric(string.Create(CultureInfo.InvariantCulture, $"{IoUPrefix}{@class}"), counts => @class >= 0 && @class < counts.Classes ? counts.IoU(@class)
        : throw new GraftException($"Metric iou_{@class}: there is no class {@class}; they are 0 to {counts.Classes - 1}."));

    /// <summary>Area under the ROC curve by trapezoids over 200 thresholds, as Keras's AUC has it.</summary>
    public static Metric Auc => new AucMetric();

    /// <summary>Mean of |p - y| over all outputs, for regression.</summary>
    public static Metric MeanAbsoluteError => new ErrorMetric("mean_absolute_error", e => e.Absolute / e.Count);

    /// <summary>Mean of (p - y)² over all outputs, for regression.</summary>
    public static Metric MeanSquaredError => new ErrorMetric("mean_squared_error", e => e.Squared / e.Count);

    /// <summary>Root of the mean of (p - y)² over all outputs: an error in the units of the labels.</summary>
    public static Metric RootMeanSquaredError => new ErrorMetric("root_mean_squared_error", e => Math.Sqrt(e.Squared / e.Count));

    /// <summary>
    /// R², the share of the labels' variance that is explained: 1 - sum (p - y)² / sum (y - mean y)²; 1 is perfect, 0 what the mean of the labels would have, below 0 worse. Of several outputs the mean, as in Keras
    /// and scikit-learn.
    /// </summary>
    public static Metric R2Score => new R2Metric();

    /// <summary>e to the mean loss. With <see cref="Loss.SparseCategoricalCrossEntropy"/> over tokens, a language model's perplexity.</summary>
    public static Metric Perplexity => new PerplexityMetric();

    /// <summary>Name in the history.</summary>
    public string Name { get; }

    /// <summary>The number over all batches since <see cref="Reset"/>; 0 before the first.</summary>
    public abstract double Result { get; }

    /// <summary>Forgets all batches.</summary>
    public abstract void Reset();

    /// <summary>Takes one batch in.</summary>
    public abstract void Update(MetricBatch batch);

    /// <summary>What a model file keeps for <see cref="Create"/>; null for a metric of the user's.</summary>
    internal virtual JsonNode? InFile => GetType().Assembly == typeof(Metric).Assembly ? Name : null;

    /// <summary>False where the metric follows from the loss: outputs are copied to the host for the others alone.</summary>
    internal virtual bool ReadsOutputs => true;

    /// <summary>False where which output is the largest is all that counts, so that logits do as well as probabilities.</summary>
    internal virtual bool ReadsProbabilities => ReadsOutputs;

    /// <summary>Takes the mean loss over all batches since <see cref="Reset"/>.</summary>
    internal virtual void Follow(double meanLoss)
    {
    }

    /// <summary>A metric by the name that it has in the history, or by Keras's name.</summary>
    /// <exception cref="GraftException">There is no such metric; the message lists them.</exception>
    public static Metric Create(string name) => name switch
    {
        "accuracy" or "acc" => Accuracy,
        "binary_accuracy" => BinaryAccuracy,
        "categorical_accuracy" => CategoricalAccuracy,
        "sparse_categorical_accuracy" => SparseCategoricalAccuracy,
        "top_k_categorical_accuracy" or "top_k" => TopK(),
        "precision" => Precision,
        "recall" => Recall,
        "f1" => F1,
        "macro_f1" => MacroF1,
        "mean_iou" or "mean_io_u" => MeanIoU,
        "auc" => Auc,
        "mean_absolute_error" or "mae" => MeanAbsoluteError,
        "mean_squared_error" or "mse" => MeanSquaredError,
        "root_mean_squared_error" or "rmse" => RootMeanSquaredError,
        "r2_score" or "r2" => R2Score,
        "perplexity" => Perplexity,
        _ when name.StartsWith(IoUPrefix, StringComparison.Ordinal) && int.TryParse(name[IoUPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int number) => IoU(number),
        _ => throw new GraftException($"Unknown metric '{name}'; there are accuracy, binary_accuracy, categorical_accuracy, sparse_categorical_accuracy, top_k, precision, recall, f1, macro_f1, mean_iou, iou_0 and so on, auc, mean_absolute_error, mean_squared_error, root_mean_squared_error, r2_score and perplexity."),
    };
}
