using Graft.Autograd;
using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;
using Graft.Tests.Golden;
using Graft.Tests.Inference;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Models with several inputs and outputs, trained and evaluated as a whole.</summary>
public sealed class SeveralOutputsTests
{
    private const int Count = 11, BatchSize = 4, Epochs = 3, Classes = 3;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Pictures of 6 x 6 and two numbers beside them; a class and a number of each are learned.</summary>
    public static Model Build(bool frozenBase = false)
    {
        Node picture = Node.Input(new Shape(6, 6, 2), "picture"), table = Node.Input(new Shape(2), "table");
        Node x = new Conv2D(8, 3) { Padding = Padding.Same, Activation = Activation.ReLU, Name = "conv", Trainable = !frozenBase }.Apply(picture);
        x = new GlobalAveragePooling2D { Name = "pool" }.Apply(x);
        Node joined = new Concatenate { Name = "both" }.Apply(x, new Dense(4, Activation.Tanh) { Name = "side" }.Apply(table));
        Node kind = new Dense(Classes, Activation.Softmax) { Name = "kind" }.Apply(joined), age = new Dense(1) { Name = "age" }.Apply(joined);
        return PlanModels.Fill(new Model([picture, table], [kind, age], "two"));
    }

    /// <summary>Samples for <see cref="Build"/>.</summary>
    public static JoinedBatches Data(int? shuffleSeed = 5)
    {
        var random = new Random(3);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
        var pictures = new ArrayBatches(Numbers(Count * 72), new Shape(6, 6, 2), [.. Enumerable.Range(0, Count).Select(i => (float)(i % Classes))], new Shape(1), LabelKind.Sparse, BatchSize, shuffleSeed);
        return new JoinedBatches(pictures, [new SampleArray(Numbers(Count * 2), new Shape(2))], [new LabelArray(Numbers(Count), new Shape(1), LabelKind.Values)]);
    }

    /// <summary>How both are learned.</summary>
    public static OutputLoss[] Losses => [new(Loss.SparseCategoricalCrossEntropy(), 1, Metric.Accuracy), new(Loss.MeanSquaredError(), 0.25f, Metric.MeanAbsoluteError)];

    [Fact]
    public void Fit_moves_the_weights_as_a_loop_over_the_weighted_sum_does()
    {
        Model model = Build(), by = Build();
        model.Compile(new Sgd(0.1f, momentum: 0.9f), Losses);
        History history = model.Fit(Data(), Epochs);
        using var optimizer = new Sgd(0.1f, momentum: 0.9f);
        var sums = new List<double>();
        for (int epoch = 0; epoch < Epochs; epoch++)
        {
            double sum = 0, kinds = 0;
            foreach (Batch batch in Data().Epoch(epoch, 0, Token))
            {
                using var tape = new Tape(by.Device) { Training = true };
                Tensor[] y = by.Run(tape, [tape.Constant(batch.InputShape, batch.Inputs), tape.Constant(batch.MoreInputs[0].Shape, batch.MoreInputs[0].Values)]);
                Tensor kind = Loss.SparseCategoricalCrossEntropy().Mean(tape, y[0], tape.Constant(batch.LabelShape, batch.Labels));
                Tensor age = Loss.MeanSquaredError().Mean(tape, y[1], tape.Constant(batch.MoreLabels[0].Shape, batch.MoreLabels[0].Values));
                Tensor loss = tape.Run(new BinaryOp(BinaryFormula.Add), kind, tape.Run(new UnaryOp(UnaryFormula.Scale, 0.25f), age));
                tape.Backward(loss);
                optimizer.Apply(tape, by.Parameters);
                sum += (double)loss.Item() * batch.Size;
                kinds += (double)kind.Item() * batch.Size;
            }
            sums.Add(sum / Count);
            Assert.Equal(kinds / Count, history["kind_loss"][epoch], 1e-12);
        }
        Assert.Equal(sums, history["loss"]);
        Assert.Equal(WeightsOf(by), WeightsOf(model));
        Assert.Equal(["loss", "kind_loss", "kind_accuracy", "age_loss", "age_mean_absolute_error"], history.Names.Take(5));
        Assert.Equal(["kind_accuracy", "age_mean_absolute_error"], model.MetricNames);
        Assert.Null(model.Loss);
        Assert.Equal(2, model.Losses.Count);
        Assert.Empty(model.ClassNames);
    }

