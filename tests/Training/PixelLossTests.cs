using Graft.Autograd;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Losses of which each pixel has its part: Dice, sums of losses, and weights of classes.</summary>
public sealed class PixelLossTests
{
    private const int Samples = 2, Pixels = 6, Classes = 3, Ignored = 255;
    private const double Rounding = 1e-6; // float32

    private static readonly Shape s_shape = new(Samples, 2, 3, Classes);

    private static readonly float[] s_logits = [.. Enumerable.Range(0, Samples * Pixels * Classes).Select(i => MathF.Sin(1.7f * i))];

    private static readonly float[] s_labels = [0, 1, 1, 0, 0, 1, 2, 2, 2, 0, 2, 2]; // the first sample has no class 2, the second no class 1

    private static float[] WithIgnored => [.. s_labels.Select((l, i) => i is 1 or 4 or 11 ? Ignored : l)];

    [Theory]
    [InlineData(null)]
    [InlineData(Ignored)]
    public void Dice_is_the_overlap_of_each_class_that_a_sample_has(int? ignored)
    {
        float[] labels = ignored is null ? s_labels : WithIgnored;
        double due = Enumerable.Range(0, Samples).Average(n => Cost(n, labels));
        Assert.Equal(due, Mean(Loss.Dice(fromLogits: true, ignored), s_logits, labels), Rounding);
        Assert.Equal(due, Mean(Loss.Dice(ignoreClass: ignored), [.. s_logits.Chunk(Classes).SelectMany(Softmax).Select(p => (float)p)], labels), Rounding);
        Assert.Equal(0, Mean(Loss.Dice(ignoreClass: ignored), [.. labels.SelectMany(l => Enumerable.Range(0, Classes).Select(k => k == l ? 1f : 0))], labels), Rounding); // all right
    }

    [Fact]
    public void A_small_object_is_found_sooner_where_its_overlap_counts()
    {
        const int Large = 16, Count = 12, Epochs = 60;
        var random = new Random(4);
        float[] pictures = [.. Enumerable.Range(0, Count * Large * Large).Select(_ => random.NextSingle() * 0.4f)], masks = new float[pictures.Length];
        for (int i = 0; i < Count; i++)
        {
            int at = (i * Large + random.Next(Large - 3)) * Large + random.Next(Large - 3);
            foreach (int pixel in new[] { at, at + 1, at + Large, at + Large + 1 })
                (pictures[pixel], masks[pixel]) = (0.6f + random.NextSingle() * 0.4f, 1);
        }
        double Learned(Loss loss)
        {
            var model = new Sequential(Large, Large, 1) { new Conv2D(4, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new Conv2D(2, 1) };
            model.SetSeed(3);
            model.Compile(new Adam(0.05f), loss, Metric.IoU(1));
            return model.Fit(new ArrayBatches(pictures, new Shape(Large, Large, 1), masks, new Shape(Large, Large), LabelKind.Sparse, batchSize: 4, shuffleSeed: 1), Epochs).Last("iou_1");
        }
        Loss cross = Loss.SparseCategoricalCrossEntropy(fromLogits: true);
        Assert.True(Learned(Loss.Sum(cross, Loss.Dice(fromLogits: true))) > 0.9);
        Assert.True(Learned(cross) < 0.1); // all is background: 98 % of the pixels are
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Ignored)]
    public void A_model_file_keeps_Dice_and_sums(int? ignored)
    {
        using var files = new TemporaryFiles();
        Loss dice = Loss.Dice(fromLogits: true, ignored), sum = Loss.Sum(Loss.SparseCategoricalCrossEntropy(fromLogits: true, labelSmoothing: 0.1f, ignored), dice);
        float[] labels = ignored is null ? s_labels : WithIgnored;
        foreach (Loss loss in new[] { dice, sum })
        {
            var model = new Sequential(2, 3, Classes) { new Conv2D(Classes, 1) };
            model.Compile(new Adam(), loss, Metric.MeanIoU);
            ModelFile.Save(model, files["model.graft"]);
            Loss kept = ModelFile.Load(files["model.graft"]).Model.Loss!;
            Assert.Equal((loss.Name, Mean(loss, s_logits, labels)), (kept.Name, Mean(kept, s_logits, labels)));
        }
        Loss own = Loss.Of("own", (_, p, _) => p, LabelKind.Sparse);
        Assert.Equal(LabelKind.Sparse, Loss.Sum(own, own).LabelKind);
    }

