using System.Text.Json.Nodes;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Training;

namespace Graft.Tests.Training;

/// <summary>One golden training run: its model, data, optimizers and tolerances, from the files that Keras left.</summary>
internal sealed class KerasRun
{
    private const int BatchSize = 8;

    private readonly string _case, _run, _graph;
    private readonly float[] _samples, _labels;
    private readonly LabelKind _labelKind;

    /// <summary>Reads a run by "case/run".</summary>
    /// <param name="name">The case and the run.</param>
    /// <param name="generation">"keras3_torch" or "keras2_theano".</param>
    public KerasRun(string name, string generation = "keras3_torch")
    {
        _run = GraftShared.Path("reference", "keras", "training", generation, name);
        _case = Path.GetDirectoryName(_run)!;
        _graph = GraftShared.Path("reference", "keras", "training", "keras3_torch", name.Split('/')[0], "model.json"); // the same layers and names in both
        History = JsonNode.Parse(File.ReadAllText(Path.Combine(_run, "history.json")))!;
        (_, _samples) = Npy.Read(GraftShared.Path("reference", "keras", "training", "data", "x.npy"));
        (_, _labels) = Npy.Read(GraftShared.Path("reference", "keras", "training", "data", (string)History["labels"]!));
        _labelKind = (string)History["labels"]! switch
        {
            "y_binary.npy" => LabelKind.Binary,
            "y_onehot.npy" => LabelKind.Categorical,
            "y_int.npy" => LabelKind.Sparse,
            _ => LabelKind.Values,
        };
    }

    /// <summary>What Keras wrote down.</summary>
    public JsonNode History { get; }

    /// <summary>True where a second stage follows with the last block unfrozen.</summary>
    public bool HasSecondStage => History["optimizer_stage2"] is not null;

    /// <summary>Shape of one image.</summary>
    public static Shape Sample { get; } = new(32, 32, 3);

    /// <summary>Loss and, but for regression, accuracy of each step.</summary>
    public JsonArray Steps => History["per_step"]!.AsArray();

    /// <summary>The images that are trained on, which the stored predictions are of.</summary>
    public float[] Samples => _samples[..((int)History["samples"]! * (int)Sample.Count)];

    /// <summary>Class weights, null for none.</summary>
    public IReadOnlyDictionary<int, float>? ClassWeights => History["options"]!["class_weight"]?.AsObject()
        .ToDictionary(w => int.Parse(w.Key, System.Globalization.CultureInfo.InvariantCulture), w => (float)w.Value!);

    /// <summary>One of "loss", "step1_weights", "final_weights", "predictions".</summary>
    public double Tolerance(string of) => (double)History["suggested_absolute_tolerance"]![of]!;

    /// <summary>Weights that are rounding noise by nature: biases in front of a BatchNormalization.</summary>
    public HashSet<string> LeftOut => [.. History["leave_out_of_weight_comparison"]!.AsArray().Select(n => (string)n!)];

    /// <summary>Path of a file of the run.</summary>
    public string FileOf(string name) => Path.Combine(_run, name);

    /// <summary>The model with its initial weights, frozen as the run had it and compiled for its first stage.</summary>
    public Model Build()
    {
        Model model = KerasJson.Model(JsonNode.Parse(File.ReadAllText(_graph))!);
        KerasWeights.Load(model, Path.Combine(_case, "initial.h5"));
        foreach (Model inner in model.Layers.OfType<Model>())
            inner.Trainable = History["options"]!["freeze"] is null; // model.json has it frozen, also for the run that is not
        Compile(model, History["optimizer"] ?? History["optimizer_stage1"]!);
        return model;
    }

    /// <summary>Unfreezes the last block and compiles anew.</summary>
    public void BeginSecondStage(Model model)
    {
        foreach (Layer layer in KerasWeights.Leaves(model.Layers.OfType<Model>().Single()))
            layer.Trainable = layer.Name.StartsWith("block3", StringComparison.Ordinal);
        Compile(model, History["optimizer_stage2"]!);
    }