    [Fact]
    public void Evaluate_and_PredictAll_see_each_output_in_the_order_of_the_data()
    {
        Model model = Build();
        model.Compile(new Sgd(0.1f), Losses);
        JoinedBatches data = Data();
        EvaluationResult result = model.Evaluate(data, keepPredictions: true, Token);
        float[][][] all = model.PredictAll(data, Token);
        Assert.Equal(result.AllPredictions, all);
        Assert.Equal(all[0], result.Predictions);
        Batch whole = Data(shuffleSeed: null).Epoch(0, 0, Token).Single(b => b.Indices[0] == 4);
        (Shape, float[] Values)[] direct = model.PredictAll([(whole.InputShape, whole.Inputs), whole.MoreInputs[0]], Token);
        Assert.Equal(all[0][4..8].SelectMany(r => r), direct[0].Values);
        Assert.Equal(all[1][4..8].SelectMany(r => r), direct[1].Values);
        Assert.Equal(result.Loss, result["kind_loss"] + 0.25 * result["age_loss"], 1e-6); // sums of batches in float32
        Assert.Equal(result["kind_accuracy"], result.Confusion!.Accuracy, 1e-12);
        Assert.Null(result.Confusions[1]);
        Assert.Contains("PredictAll", Assert.Throws<GraftException>(() => model.Predict(data, Token)).Message, StringComparison.Ordinal);
        Assert.Contains("2 inputs and 2 outputs (kind, age); PredictAll", Assert.Throws<GraftException>(() => model.Predict(new float[72], new Shape(1, 6, 6, 2), Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_frozen_base_is_computed_once_and_what_is_learned_is_the_same()
    {
        (float[] Weights, History History) Train(FeatureCacheOptions cache, bool plans)
        {
            Model model = Build(frozenBase: true);
            if (!plans)
                model.PlanOptions = PlanOptions.Eager;
            model.Compile(new Adam(0.01f), Losses);
            History history = model.Fit(Data(), Epochs, Data(shuffleSeed: null), new FitOptions { FeatureCache = cache });
            return (WeightsOf(model), history);
        }
        (float[] once, History history) = Train(FeatureCacheOptions.Default, plans: true);
        (float[] always, History plain) = Train(FeatureCacheOptions.Off, plans: true);
        Assert.Equal(always, once);
        Assert.Equal(plain["val_age_loss"], history["val_age_loss"]);
        Assert.Contains($"{Count} training samples computed once, {(Epochs - 1) * Count} times taken from the cache", history.Notes[0], StringComparison.Ordinal);
        (float[] eager, _) = Train(FeatureCacheOptions.Off, plans: false);
        Near(eager, always); // convolutions by other algorithms
    }

    [Fact]
    public void A_folder_of_features_knows_other_inputs_and_other_wiring()
    {
        using var files = new TemporaryFiles();
        var options = new FitOptions { FeatureCache = new FeatureCacheOptions { Folder = files["features"] } };
        string Note(float number, bool turned)
        {
            Node a = Node.Input(new Shape(6, 6, 2), "a"), b = Node.Input(new Shape(6, 6, 2), "b");
            var conv = new Conv2D(4, 3) { Padding = Padding.Same, Name = "conv", Trainable = false };
            Node first = conv.Apply(a), second = new Conv2D(4, 3) { Padding = Padding.Same, Name = "other", Trainable = false }.Apply(turned ? a : b);
            Node x = new GlobalAveragePooling2D { Name = "pool" }.Apply(new Concatenate { Name = "both" }.Apply(first, second));
            Model model = PlanModels.Fill(new Model([a, b], [new Dense(1) { Name = "head" }.Apply(x)]));
            model.Compile(new Sgd(0.01f), Loss.MeanSquaredError());
            float[] Filled(float value) => [.. Enumerable.Repeat(value, 2 * 72)];
            var data = new JoinedBatches(new ArrayBatches(Filled(1), new Shape(6, 6, 2), [0, 1], new Shape(1), LabelKind.Values, 2), [new SampleArray(Filled(number), new Shape(6, 6, 2))]);
            return model.Fit(data, 2, null, options).Notes[0];
        }
        Assert.Contains("2 training samples computed once", Note(1, false), StringComparison.Ordinal);
        Assert.Contains("0 training samples computed once", Note(1, false), StringComparison.Ordinal);
        Assert.Contains("2 training samples computed once", Note(2, false), StringComparison.Ordinal);
        Assert.Contains("2 training samples computed once", Note(1, true), StringComparison.Ordinal);
    }

    [Fact]
    public void Plans_of_several_outputs_give_what_the_ops_give()
    {
        Node input = Node.Input(new Shape(9, 9, 3), "in"), scale = Node.Input(new Shape(9, 9, 16), "scale");
        Node conv = new Conv2D(16, 3) { Padding = Padding.Same, Name = "conv" }.Apply(input);
        Node norm = new BatchNormalization { Name = "norm" }.Apply(conv), relu = new ReLU { Name = "relu" }.Apply(norm);
        Node sum = new Add { Name = "sum" }.Apply(relu, scale), flat = new Flatten { Name = "flat" }.Apply(sum);
        Node[] nodes = [conv, norm, relu, sum, flat, new Dense(70, Activation.Sigmoid) { Name = "head" }.Apply(flat), input];
        var random = new Random(1);
        foreach (Node[] outputs in new Node[][] { nodes, [norm, sum], [relu, conv], [flat, sum, flat], [sum, input] })
        {
            Model model = PlanModels.Fill(new Model([input, scale], outputs));
            (Shape, float[])[] samples = [.. model.Inputs.Select(i => (i.Shape.Prepend(3), Enumerable.Range(0, 3 * (int)i.Shape.Count).Select(_ => random.NextSingle() * 2 - 1).ToArray()))];
            (Shape Shape, float[] Values)[] planned = model.PredictAll(samples, Token);
            model.PlanOptions = PlanOptions.Eager;
            (Shape Shape, float[] Values)[] expected = model.PredictAll(samples, Token);
            for (int i = 0; i < outputs.Length; i++)
            {
                Assert.Equal(outputs[i].Shape.Prepend(3), planned[i].Shape);
                Near(expected[i].Values, planned[i].Values);
            }
        }
    }

    [Fact]
    public void What_does_not_fit_is_told_by_name()
    {
        Model model = Build();
        JoinedBatches data = Data();
        void Says(string part, Func<object?> act) => Assert.Contains(part, Assert.ThrowsAny<GraftException>(act).Message, StringComparison.Ordinal);
        model.Compile(new Sgd(0.1f), Loss.MeanSquaredError());
        Says("2 outputs (kind, age), and is compiled with 1 loss", () => model.Fit(data, 1));
        Says("two metrics", () => Compiled(model, [Losses[0], new(Loss.MeanSquaredError(), 1, Metric.MeanAbsoluteError, Metric.MeanAbsoluteError)]));
        Says("weight of a loss", () => Compiled(model, [Losses[0], new(Loss.MeanSquaredError(), float.NaN)]));
        model.Compile(new Sgd(0.1f), Losses);
        var alone = new ArrayBatches(new float[72], new Shape(6, 6, 2), [0], new Shape(1), LabelKind.Sparse);
        Says("2 inputs (picture, table) and 2 outputs (kind, age), but a sample of the data has 1 and 1", () => model.Fit(alone, 1));
        Says("in input 'table'", () => model.Fit(new JoinedBatches(alone, [new SampleArray([1, 2, 3], new Shape(3))], [new LabelArray([1], new Shape(1), LabelKind.Values)]), 1));
        Says("not 3", () => new JoinedBatches(alone, [new SampleArray([1, 2, 3], new Shape(2))]));
        Says("The label of 'age'", () => model.Fit(new JoinedBatches(alone, [new SampleArray([1, 2], new Shape(2))], [new LabelArray([float.NaN], new Shape(1), LabelKind.Values)]), 1));
        Says("labels for 2 outputs", () => model.Fit(data, 1, null, new FitOptions { ClassWeights = new Dictionary<int, float> { [0] = 2 } }));
        Says("only the first input", () => new MixUp(data));
        Says("Batch.Indices", () => new JoinedBatches(new MixUp(new ArrayBatches(new float[72], new Shape(6, 6, 2), [0, 1, 0], new Shape(3), LabelKind.Categorical)), [new SampleArray([1, 2], new Shape(2))]).Epoch(0, 0, Token).Count());
    }

    private static Model Compiled(Model model, OutputLoss[] losses)
    {
        model.Compile(new Sgd(0.1f), losses);
        return model;
    }

    private static float[] WeightsOf(Model model) => [.. model.Parameters.SelectMany(p => p.Value.ToArray())];

    // A Winograd convolution rounds within 1.3e-5 of its largest output; these have few channels.
    private static void Near(float[] expected, float[] actual)
    {
        float largest = expected.Max(MathF.Abs);
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 1e-5 * largest));
    }
}
