using System.Text.Json.Nodes;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;
using Graft.Tests.Golden;
using Graft.Tests.Training;
using Graft.Training;
using Graft.Weights;
using Outside;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>A model that was compiled, trained, saved and loaded trains on as if nothing had been between: keras.models.load_model.</summary>
public sealed class SavedTrainingTests : IDisposable
{
    private const int Whole = 4, Saved = 2;

    private static readonly Dictionary<string, Func<Optimizer>> s_optimizers = new()
    {
        ["sgd"] = () => new Sgd(0.05f, momentum: 0.9f, nesterov: true) { ClipValue = 0.3f },
        ["sgd without momentum, in stairs"] = () => new Sgd(new StepDecay(0.1f, 9, 0.5f)),
        ["rmsprop"] = () => new RMSprop(0.01f, momentum: 0.5f, centered: true),
        ["rmsprop of PyTorch"] = () => new RMSprop(new ExponentialDecay(0.01f, 7, 0.9f), rho: 0.8f, epsilon: 1e-3f) { EpsilonOutsideRoot = true },
        ["adam"] = () => new Adam(0.01f, 0.8f, 0.99f, 1e-5f, amsgrad: true) { GlobalClipNorm = 0.5f },
        ["adam of PyTorch"] = () => new Adam(new InverseTimeDecay(0.01f, 5, 0.5f), epsilon: 1e-3f) { CorrectsEpsilon = true },
        ["adamw"] = () => new AdamW(new WarmUp(new CosineDecay(0.02f, 20, 0.1f), 7), 0.1f) { Decays = AdamW.AllButBiasesAndNorms, ClipNorm = 0.5f },
        ["adamw of all"] = () => new AdamW(new WarmUp(0.02f, 15, 0.001f), 0.1f),
        ["adamax"] = () => new Adamax(new OneCycle(0.05f, 24), 0.8f),
        ["nadam"] = () => new Nadam(new PiecewiseConstant([4, 14], [0.01f, 0.02f, 0.005f]), beta2: 0.9f),
        ["adagrad"] = () => new Adagrad(new PolynomialDecay(0.1f, 20, 0.01f, 2), 0.3f, 1e-3f) { EpsilonOutsideRoot = true },
        ["adadelta"] = () => new Adadelta(0.5f, 0.9f, 1e-4f),
    };

    private readonly TemporaryFiles _files = new();

    public static TheoryData<string> Optimizers => [.. s_optimizers.Keys];

    private string FilePath => _files["model.graft"];

    public void Dispose() => _files.Dispose();

    [Theory]
    [MemberData(nameof(Optimizers))]
    public void Two_epochs_a_file_and_two_more_are_four_epochs_to_the_bit(string optimizer)
    {
        Model whole = Network(s_optimizers[optimizer]());
        History expected = whole.Fit(Data(), Whole, Data());
        Model first = Network(s_optimizers[optimizer]());
        ModelFile.Save(first, FilePath, first.Fit(Data(), Saved, Data()));
        SavedModel saved = ModelFile.Load(FilePath);
        Assert.Equal(first.Optimizer!.LearningRate, saved.Model.Optimizer!.LearningRate);
        Assert.Equal(first.Optimizer.Iterations, saved.Model.Optimizer.Iterations);
        History history = saved.Model.Fit(Data(), Whole, Data(), new FitOptions { InitialEpoch = Saved, History = saved.History });
        Assert.Equal(TrainingData.Weights(whole), TrainingData.Weights(saved.Model)); // moving statistics too
        Assert.Equal(whole.Optimizer!.ExportState(whole).SelectMany(s => s.Values), saved.Model.Optimizer.ExportState(saved.Model).SelectMany(s => s.Values));
        foreach (string column in expected.Names.Where(n => n.Contains("loss", StringComparison.Ordinal) || n.Contains('_') && !n.Contains("second", StringComparison.Ordinal)))
            Assert.Equal(expected[column], history[column]);
        Assert.Contains("val_age_mean_absolute_error", history.Names);
    }