    /// <summary>The training data, in its own order.</summary>
    public ArrayBatches Data() => Batches(_samples, _labels, (int)History["samples"]!);

    /// <summary>The batch of a step, counted from 0 over all epochs, as a data set of its own.</summary>
    public ArrayBatches Batch(int step)
    {
        Batch batch = Data().Epoch(0, step % Data().BatchesPerEpoch).First();
        return Batches(batch.Inputs, batch.Labels, batch.Size);
    }

    /// <summary>The validation data, null for none.</summary>
    public ArrayBatches? Validation()
    {
        if (History["options"]!["val"] is null)
            return null;
        (int[] shape, float[] samples) = Npy.Read(GraftShared.Path("reference", "keras", "training", "data", "x_val.npy"));
        (_, float[] labels) = Npy.Read(GraftShared.Path("reference", "keras", "training", "data", "y_binary_val.npy"));
        return Batches(samples, labels, shape[0]);
    }

    private ArrayBatches Batches(float[] samples, float[] labels, int count)
    {
        int width = _labelKind == LabelKind.Categorical ? 5 : 1;
        return new ArrayBatches(samples[..(count * (int)Sample.Count)], Sample, labels[..(count * width)], new Shape(width), _labelKind, BatchSize);
    }

    private void Compile(Model model, JsonNode optimizer)
    {
        var loss = Loss.Create((string)History["loss"]!);
        if (Steps[0]!["accuracy"] is null)
            model.Compile(Optimizer(optimizer), loss);
        else
            model.Compile(Optimizer(optimizer), loss, Metric.Accuracy);
    }

    // Keras 2 gives its optimizers a "decay", and no name; it stands in the run's.
    private static bool IsKeras2(JsonNode config) => config["decay"] is not null;

    private Optimizer Optimizer(JsonNode c)
    {
        float rate = (float)c["learning_rate"]!;
        float Number(string name) => (float)c[name]!;
        float? clipNorm = (float?)c["clipnorm"], clipValue = (float?)c["clipvalue"];
        return (IsKeras2(c) ? Path.GetFileName(_run).Split('_')[0].Replace("sgd", "SGD", StringComparison.Ordinal) : (string)c["name"]!) switch
        {
            "SGD" when IsKeras2(c) => new Sgd(rate, Number("momentum"), (bool)c["nesterov"]!) { GlobalClipNorm = clipNorm }, // the norm of all gradients together
            "rmsprop" when IsKeras2(c) => new RMSprop(rate, Number("rho"), epsilon: Number("epsilon")) { EpsilonOutsideRoot = true },
            "adagrad" when IsKeras2(c) => new Adagrad(rate, initialAccumulator: 0, Number("epsilon")) { EpsilonOutsideRoot = true },
            "SGD" => new Sgd(rate, Number("momentum"), (bool)c["nesterov"]!) { ClipNorm = clipNorm, ClipValue = clipValue },
            "rmsprop" => new RMSprop(rate, Number("rho"), Number("momentum"), Number("epsilon"), (bool)c["centered"]!),
            "adam" => new Adam(rate, Number("beta_1"), Number("beta_2"), Number("epsilon"), (bool)c["amsgrad"]!),
            "adamw" => new AdamW(rate, Number("weight_decay"), Number("beta_1"), Number("beta_2"), Number("epsilon"), (bool)c["amsgrad"]!),
            "adamax" => new Adamax(rate, Number("beta_1"), Number("beta_2"), Number("epsilon")),
            "nadam" => new Nadam(rate, Number("beta_1"), Number("beta_2"), Number("epsilon")),
            "adagrad" => new Adagrad(rate, Number("initial_accumulator_value"), Number("epsilon")),
            "adadelta" => new Adadelta(rate, Number("rho"), Number("epsilon")),
            string name => throw new NotSupportedException($"The golden runs have an optimizer that is not built here: {name}."),
        };
    }
}
