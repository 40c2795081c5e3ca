using System.Globalization;
using Graft.Inference;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Inference;

/// <summary>A frozen base costs once, and training is the same to the last bit.</summary>
[Collection(CpuThreadsCollection.Name)] // counts live blocks
public sealed class FeatureCacheTests
{
    private const int Size = 32, Count = 11, Batch = 4, Epochs = 4;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, int> Places => new()
    {
        { "memory", 0 }, { "file", 0 }, { "folder", 0 },
        { "memory", 4 }, { "file", 4 }, // the boundary lies inside the nested base: what is behind it is convolutions too
    };

    [Theory]
    [MemberData(nameof(Places))]
    public void Training_with_the_cache_is_training_without_to_the_last_bit(string place, int trainableLayers)
    {
        using var files = new TemporaryFiles();
        FeatureCacheOptions options = place switch
        {
            "memory" => FeatureCacheOptions.Default,
            "file" => new FeatureCacheOptions { MemoryBudget = 0 },
            _ => new FeatureCacheOptions { Folder = files["features"] },
        };
        (float[] expected, History plain, int all) = Train(FeatureCacheOptions.Off, trainableLayers);
        (float[] weights, History history, int once) = Train(options, trainableLayers);
        Assert.Equal(expected, weights);
        foreach (string column in new[] { "loss", "accuracy", "val_loss", "val_accuracy" })
            Assert.Equal(plain[column], history[column]);
        Assert.Equal(2 * Epochs * Count, all); // as training and as validation data
        Assert.Equal(2 * Count, once);
        Assert.Contains($"{Count} training samples computed once, {(Epochs - 1) * Count} times taken from the cache", history.Notes[0], StringComparison.Ordinal);
        Assert.Contains($"{Count} validation samples computed once", history.Notes[1], StringComparison.Ordinal);
        Assert.Equal(place != "memory", history.Notes[0].Contains("in a file", StringComparison.Ordinal));
        Assert.Contains("the cache is off", plain.Notes[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Unfreezing_changing_weights_or_statistics_in_mid_training_empties_the_cache()
    {
        foreach (Action<Model> change in new Action<Model>[]
        {
            m => m.GetLayer("block3_conv3").Trainable = true,
            m => m.GetLayer("block2_conv1").Parameters[0].Set([.. m.GetLayer("block2_conv1").Parameters[0].Value.ToArray().Select(w => w * 0.9f)]),
        })
        {
            (float[] Weights, History, int) Run(FeatureCacheOptions cache, int step) => Train(cache, 0, inner =>
                [new LambdaCallback { BatchEnd = (context, p) => { if (p.Epoch == 2 && p.Step == step) change(inner); } }]);
            foreach (int step in new[] { 1, 3 }) // in the middle of an epoch whose batches come without inputs, and at its end
                Assert.Equal(Run(FeatureCacheOptions.Off, step).Weights, Run(FeatureCacheOptions.Default, step).Weights);
        }
    }

    [Fact]
    public void A_folder_serves_later_runs_and_other_heads()
    {
        using var files = new TemporaryFiles();
        var options = new FeatureCacheOptions { Folder = files["features"] };
        (float[] first, _, int one) = Train(options, 0);
        (float[] second, History history, int two) = Train(options, 0);
        Assert.Equal(first, second);
        Assert.Equal(2 * Count, one);
        Assert.Equal(0, two);
        Assert.Contains("0 training samples computed once", history.Notes[0], StringComparison.Ordinal);
        (_, _, int other) = Train(options, 0, units: 5);
        Assert.Equal(0, other);
        (_, _, int changed) = Train(options, 0, weightSeed: 9);
        Assert.Equal(2 * Count, changed);
    }

    [Fact]
    public void A_damaged_or_foreign_file_is_not_used_but_written_anew()
    {
        using var files = new TemporaryFiles();
        var options = new FeatureCacheOptions { Folder = files["features"] };
        float[] expected = Train(options, 0).Weights;
        string file = Directory.GetFiles(options.Folder!).Order(StringComparer.Ordinal).First();
        foreach (string damage in new[] { "bit", "cut", "head", "text", "empty" })
        {
            byte[] bytes = File.ReadAllBytes(file);
            byte[] damaged = damage switch
            {
                "bit" => [.. bytes.Select((b, i) => i == bytes.Length / 2 ? (byte)(b ^ 16) : b)],
                "cut" => bytes[..(bytes.Length - 5)],
                "head" => [.. bytes.Select((b, i) => i == 20 ? (byte)(b ^ 1) : b)],
                "text" => [.. Enumerable.Repeat((byte)'x', 4000)],
                _ => [],
            };
            File.WriteAllBytes(file, damaged);
            (float[] weights, _, int inputs) = Train(options, 0);
            Assert.Equal(expected, weights);
            Assert.InRange(inputs, 1, 2 * Count);
            Assert.Equal(0, Train(options, 0).Inputs); // whole again
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_written_costs_the_later_runs_alone()
    {
        using var files = new TemporaryFiles();
        string blocked = files["a-file"];
        File.WriteAllText(blocked, "not a folder");
        (float[] weights, History history, _) = Train(new FeatureCacheOptions { Folder = Path.Combine(blocked, "features") }, 0);
        Assert.Equal(Train(FeatureCacheOptions.Off, 0).Weights, weights);
        Assert.Contains("kept for this run alone", history.Notes[0], StringComparison.Ordinal);
        Assert.Contains("taken from the cache", history.Notes[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Random_augmentation_turns_it_off_unless_a_number_of_variants_is_asked_for()
    {
        (_, History history, int inputs) = Train(FeatureCacheOptions.Default, 0, isDeterministic: false);
        Assert.Equal(2 * Epochs * Count, inputs);
        Assert.Contains("every epoch has new variants", history.Notes[0], StringComparison.Ordinal);
        (_, _, inputs) = Train(new FeatureCacheOptions { AugmentedCopies = 2 }, 0, isDeterministic: false);
        Assert.Equal(2 * Count + Count, inputs); // two variants for training; validation reads the first epoch's every time
    }

    [Fact]
    public void A_batch_that_mixes_its_samples_is_not_kept()
    {
        Node input = Node.Input(new Shape(4, 6), "in");
        Node x = new Dense(8) { Name = "frozen", Trainable = false }.Apply(input);
        x = new Permute(2, 1) { Name = "turn" }.Apply(x);
        Model model = PlanModels.Fill(new Model(input, new Dense(2, Activation.Softmax) { Name = "head" }.Apply(new Flatten { Name = "flat" }.Apply(x))));
        using var trace = new Trace(model, [new Shape(3, 4, 6)], training: true);
        Assert.True(new FrozenPart(trace).CanBeginAtBoundary);
        Assert.False(new Graft.Ops.PermuteOp(1, 0).KeepsSamplesApart([new Shape(3, 4)]));
        Assert.False(new Graft.Ops.ReshapeOp(-1).KeepsSamplesApart([new Shape(3, 4)]));
        Assert.False(new Graft.Ops.ReduceOp(Graft.Kernels.ReduceFormula.Mean, [-2]).KeepsSamplesApart([new Shape(3, 4)]));
        Assert.False(new Graft.Ops.ConcatOp(-2).KeepsSamplesApart([new Shape(3, 4), new Shape(3, 4)]));
        model.Release();
    }

    [Fact]
    public void A_trained_branch_that_reads_the_images_needs_them_at_every_step()
    {
        Node input = Node.Input(new Shape(8, 8, 16), "in");
        Node frozen = new Conv2D(16, 3, 3) { Name = "frozen", Padding = Padding.Same, Trainable = false }.Apply(input);
        Node trained = new Conv2D(16, 3, 3) { Name = "trained" }.Apply(new ZeroPadding2D(Graft.Kernels.Padding2D.All(1)) { Name = "pad" }.Apply(input));
        Node x = new GlobalAveragePooling2D { Name = "gap" }.Apply(new Add { Name = "sum" }.Apply(frozen, trained));
        Model Make()
        {
            var model = new Model(input, new Dense(2, Activation.Softmax) { Name = "head" }.Apply(x));
            PlanModels.Fill(model);
            model.Compile(new Sgd(0.01f), Loss.SparseCategoricalCrossEntropy());
            return model;
        }
        var weights = new List<float[]>();
        foreach (FeatureCacheOptions options in new[] { FeatureCacheOptions.Off, FeatureCacheOptions.Default })
        {
            Model model = Make();
            CountingBatches data = Data(model, true, 2);
            History history = model.Fit(data, 2, data, new FitOptions { FeatureCache = options });
            Assert.Equal(4 * Count, data.Inputs);
            weights.Add([.. model.Parameters.SelectMany(p => p.Value.ToArray())]);
            model.Release();
        }
        Assert.Equal(weights[0], weights[1]);
    }

    [Fact]
    public void Features_that_are_larger_than_their_work_are_computed_every_time()
    {
        var model = new Sequential(64) { new Dense(64, Activation.Tanh) { Name = "frozen", Trainable = false }, new Dense(1, Activation.Sigmoid) { Name = "head" } };
        model.Compile(new Sgd(0.1f), Loss.BinaryCrossEntropy());
        var data = new ArrayBatches([.. Enumerable.Range(0, 64 * 8).Select(i => i % 7 * 0.1f)], new Shape(64), [0, 1, 0, 1, 0, 1, 0, 1], new Shape(1), LabelKind.Binary, 4);
        History history = model.Fit(data, 2); // 128 operations a number of 4 bytes: on the edge of what memory costs
        Assert.Contains("taken from the cache", history.Notes[0], StringComparison.Ordinal);
        var cheap = new Sequential(4) { new Dense(64, Activation.Tanh) { Name = "frozen", Trainable = false }, new Dense(1, Activation.Sigmoid) { Name = "head" } };
        cheap.Compile(new Sgd(0.1f), Loss.BinaryCrossEntropy());
        history = cheap.Fit(new ArrayBatches(new float[4 * 8], new Shape(4), [0, 1, 0, 1, 0, 1, 0, 1], new Shape(1), LabelKind.Binary, 4), 2);
        Assert.Contains("larger than the work", history.Notes[0], StringComparison.Ordinal);
        model.Release();
        cheap.Release();
    }

    [Fact]
    public void A_frozen_transposed_convolution_counts_as_work()
    {
        var model = new Sequential(4, 4, 64) { new Conv2DTranspose(64, 3, 3) { Trainable = false }, new GlobalAveragePooling2D(), new Dense(1, Activation.Sigmoid) };
        model.Compile(new Sgd(0.1f), Loss.BinaryCrossEntropy());
        History history = model.Fit(new ArrayBatches(new float[4 * 4 * 64 * 8], new Shape(4, 4, 64), [0, 1, 0, 1, 0, 1, 0, 1], new Shape(1), LabelKind.Binary, 4), 2);
        Assert.Contains("taken from the cache", history.Notes[0], StringComparison.Ordinal);
        model.Release();
    }

    [Fact]
    public void Notes_survive_the_history_file()
    {
        var history = new History { Notes = ["one", "two"] };
        history.Add(0, new Dictionary<string, double> { ["loss"] = 1 });
        History read = History.FromJson(history.ToJson());
        Assert.Equal(history.Notes, read.Notes);
        Assert.Equal(["loss"], read.Names);
    }

    [Fact]
    public void A_cancelled_training_leaves_no_store_and_no_block_behind()
    {
        using var cancel = new CancellationTokenSource();
        (Model model, _) = Build(0, 3, 1);
        CountingBatches data = Data(model, true, 2);
        model.Fit(data, 1, data, new FitOptions { CancellationToken = Token });
        (int blocks, long bytes) = (model.Device.Pool.LiveBlocks, model.Device.Pool.LiveBytes);
        var options = new FitOptions
        {
            FeatureCache = new FeatureCacheOptions { MemoryBudget = 0 }, CancellationToken = cancel.Token,
            Callbacks = [new LambdaCallback { BatchEnd = (_, p) => { if (p.Epoch == 1) cancel.Cancel(); } }],
        };
        Assert.Throws<OperationCanceledException>(() => model.Fit(data, 3, data, options));
        Assert.Equal((blocks, bytes), (model.Device.Pool.LiveBlocks, model.Device.Pool.LiveBytes));
        string mine = string.Create(CultureInfo.InvariantCulture, $"graft-features-{Environment.ProcessId}-*");
        Assert.Empty(Directory.GetFiles(Path.GetTempPath(), mine));
        model.Release();
    }

    private static (float[] Weights, History History, int Inputs) Train(
        FeatureCacheOptions cache, int trainableLayers, Func<Model, Callback[]>? callbacks = null, bool isDeterministic = true, int units = 3, int weightSeed = 1)
    {
        (Model model, Model inner) = Build(trainableLayers, units, weightSeed);
        CountingBatches data = Data(model, isDeterministic, 2), validation = Data(model, isDeterministic, 3);
        History history = model.Fit(data, Epochs, validation, new FitOptions { Seed = 5, FeatureCache = cache, Callbacks = callbacks?.Invoke(inner) ?? [] });
        float[] weights = [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
        model.Release();
        return (weights, history, data.Inputs + validation.Inputs);
    }

    private static (Model Model, Model Base) Build(int trainableLayers, int units, int weightSeed)
    {
        var inner = new Sequential(Size, Size, 3); // as VGG16 is made, with three blocks of few channels
        foreach ((int block, int convolutions, int channels) in new[] { (1, 2, 16), (2, 2, 24), (3, 3, 32) })
        {
            for (int i = 1; i <= convolutions; i++)
                inner.Add(new Conv2D(channels, 3, 3) { Activation = Activation.ReLU, Padding = Padding.Same, Name = $"block{block}_conv{i}" });
            inner.Add(new MaxPooling2D { Name = $"block{block}_pool" });
        }
        PlanModels.Fill(inner, weightSeed);
        inner.Trainable = false;
        foreach (Layer layer in inner.Layers.TakeLast(trainableLayers))
            layer.Trainable = true;
        var model = new Sequential(Size, Size, 3) { inner, new Flatten(), new Dense(units, Activation.Tanh) { Name = "fc" }, new Dropout(0.3f), new Dense(2, Activation.Softmax) { Name = "out" } };
        model.SetSeed(1);
        model.Compile(new Adam(0.002f), Loss.SparseCategoricalCrossEntropy(), Metric.Accuracy);
        return (model, inner);
    }

    private static CountingBatches Data(Model model, bool isDeterministic, int seed)
    {
        float[] labels = [.. Enumerable.Range(0, Count).Select(i => (float)(i % 2))];
        return new CountingBatches(new ArrayBatches(PlanModels.Samples(model, Count, seed), model.Inputs[0].Shape, labels, new Shape(1), LabelKind.Sparse, Batch, 1) { Classes = ["a", "b"] }, isDeterministic);
    }

    /// <summary>Counts the samples whose inputs were asked for.</summary>
    private sealed class CountingBatches(ArrayBatches inner, bool isDeterministic) : BatchSource
    {
        public int Inputs { get; private set; }

        public override int Count => inner.Count;

        public override int BatchSize => inner.BatchSize;

        public override Shape SampleShape => inner.SampleShape;

        public override Shape LabelShape => inner.LabelShape;

        public override LabelKind LabelKind => inner.LabelKind;

        public override IReadOnlyList<string> ClassNames => inner.ClassNames;

        public override bool IsDeterministic => isDeterministic;

        public override string? Fingerprint => inner.Fingerprint;

        public override IEnumerable<Graft.Training.Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
        {
            foreach (Graft.Training.Batch batch in inner.Epoch(epoch, firstBatch, cancellationToken))
            {
                Inputs += batch.Size;
                yield return batch;
            }
        }

        public override IEnumerable<Graft.Training.Batch> EpochWithoutInputs(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
            inner.EpochWithoutInputs(epoch, firstBatch, cancellationToken);
    }
}
