using System.Globalization;
using Graft.Kernels;
using Graft.Layers;
using Graft.Models;
using Graft.Ops;
using Graft.Training;

namespace Graft.Cli;

/// <summary>What a fine-tuning teaches: how the head ends, what is made small, and which number is watched.</summary>
/// <param name="Kind">Classes, several labels or numbers.</param>
/// <param name="Loss">What is made small.</param>
/// <param name="Metrics">Beside it.</param>
/// <param name="Watched">Name of the number that tells how good the model is.</param>
internal sealed record FineTuningTask(OutputKind Kind, Loss Loss, Metric[] Metrics, string Watched)
{
    /// <summary>What is drawn beside the loss.</summary>
    public IReadOnlyList<string> Curves { get; private init; } = [Watched];

    private Activation Activation { get; init; }

    private int Outputs { get; init; }

    private Rescaling? Units { get; init; }

    /// <summary>The losses for numbers.</summary>
    public static readonly string[] NumberLosses = ["mse", "huber", "mae"];

    /// <summary>The losses for classes of pixels.</summary>
    public static readonly string[] PixelLosses = ["cross-entropy", "dice", "cross-entropy+dice"];

    /// <summary>The task for labels like these.</summary>
    /// <exception cref="GraftException">A column of numbers has the same number everywhere.</exception>
    public static FineTuningTask For(FineTuningSettings s, BatchSource training)
    {
        if (s.Masks is { } masks)
        {
            Loss cross = Loss.SparseCategoricalCrossEntropy(fromLogits: true, s.LabelSmoothing, masks.Ignored), dice = Loss.Dice(fromLogits: true, masks.Ignored);
            return new FineTuningTask(s.Labels, s.PixelLoss switch { "dice" => dice, "cross-entropy+dice" => Loss.Sum(cross, dice), _ => cross }, [Metric.Accuracy, Metric.MeanIoU], "mean_iou")
            {
                Outputs = training.ClassNames.Count, Curves = ["mean_iou", "accuracy"],
            };
        }
        int outputs = (int)training.LabelShape.Count;
        if (s.Labels == OutputKind.Values)
            return Numbers(s, training);
        if (training.LabelKind == LabelKind.Categorical)
            return new FineTuningTask(s.Labels, Loss.CategoricalCrossEntropy(labelSmoothing: s.LabelSmoothing), [Metric.Accuracy], "accuracy") { Activation = Activation.Softmax, Outputs = outputs };
        Metric[] metrics = s.Labels == OutputKind.Labels ? [Metric.Accuracy, Metric.MacroF1] : [Metric.Accuracy];
        return new FineTuningTask(s.Labels, Loss.BinaryCrossEntropy(labelSmoothing: s.LabelSmoothing), metrics, metrics[^1].Name) { Activation = Activation.Sigmoid, Outputs = outputs };
    }

    /// <summary>The number that tells how good predictions of so many numbers are: errors of several have no common unit.</summary>
    public static string WatchedOfNumbers(int count) => count == 1 ? "mean_absolute_error" : "r2_score";

    /// <summary>Puts a new head on a base.</summary>
    public Model Build(FineTuningSettings s, Model pretrained)
    {
        if (s.Masks is not null)
            return UNet.Build(pretrained, Outputs);
        var model = new Sequential(s.Size, s.Size, 3) { pretrained };
        model.Add(s.Head.StartsWith("flatten", StringComparison.Ordinal) ? new Flatten() : new GlobalAveragePooling2D());
        if (s.Head.EndsWith("dense256", StringComparison.Ordinal))
            model.Add(new Dense(256, Activation.ReLU));
        if (Units is null)
        {
            model.Add(new Dense(Outputs, Activation) { Name = "predictions" });
            return model;
        }
        model.Add(new Dense(Outputs) { Name = "predictions", KernelInitializer = Initializers.Zeros }); // it begins at the mean
        model.Add(Units);
        return model;
    }

    /// <summary>
    /// A network learns numbers of about 1: it gives distances from the mean in deviations, which its last layer turns into the units of the table. The loss is in deviations, so that each
    /// number counts the same whatever its unit; metrics are in its units.
    /// </summary>
    private static FineTuningTask Numbers(FineTuningSettings s, BatchSource training)
    {
        float[][] labels = LabelRows.Of(training);
        int count = labels[0].Length;
        float[] mean = [.. Enumerable.Range(0, count).Select(c => (float)labels.Average(l => (double)l[c]))];
        float[] deviation = [.. Enumerable.Range(0, count).Select(c => (float)Math.Sqrt(labels.Average(l => Math.Pow((double)l[c] - mean[c], 2))))];
        if (Array.FindIndex(deviation, d => !(d > 0)) is >= 0 and var same)
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"{s.Data}: column '{training.ClassNames[same]}' is {mean[same]} in all {labels.Length} rows to train on; there is nothing to learn from it. Leave it out by --label-columns."));
        return new FineTuningTask(OutputKind.Values, InDeviations(s.NumberLoss, deviation), [Metric.MeanAbsoluteError, Metric.R2Score], WatchedOfNumbers(count))
        {
            Outputs = count, Units = new Rescaling(deviation, mean) { Name = "units" },
        };
    }

    private static Loss InDeviations(string name, float[] deviation)
    {
        LossFormula formula = name switch { "huber" => LossFormula.Huber, "mae" => LossFormula.AbsoluteError, _ => LossFormula.SquaredError };
        float[] factors = Array.ConvertAll(deviation, d => 1 / d);
        return Loss.Of(name, (tape, predictions, labels) =>
        {
            Tensor unit = tape.Constant(new Shape(factors.Length), factors);
            return tape.Run(new PointwiseLossOp(formula, parameter: 1), tape.Run(new BinaryOp(BinaryFormula.Multiply), predictions, unit), tape.Run(new BinaryOp(BinaryFormula.Multiply), labels, unit));
        });
    }
}