    [Fact]
    public void A_sample_of_which_nothing_counts_costs_nothing()
    {
        float[] labels = [.. Enumerable.Repeat((float)Ignored, Pixels), .. s_labels[Pixels..]];
        Assert.Equal(Cost(1, labels) / 2, Mean(Loss.Dice(fromLogits: true, Ignored), s_logits, labels), Rounding);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Ignored)]
    public void Gradients_are_those_of_finite_differences(int? ignored)
    {
        float[] labels = ignored is null ? s_labels : WithIgnored;
        Loss loss = Loss.Sum(Loss.SparseCategoricalCrossEntropy(fromLogits: true, ignoreClass: ignored), Loss.Dice(fromLogits: true, ignored));
        GradientCheck.Run(Device.Cpu, (tape, x) => loss.Mean(tape, x[0], tape.Constant(new Shape(Samples, 2, 3), labels)), [(s_shape, s_logits)]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Ignored)]
    public void A_sum_is_the_sum_and_says_what_does_not_fit(int? ignored)
    {
        float[] labels = ignored is null ? s_labels : WithIgnored;
        Loss cross = Loss.SparseCategoricalCrossEntropy(fromLogits: true, ignoreClass: ignored), dice = Loss.Dice(fromLogits: true, ignored), sum = Loss.Sum(cross, dice);
        Assert.Equal("sparse_categorical_crossentropy+dice", sum.Name);
        Assert.Equal(Mean(cross, s_logits, labels) + Mean(dice, s_logits, labels), Mean(sum, s_logits, labels), Rounding);
        Assert.Contains("(Sparse labels, logits, ignores 7) do not take the same; let them agree", Assert.Throws<GraftException>(() => Loss.Sum(cross, Loss.Dice(fromLogits: true, 7))).Message, StringComparison.Ordinal);
        Assert.Contains("1 losses; name two or more", Assert.Throws<GraftException>(() => Loss.Sum(dice)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Ignored)]
    public void Class_weights_are_those_of_each_pixel(int? ignored)
    {
        float[] labels = ignored is null ? s_labels : WithIgnored;
        var weights = new Dictionary<int, float> { [0] = 0.5f, [2] = 3 };
        double[][] said = [.. s_logits.Chunk(Classes).Select(Softmax)];
        int[] counted = [.. Enumerable.Range(0, labels.Length).Where(i => labels[i] != Ignored)];
        double cross = counted.Sum(i => weights.GetValueOrDefault((int)labels[i], 1) * -Math.Log(said[i][(int)labels[i]])) / counted.Length;
        Loss[] losses = [Loss.SparseCategoricalCrossEntropy(fromLogits: true, ignoreClass: ignored), Loss.Dice(fromLogits: true, ignored)];
        Assert.Equal(cross, LossOfStep(losses[0], labels, LabelKind.Sparse, weights), Rounding);
        Assert.Equal(cross + Enumerable.Range(0, Samples).Average(n => Cost(n, labels)), LossOfStep(Loss.Sum(losses), labels, LabelKind.Sparse, weights), Rounding); // Dice has none
        if (ignored is not null)
            return;
        float[] oneHot = [.. labels.SelectMany(l => Enumerable.Range(0, Classes).Select(k => k == l ? 1f : 0))];
        Assert.Equal(cross, LossOfStep(Loss.CategoricalCrossEntropy(fromLogits: true), oneHot, LabelKind.Categorical, weights), Rounding);
        var ofSample = Loss.Of("own", (tape, prediction, _) => tape.Run(new Graft.Ops.ReduceOp(Graft.Kernels.ReduceFormula.Sum, [1, 2, 3]), prediction), LabelKind.Sparse);
        Assert.Contains("Loss own gave [2], but the weights are [2,6]", Assert.Throws<ShapeException>(() => LossOfStep(ofSample, labels, LabelKind.Sparse, weights)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Balanced_weights_follow_from_counts_and_a_class_without_any_has_none()
    {
        IReadOnlyDictionary<int, float> weights = ClassWeighting.BalancedByCount([3, 0, 1, 2]);
        Assert.Equal([(0, 2f / 3), (2, 2f), (3, 1f)], weights.OrderBy(w => w.Key).Select(w => (w.Key, w.Value)));
    }

    private static double Cost(int sample, float[] labels)
    {
        int[] pixels = [.. Enumerable.Range(sample * Pixels, Pixels).Where(i => labels[i] != Ignored)];
        double[][] said = [.. s_logits.Chunk(Classes).Select(Softmax)];
        return 1 - pixels.Select(i => (int)labels[i]).Distinct().Average(c => 2 * pixels.Where(i => labels[i] == c).Sum(i => said[i][c]) / (pixels.Sum(i => said[i][c]) + pixels.Count(i => labels[i] == c)));
    }

    private static double[] Softmax(float[] row)
    {
        double sum = row.Sum(x => Math.Exp(x));
        return Array.ConvertAll(row, x => Math.Exp(x) / sum);
    }

    private static float Mean(Loss loss, float[] outputs, float[] labels)
    {
        using var tape = new Tape(Device.Cpu);
        return loss.Mean(tape, tape.Constant(s_shape, outputs), tape.Constant(new Shape(Samples, 2, 3), labels)).Item();
    }

    // The model gives its input, in a step that leaves it so.
    private static double LossOfStep(Loss loss, float[] labels, LabelKind kind, Dictionary<int, float> weights)
    {
        var model = new Sequential(2, 3, Classes) { new Conv2D(Classes, 1) };
        model.Parameters[0].Set([1, 0, 0, 0, 1, 0, 0, 0, 1]);
        model.Compile(new Sgd(1e-9f), loss);
        Shape label = kind == LabelKind.Categorical ? s_shape.Tail() : new Shape(2, 3);
        return model.Fit(new ArrayBatches(s_logits, s_shape.Tail(), labels, label, kind, Samples), 1, options: new FitOptions { ClassWeights = weights }).Last("loss");
    }
}
