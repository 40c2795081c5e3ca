using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>A label or a class weight that cannot be meant is an error, in Fit and in Evaluate; nothing has moved then.</summary>
public sealed class LabelCheckTests
{
    [Fact]
    public void A_class_index_beyond_the_outputs_names_sample_label_and_classes()
    {
        Model model = Classifier(Activation.Softmax, Loss.SparseCategoricalCrossEntropy());
        float[] before = TrainingData.Weights(model);
        GraftException e = Assert.Throws<GraftException>(() => model.Fit(Data([0, 3, 1, 2], 1, LabelKind.Sparse), 1));
        Assert.StartsWith("The label of sample 1 (counted from 0) is 3, but the model tells 3 classes apart, 0 to 2.", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, TrainingData.Weights(model));
        Assert.Equal(e.Message, Assert.Throws<GraftException>(() => model.Evaluate(Data([0, 3, 1, 2], 1, LabelKind.Sparse), cancellationToken: TrainingData.Token)).Message);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0.5f)]
    [InlineData(float.NaN)]
    public void A_class_index_is_a_whole_number_from_0(float label) =>
        Assert.Throws<GraftException>(() => Classifier(Activation.Softmax, Loss.SparseCategoricalCrossEntropy()).Fit(Data([0, label, 1, 2], 1, LabelKind.Sparse), 1));

    [Fact]
    public void Labels_have_the_shape_of_the_output_but_for_extents_of_1()
    {
        Sequential Image(int channels) => new(4, 6, 1) { new Conv2D(channels, 1) };
        ArrayBatches Data(LabelKind kind, params int[] label) => new(new float[2 * 24], new Shape(4, 6, 1), new float[2 * label.Aggregate(1, (n, e) => n * e)], new Shape(label), kind);
        Sequential numbers = Image(1), classes = Image(3);
        numbers.Compile(new Sgd(), Loss.MeanSquaredError());
        classes.Compile(new Sgd(), Loss.SparseCategoricalCrossEntropy(fromLogits: true));
        numbers.Evaluate(Data(LabelKind.Values, 4, 6), cancellationToken: TrainingData.Token);
        numbers.Evaluate(Data(LabelKind.Values, 24), cancellationToken: TrainingData.Token); // flat
        classes.Evaluate(Data(LabelKind.Sparse, 4, 6, 1), cancellationToken: TrainingData.Token);
        Assert.Contains("shape [6,4], but the output has 24 numbers, shape [4,6,1]", Assert.Throws<GraftException>(() => numbers.Evaluate(Data(LabelKind.Values, 6, 4), cancellationToken: TrainingData.Token)).Message, StringComparison.Ordinal);
        Assert.Contains("shape [6,4], but the output [4,6,3] tells 24", Assert.Throws<GraftException>(() => classes.Evaluate(Data(LabelKind.Sparse, 6, 4), cancellationToken: TrainingData.Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loss_whose_shapes_are_spread_over_each_other_and_smoothing_out_of_range_are_refused()
    {
        Loss plain = Loss.Of("plain", (tape, p, y) => tape.Run(new BinaryOp(BinaryFormula.Subtract), p, y));
        using var tape = new Tape(Device.Cpu);
        Tensor outputs = tape.Constant(new Shape(3, 1), [1f, 2, 3]);
        Assert.Equal(2, plain.Mean(tape, outputs, tape.Constant(new Shape(3, 1), [0f, 0, 0])).Item());
        Assert.Contains("gave [3,3] for outputs [3,1] and labels [3]", Assert.Throws<ShapeException>(() => plain.Mean(tape, outputs, tape.Constant(new Shape(3), [0f, 0, 0]))).Message, StringComparison.Ordinal);
        Assert.Throws<GraftException>(() => Loss.BinaryCrossEntropy(labelSmoothing: 2));
        Assert.Throws<GraftException>(() => Loss.CategoricalCrossEntropy(labelSmoothing: -0.1f));
        Assert.Throws<GraftException>(() => Loss.SparseCategoricalCrossEntropy(labelSmoothing: float.NaN));
    }

    [Fact]
    public void The_ignored_class_is_no_wrong_label()
    {
        Model model = Classifier(Activation.Softmax, Loss.SparseCategoricalCrossEntropy(ignoreClass: -100));
        Assert.True(double.IsFinite(model.Fit(Data([0, -100, 1, 2], 1, LabelKind.Sparse), 1).Last("loss")));
    }

    [Fact]
    public void Yes_or_no_labels_lie_between_0_and_1_and_numbers_are_finite()
    {
        GraftException e = Assert.Throws<GraftException>(() => Classifier(Activation.Sigmoid, Loss.BinaryCrossEntropy()).Fit(Data([.. new float[11], 2], 3, LabelKind.Binary), 1));
        Assert.Contains("sample 3 (counted from 0) is 2, but binary_crossentropy takes labels of 0 to 1", e.Message, StringComparison.Ordinal);
        Assert.Throws<GraftException>(() => Classifier(Activation.Linear, Loss.MeanSquaredError()).Fit(Data([.. new float[11], float.NaN], 3, LabelKind.Values), 1));
        Classifier(Activation.Sigmoid, Loss.BinaryCrossEntropy()).Fit(Data([.. new float[11], 0.3f], 3, LabelKind.Binary), 1); // as mixup makes them
    }

    [Theory]
    [InlineData(3, 1f, "there is no class 3; the classes are 0 to 2")]
    [InlineData(-1, 1f, "there is no class -1")]
    [InlineData(1, -2f, "class 1 has weight -2; take 0 or more")]
    [InlineData(1, float.NaN, "class 1 has weight NaN")]
    public void A_class_weight_is_for_a_class_that_is_there(int number, float weight, string message)
    {
        var options = new FitOptions { ClassWeights = new Dictionary<int, float> { [number] = weight } };
        GraftException e = Assert.Throws<GraftException>(() => Classifier(Activation.Softmax, Loss.SparseCategoricalCrossEntropy()).Fit(Data([0, 1, 2, 2], 1, LabelKind.Sparse), 1, options: options));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Class_weights_are_refused_where_samples_have_several_labels()
    {
        var options = new FitOptions { ClassWeights = new Dictionary<int, float> { [1] = 2 } };
        GraftException e = Assert.Throws<GraftException>(() => Classifier(Activation.Sigmoid, Loss.BinaryCrossEntropy()).Fit(Data(new float[12], 3, LabelKind.Binary), 1, options: options));
        Assert.Contains("these have 3 labels", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Balanced_weights_give_all_classes_the_same_sum()
    {
        // scikit-learn's compute_class_weight("balanced", classes=[0,1,2], y=[0,0,0,1,2,2]): [6/9, 2, 1]
        IReadOnlyDictionary<int, float> weights = ClassWeighting.Balanced([0, 0, 0, 1, 2, 2]);
        Assert.Equal([2f / 3, 2, 1], new[] { weights[0], weights[1], weights[2] });
    }

    [Theory]
    [InlineData(-1e-3f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_learning_rate_is_0_or_more(float rate)
    {
        Assert.Throws<GraftException>(() => new Adam(rate));
        Assert.Throws<GraftException>(() => new Sgd(0.1f).LearningRate = rate);
    }

    private static Sequential Classifier(Activation activation, Loss loss)
    {
        var model = new Sequential(2) { new Dense(3, activation) };
        model.Compile(new Sgd(), loss);
        return model;
    }

    private static ArrayBatches Data(float[] labels, int width, LabelKind kind) => new(new float[2 * labels.Length / width], new Shape(2), labels, new Shape(width), kind, batchSize: 2);
}
