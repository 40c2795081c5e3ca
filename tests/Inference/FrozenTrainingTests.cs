using Graft.Inference;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Inference;

/// <summary>What is frozen in a training step is computed by a plan; training must not notice.</summary>
[Collection(CpuThreadsCollection.Name)] // counts live blocks
public sealed class FrozenTrainingTests
{
    private const int Size = 32, Count = 10, Batch = 4; // the last batch is smaller

    [Theory]
    [InlineData(false, 0)] // the whole base is frozen
    [InlineData(false, 4)] // the boundary lies inside the nested base
    [InlineData(true, 0)]
    public void Training_with_a_plan_ends_where_training_without_ends(bool resnet, int trainableLayers)
    {
        (float[] weights, double loss, _) = Train(resnet, trainableLayers, PlanOptions.Default);
        (float[] expected, double expectedLoss, _) = Train(resnet, trainableLayers, PlanOptions.Eager);
        // Six steps on features that differ by 1e-5 of their scale.
        Assert.True(PlanModels.Deviation(expected, weights) <= 1e-4, $"{PlanModels.Deviation(expected, weights):g3}");
        Assert.Equal(expectedLoss, loss, 1e-4 * Math.Abs(expectedLoss));
        Assert.NotEqual(expected, weights);
    }

    [Fact]
    public void A_frozen_base_of_dense_layers_changes_no_bit_of_training()
    {
        float[] Run(PlanOptions options)
        {
            var model = new Sequential(12) { new Dense(16, Activation.Tanh) { Name = "a", Trainable = false }, new Dropout(0.5f), new Dense(3, Activation.Softmax) { Name = "b" } };
            model.SetSeed(4);
            model.PlanOptions = options;
            var random = new Random(1);
            float[] x = [.. Enumerable.Range(0, 12 * 20).Select(_ => random.NextSingle())];
            var data = new ArrayBatches(x, new Shape(12), [.. Enumerable.Range(0, 20).Select(i => (float)(i % 3))], new Shape(1), LabelKind.Sparse, 6, 1) { Classes = ["a", "b", "c"] };
            model.Compile(new Adam(0.01f), Loss.SparseCategoricalCrossEntropy());
            model.Fit(data, 3, data);
            float[] weights = [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
            model.Release();
            return weights;
        }
        Assert.Equal(Run(PlanOptions.Eager), Run(PlanOptions.Default)); // the mask of Dropout too
    }

    [Fact]
    public void Unfreezing_takes_effect_at_the_next_step_and_moves_the_boundary()
    {
        (Model model, Model vgg, ArrayBatches data) = Build(resnet: false);
        model.Fit(data, 1);
        float[] before = vgg.GetLayer("block5_conv1").Parameters[0].Value.ToArray();
        Assert.Equal(0, model.MemoryReport!.KeptBy("vgg16"));
        vgg.GetLayer("block5_conv1").Trainable = true;
        model.Fit(data, 1);
        Assert.NotEqual(before, vgg.GetLayer("block5_conv1").Parameters[0].Value.ToArray());
        Assert.Contains(model.MemoryReport.KeptBytes, k => k.Key == "vgg16/block5_conv1" && k.Value > 0);
        Assert.DoesNotContain(model.MemoryReport.KeptBytes, k => k.Key.StartsWith("vgg16/block4", StringComparison.Ordinal));
        float[] unmoved = vgg.GetLayer("block4_conv3").Parameters[0].Value.ToArray();
        vgg.Trainable = false;
        before = vgg.GetLayer("block5_conv1").Parameters[0].Value.ToArray();
        model.Fit(data, 1);
        Assert.Equal(before, vgg.GetLayer("block5_conv1").Parameters[0].Value.ToArray());
        Assert.Equal(unmoved, vgg.GetLayer("block4_conv3").Parameters[0].Value.ToArray());
        model.Release();
    }

    [Fact]
    public void Steps_leave_the_number_of_live_blocks_where_it_was()
    {
        (Model model, _, ArrayBatches data) = Build(resnet: false);
        model.Fit(data, 1, data);
        (int blocks, long bytes) = (model.Device.Pool.LiveBlocks, model.Device.Pool.LiveBytes);
        model.Fit(data, 5, data);
        Assert.Equal((blocks, bytes), (model.Device.Pool.LiveBlocks, model.Device.Pool.LiveBytes));
        model.Release();
    }

    [Fact]
    public void Dropout_and_trainable_normalisation_end_the_frozen_part()
    {
        Node input = Node.Input(new Shape(8, 8, 16), "in");
        Node x = new Conv2D(16, 3, 3) { Name = "frozen", Trainable = false, Padding = Padding.Same }.Apply(input);
        x = new BatchNormalization { Name = "moving", Scale = false, Center = false }.Apply(x); // no weight of its own, but statistics that move
        x = new Conv2D(16, 3, 3) { Name = "behind", Trainable = false, Padding = Padding.Same }.Apply(x);
        x = new Dense(2, Activation.Softmax) { Name = "head" }.Apply(new GlobalAveragePooling2D().Apply(x));
        Model model = PlanModels.Fill(new Model(input, x));
        model.Parameters.Single(p => p.Name == "moving_mean").Set(new float[16]);
        using var memory = new PlanMemory(model.Device);
        using var plan = new InferencePlan(model, training: true, PlanOptions.Default, memory);
        Schedule schedule = plan.Prepare(model.Inputs[0].Shape.Prepend(2));
        schedule.Run(PlanModels.Samples(model, 2), TestContext.Current.CancellationToken);
        Assert.Equal(["frozen"], schedule.Steps.SelectMany(s => s.Layers));
        model.Release();
    }

    private static (float[] Weights, double Loss, History History) Train(bool resnet, int trainableLayers, PlanOptions options)
    {
        (Model model, Model inner, ArrayBatches data) = Build(resnet);
        model.PlanOptions = options;
        foreach (Layer layer in inner.Layers.TakeLast(trainableLayers))
            layer.Trainable = true;
        History history = model.Fit(data, 2, data, new FitOptions { Seed = 3 });
        float[] weights = [.. model.Parameters.Where(p => p.IsTrainable).SelectMany(p => p.Value.ToArray())];
        double loss = history.Last("val_loss");
        model.Release();
        return (weights, loss, history);
    }

    private static (Model Model, Model Base, ArrayBatches Data) Build(bool resnet)
    {
        Model inner = resnet ? ResNet.Build(18, includeTop: false, height: Size, width: Size) : Vgg16.Build(includeTop: false, Size, Size);
        PlanModels.Fill(inner);
        inner.Trainable = false;
        var model = new Sequential(Size, Size, 3) { inner, new Flatten(), new Dense(8, Activation.Tanh) { Name = "fc" }, new Dense(2, Activation.Softmax) { Name = "out" } };
        model.SetSeed(1);
        model.Compile(new Sgd(0.005f), Loss.SparseCategoricalCrossEntropy(), Metric.Accuracy);
        float[] samples = PlanModels.Samples(model, Count);
        return (model, inner, new ArrayBatches(samples, model.Inputs[0].Shape, [.. Enumerable.Range(0, Count).Select(i => (float)(i % 2))], new Shape(1), LabelKind.Sparse, Batch, 1) { Classes = ["a", "b"] });
    }
}