    [Fact]
    public void Losses_and_metrics_with_what_they_were_made_with_come_back()
    {
        Metric[] metrics = [Metric.Accuracy, Metric.BinaryAccuracy, Metric.CategoricalAccuracy, Metric.SparseCategoricalAccuracy, Metric.TopK(2), Metric.Precision, Metric.Recall, Metric.F1, Metric.MacroF1,
            Metric.MeanIoU, Metric.IoU(1), Metric.IoU(12), Metric.Auc, Metric.MeanAbsoluteError, Metric.MeanSquaredError, Metric.RootMeanSquaredError, Metric.R2Score, Metric.Perplexity];
        Loss[] losses = [Loss.BinaryCrossEntropy(true, 0.1f), Loss.CategoricalCrossEntropy(labelSmoothing: 0.2f), Loss.SparseCategoricalCrossEntropy(true, 0.3f, -100), Loss.SparseCategoricalCrossEntropy(),
            Loss.MeanSquaredError(), Loss.MeanAbsoluteError(), Loss.Huber(0.7f)];
        Node x = Node.Input(new Shape(2));
        var model = new Model([x], losses.Select(_ => new Dense(3).Apply(x)));
        model.Compile(new Adam(), [.. losses.Select((l, i) => new OutputLoss(l, i - 0.5f, i == 0 ? metrics : []))]);
        ModelFile.Save(model, FilePath);
        IReadOnlyList<OutputLoss> read = ModelFile.Load(FilePath).Model.Losses;
        Assert.Equal(model.Losses.Select(l => l.Weight), read.Select(l => l.Weight));
        Assert.Equal(losses.Select(l => (l.Name, l.FromLogits, l.LabelSmoothing, l.Delta, l.IgnoredClass)), read.Select(l => (l.Loss.Name, l.Loss.FromLogits, l.Loss.LabelSmoothing, l.Loss.Delta, l.Loss.IgnoredClass)));
        Assert.Equal(metrics.Select(m => (m.Name, m.GetType())), read[0].Metrics.Select(m => (m.Name, m.GetType())));
        var batch = new MetricBatch([0.5f, 0.3f, 0.2f, 0.1f, 0.2f, 0.7f], [1, 0], 2, LabelKind.Sparse); // the second largest, the third
        read[0].Metrics[4].Update(batch);
        Assert.Equal(0.5, read[0].Metrics[4].Result);
        read[0].Metrics[10].Update(batch);
        Assert.Equal(0, read[0].Metrics[10].Result);
        Assert.Contains("no class 12", Assert.Throws<GraftException>(() => { read[0].Metrics[11].Update(new MetricBatch([0.5f, 0.5f], [1], 1, LabelKind.Sparse)); _ = read[0].Metrics[11].Result; }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_file_says_of_a_training_stays_readable()
    {
        const string Written = """
            {"optimizer":{"class":"adamw","config":{"learning_rate":{"class":"WarmUp","config":{"then":{"class":"CosineDecay","config":{"initial_learning_rate":0.02,"decay_steps":20,"alpha":0.1,"warmup_target":null,"warmup_steps":0}},"steps":7,"initial_rate":0}},"clipnorm":0.5,"clipvalue":null,"global_clipnorm":null,"beta_1":0.9,"beta_2":0.999,"epsilon":1E-07,"amsgrad":false,"weight_decay":0.1,"spares_biases_and_norms":true}},"losses":[{"loss":{"name":"sparse_categorical_crossentropy","from_logits":false,"label_smoothing":0.1,"delta":null,"ignore_class":null},"weight":1,"metrics":["accuracy",{"name":"top_k_categorical_accuracy","k":2}]},{"loss":{"name":"huber","from_logits":false,"label_smoothing":0,"delta":0.5,"ignore_class":null},"weight":0.25,"metrics":["mean_absolute_error"]}]}
            """;
        Model model = Network(s_optimizers["adamw"]());
        Assert.Equal(Written, TrainingJson.Write(model)!.ToJsonString());
        ModelFile.Save(Network(new Sgd()), FilePath);
        ModelFileTests.Rewrite(FilePath, document => document["training"] = JsonNode.Parse(Written));
        Assert.Equal(Written, TrainingJson.Write(ModelFile.Load(FilePath).Model)!.ToJsonString());
    }

    [Fact]
    public void A_file_of_an_earlier_version_loads_and_Fit_says_what_it_lacks()
    {
        Model model = Network(new Adam(0.01f));
        model.Fit(Data(), Saved);
        ModelFile.Save(model, FilePath);
        ModelFileTests.Rewrite(FilePath, document => ((JsonObject)document).Remove("training"));
        Model old = ModelFile.Load(FilePath).Model;
        Assert.Equal(TrainingData.Weights(model), TrainingData.Weights(old));
        Assert.Null(old.Optimizer);
        string message = Assert.Throws<GraftException>(() => old.Fit(Data(), Whole)).Message;
        Assert.Contains($"call Compile(optimizer, loss, metrics) first. {FilePath} cannot say how: it is of an earlier version", message, StringComparison.Ordinal);
        model.Fit(Data(), Whole, options: new FitOptions { InitialEpoch = Saved });
        old.Compile(new Adam(0.01f), Losses); // what the message says
        ModelFile.Restore(old, FilePath);
        old.Fit(Data(), Whole, options: new FitOptions { InitialEpoch = Saved });
        Assert.Equal(TrainingData.Weights(model), TrainingData.Weights(old));
    }

    [Fact]
    public void A_model_that_was_never_compiled_says_that_alone()
    {
        ModelFile.Save(new Sequential(2) { new Dense(1) }, FilePath);
        Model model = ModelFile.Load(FilePath).Model;
        Assert.EndsWith("call Compile(optimizer, loss, metrics) first.", Assert.Throws<GraftException>(() => model.Fit(TrainingData.Binary(), 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Code_of_ones_own_is_not_in_the_file_and_Fit_says_which()
    {
        Refused("its optimizer is SignSgd, a class of the program that saved it", new SignSgd(0.01f));
        Refused("its learning rate follows Halving, a class of the program that saved it", new Adam(new Halving(0.1f, 3)));
        Refused("its learning rate follows Halving, a class of the program that saved it", new Adam(new WarmUp(new Halving(0.1f, 3), 3)));
        Refused("its optimizer has a LearningRateFactor, a function of the program that saved it", new Adam { LearningRateFactor = p => p.LayerName == "kind" ? 1 : 0.1f });
        Refused("its optimizer has its Decays, a function of the program that saved it", new AdamW { Decays = p => p.Name == "kernel" });
        Refused("its loss 'log_cosh' is a function of the program that saved it", new Adam(), Loss.Of("log_cosh", (tape, p, y) => tape.Run(new BinaryOp(BinaryFormula.Subtract), p, y)));
        Refused("its metric 'accuracy' is Half, a class of the program that saved it", new Adam(), Loss.MeanSquaredError(), new Half());
    }

    [Fact]
    public void An_optimizer_of_ones_own_goes_on_after_Compile_and_Restore()
    {
        Model whole = Network(new SignSgd(0.01f)), first = Network(new SignSgd(0.01f));
        whole.Fit(Data(), Whole);
        first.Fit(Data(), Saved);
        ModelFile.Save(first, FilePath);
        Model again = ModelFile.Load(FilePath).Model;
        again.Compile(new SignSgd(0.01f), Losses);
        ModelFile.Restore(again, FilePath);
        again.Fit(Data(), Whole, options: new FitOptions { InitialEpoch = Saved });
        Assert.Equal(TrainingData.Weights(whole), TrainingData.Weights(again));
    }

    [Fact]
    public void Loaded_without_compiling_a_model_holds_its_weights_alone()
    {
        Model model = Network(new Adam());
        model.Fit(Data(), 1);
        ModelFile.Save(model, FilePath);
        int before = Device.Default.Pool.LiveBlocks;
        Model bare = ModelFile.Load(FilePath, compile: false).Model;
        Assert.Null(bare.Optimizer);
        int weights = Device.Default.Pool.LiveBlocks - before;
        Model full = ModelFile.Load(FilePath).Model;
        Assert.Equal(before + 2 * weights + 2 * full.Parameters.Count(p => p.IsTrainable), Device.Default.Pool.LiveBlocks); // Adam's two slots
        bare.Release();
        full.Release();
        Assert.Equal(before, Device.Default.Pool.LiveBlocks);
    }

    [Fact]
    public void A_rate_that_a_callback_lowered_and_the_scale_of_a_loss_come_back()
    {
        Model model = Network(new Adam(0.01f));
        model.Fit(Data(), 1);
        model.Optimizer!.LearningRate = 0.003f;
        model.Optimizer.LossScale = new LossScale();
        model.Optimizer.LossScale.Note(isFinite: false);
        ModelFile.Save(model, FilePath);
        Optimizer again = ModelFile.Load(FilePath).Model.Optimizer!;
        Assert.Equal((0.003f, 32768f, 1), (again.LearningRate, again.LossScale!.Value, again.LossScale.Skipped));
    }

    private void Refused(string reason, Optimizer optimizer, Loss? loss = null, params Metric[] metrics)
    {
        Model model = Network(optimizer);
        if (loss is not null)
            model.Compile(optimizer, [new OutputLoss(Loss.SparseCategoricalCrossEntropy()), new OutputLoss(loss, 1, metrics)]);
        ModelFile.Save(model, FilePath);
        Model loaded = ModelFile.Load(FilePath).Model;
        Assert.Null(loaded.Optimizer);
        string message = Assert.Throws<GraftException>(() => loaded.Fit(Data(), 1)).Message;
        Assert.Contains($"{FilePath} cannot say how: {reason}. After Compile, ModelFile.Restore(model, path)", message, StringComparison.Ordinal);
    }

    private static OutputLoss[] Losses =>
        [new(Loss.SparseCategoricalCrossEntropy(labelSmoothing: 0.1f), 1, Metric.Accuracy, Metric.TopK(2)), new(Loss.Huber(0.5f), 0.25f, Metric.MeanAbsoluteError)];

    /// <summary>A class and a number of each sample; with dropout, a regularizer, and a normalization whose statistics move.</summary>
    private static Model Network(Optimizer optimizer)
    {
        Node x = Node.Input(new Shape(TrainingData.Features), "x");
        Node y = new Dense(8, Activation.Tanh) { Name = "first", KernelRegularizer = Regularizer.L2(0.01f) }.Apply(x);
        y = new Dropout(0.2f) { Name = "drop" }.Apply(new BatchNormalization { Name = "norm" }.Apply(y));
        var model = new Model([x], [new Dense(3, Activation.Softmax) { Name = "kind" }.Apply(y), new Dense(1) { Name = "age" }.Apply(y)]);
        model.SetSeed(4);
        model.Compile(optimizer, Losses);
        return model;
    }

    private static JoinedBatches Data() =>
        new(TrainingData.Sparse(), labels: [new LabelArray([.. Enumerable.Range(0, 42).Select(i => i % 5 / 5f)], new Shape(1), LabelKind.Values)]);

    /// <summary>Has the name of one of the engine's.</summary>
    private sealed class Half() : Metric("accuracy")
    {
        public override double Result => 0.5;

        public override void Reset()
        {
            // always the same
        }

        public override void Update(MetricBatch batch)
        {
            // always the same
        }
    }
}
