using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Metrics where each pixel or token of a sample has a class of its own.</summary>
public sealed class PositionMetricTests
{
    private const int Height = 2, Width = 3, Samples = 2;
    private const double Exact = 1e-12; // ratios of small whole numbers

    // The model gives its input: the inputs are the predictions. Largest: 0 1 2 / 0 1 1 and 2 2 0 / 0 0 1.
    private static readonly int[] s_said = [0, 1, 2, 0, 1, 1, 2, 2, 0, 0, 0, 1];

    private static readonly float[] s_labels = [0, 1, 1, 0, 2, 1, 2, 2, 0, 1, 0, 1];

    private static readonly float[] s_inputs = [.. s_said.SelectMany(c => Enumerable.Range(0, 3).Select(k => k == c ? 2f : 0.5f * k))];

    // By hand: class 0: 4 right, 5 said, 4 true; class 1: 3 right, 4 said, 5 true; class 2: 2 right, 3 said, 3 true.
    private const double IoU0 = 4.0 / 5, IoU1 = 3.0 / 6, IoU2 = 2.0 / 4, Accuracy = 9.0 / 12;

    [Fact]
    public void Each_pixel_counts()
    {
        EvaluationResult result = Evaluate(Loss.SparseCategoricalCrossEntropy(fromLogits: true), s_labels, new Shape(Height, Width), LabelKind.Sparse,
            Metric.Accuracy, Metric.MeanIoU, Metric.IoU(2), Metric.MacroF1, Metric.TopK(3));
        Assert.Equal(Accuracy, result["accuracy"], Exact);
        Assert.Equal((IoU0 + IoU1 + IoU2) / 3, result["mean_iou"], Exact);
        Assert.Equal(IoU2, result["iou_2"], Exact);
        Assert.Equal((8.0 / 9 + 6.0 / 9 + 4.0 / 6) / 3, result["macro_f1"], Exact);
        Assert.Equal(1, result["top_k_categorical_accuracy"], Exact);
        Assert.Equal(Samples, result.Samples);
        Assert.Equal(Height * Width * Samples, result.Confusion!.Total);
        Assert.Equal(1, result.Confusion[1, 2]);
        Assert.Equal(IoU0, result.Confusion.IoU(0), Exact);
    }

    [Fact]
    public void One_hot_labels_count_as_class_indices_do()
    {
        float[] oneHot = [.. s_labels.SelectMany(c => Enumerable.Range(0, 3).Select(k => k == (int)c ? 1f : 0f))];
        EvaluationResult result = Evaluate(Loss.CategoricalCrossEntropy(fromLogits: true), oneHot, new Shape(Height, Width, 3), LabelKind.Categorical, Metric.Accuracy, Metric.MeanIoU);
        Assert.Equal(Accuracy, result["accuracy"], Exact);
        Assert.Equal((IoU0 + IoU1 + IoU2) / 3, result["mean_iou"], Exact);
    }

    [Fact]
    public void Ignored_pixels_count_nowhere()
    {
        float[] labels = [.. s_labels];
        labels[2] = labels[4] = labels[9] = 255; // the three wrong ones
        EvaluationResult result = Evaluate(Loss.SparseCategoricalCrossEntropy(fromLogits: true, ignoreClass: 255), labels, new Shape(Height, Width), LabelKind.Sparse, Metric.Accuracy, Metric.MeanIoU);
        Assert.Equal(1, result["accuracy"], Exact);
        Assert.Equal(1, result["mean_iou"], Exact);
        Assert.Equal(9, result.Confusion!.Total);
    }

    [Fact]
    public void Masks_of_yes_and_no_have_two_classes()
    {
        float[] logits = [3, -1, 2, -2, -3, 1], labels = [1, 0, 0, 0, 1, 1]; // said 1 0 1 0 0 1
        Model model = Identity(1);
        model.Compile(new Sgd(), Loss.BinaryCrossEntropy(fromLogits: true), Metric.Accuracy, Metric.MeanIoU, Metric.IoU(1), Metric.F1, Metric.MacroF1);
        EvaluationResult result = model.Evaluate(new ArrayBatches(logits, new Shape(Height, Width, 1), labels, new Shape(Height, Width, 1), LabelKind.Binary), cancellationToken: TrainingData.Token);
        Assert.Equal(4.0 / 6, result["accuracy"], Exact);
        Assert.Equal(2.0 / 4, result["iou_1"], Exact); // class 0: 2 right, 3 said, 3 true
        Assert.Equal((2.0 / 4 + 2.0 / 4) / 2, result["mean_iou"], Exact);
        Assert.Equal(4.0 / 6, result["f1"], Exact);
        Assert.Equal(4.0 / 6, result["macro_f1"], Exact);
        Assert.Equal(6, result.Confusion!.Total);
    }

    [Fact]
    public void A_class_that_nothing_is_or_was_said_does_not_count()
    {
        float[] inputs = [.. new[] { 0, 1, 0, 0, 1, 1 }.SelectMany(c => Enumerable.Range(0, 3).Select(k => k == c ? 1f : 0f))];
        Model model = Identity(3);
        model.Compile(new Sgd(), Loss.SparseCategoricalCrossEntropy(fromLogits: true), Metric.MeanIoU);
        EvaluationResult result = model.Evaluate(new ArrayBatches(inputs, new Shape(Height, Width, 3), [0, 1, 0, 1, 1, 1], new Shape(Height, Width), LabelKind.Sparse), cancellationToken: TrainingData.Token);
        Assert.Equal((2.0 / 3 + 3.0 / 4) / 2, result["mean_iou"], Exact);
    }

    [Fact]
    public void Names_and_wrong_uses()
    {
        Assert.Equal("mean_iou", Metric.Create("mean_io_u").Name);
        Metric metric = Metric.IoU(3);
        metric.Update(new MetricBatch([0, 1], [1], 1, LabelKind.Sparse));
        Assert.Equal("Metric iou_3: there is no class 3; they are 0 to 1.", Assert.Throws<GraftException>(() => metric.Result).Message);
        GraftException e = Assert.Throws<GraftException>(() => Evaluate(Loss.SparseCategoricalCrossEntropy(fromLogits: true), [0, 1], new Shape(1), LabelKind.Sparse));
        Assert.Contains("a label has 1 class(es), shape [1], but the output [2,3,3] tells 6", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<GraftException>(() =>
        {
            var model = new Sequential(Height, Width, 3) { new Conv2D(3, 1) { Activation = Activation.Softmax } };
            model.Compile(new Sgd(), Loss.SparseCategoricalCrossEntropy(fromLogits: true));
            model.Evaluate(new ArrayBatches(s_inputs, new Shape(Height, Width, 3), s_labels, new Shape(Height, Width), LabelKind.Sparse), cancellationToken: TrainingData.Token);
        });
        Assert.Contains("fromLogits: true applies Softmax a second time", e.Message, StringComparison.Ordinal);
    }

    private static EvaluationResult Evaluate(Loss loss, float[] labels, Shape labelShape, LabelKind kind, params Metric[] metrics)
    {
        Model model = Identity(3);
        model.Compile(new Sgd(), loss, metrics);
        return model.Evaluate(new ArrayBatches(s_inputs, new Shape(Height, Width, 3), labels, labelShape, kind, batchSize: 1), cancellationToken: TrainingData.Token);
    }

    private static Sequential Identity(int channels)
    {
        var model = new Sequential(Height, Width, channels) { new Conv2D(channels, 1) };
        float[] kernel = new float[channels * channels];
        for (int c = 0; c < channels; c++)
            kernel[c * channels + c] = 1;
        model.Parameters[0].Set(kernel);
        return model;
    }
}
