using System.Text.Json.Nodes;
using Graft.Importers.Hdf5;
using Graft.Training;

namespace Graft.Importers.Keras.Export;

/// <summary>What a model was compiled with, as Keras writes it.</summary>
internal sealed class KerasTrainingWriter
{
    // Metrics that Keras knows by a word: functions everywhere, Keras 3's classes by their names in small letters.
    private static readonly string[] s_metrics =
        ["accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "top_k_categorical_accuracy", "mean_absolute_error", "mean_squared_error"];
    private static readonly string[] s_metricsOfThree = ["precision", "recall", "auc", "root_mean_squared_error", "r2_score"];

    private readonly KerasDialect _dialect;
    private readonly Model _model;
    private readonly KerasOptimizerWriter _optimizer;
    private readonly List<string> _notes;

    private KerasTrainingWriter(KerasDialect dialect, Model model, KerasOptimizerWriter optimizer, List<string> notes) =>
        (_dialect, _model, _optimizer, _notes) = (dialect, model, optimizer, notes);

    /// <summary>A writer; null where the model is not compiled, or cannot be as Keras compiles: then a note says why.</summary>
    public static KerasTrainingWriter? Of(KerasDialect dialect, Model model, List<string> notes)
    {
        if (model.Optimizer is not { } optimizer || model.Losses.Count == 0)
        {
            if (model.WhyNotCompiled is { } reason)
                notes.Add($"the file holds no training: {reason}");
            return null;
        }
        try
        {
            if (model.Losses.Count != model.Outputs.Count)
                throw new GraftException($"it is compiled with {model.Losses.Count} losses for {model.Outputs.Count} outputs");
            foreach (Loss loss in model.Losses.Select(l => l.Loss))
            {
                if (loss.IgnoredClass is { } ignored)
                    throw new GraftException($"the loss leaves class {ignored} out");
                if (loss.Kind == LossKind.Custom)
                    throw new GraftException($"the loss '{loss.Name}' is code, which Keras has not");
            }
            if (model.NamedParameters().FirstOrDefault(p => !p.Parameter.Trainable && p.Parameter.Layer.Trainable) is { Path: { } frozen })
                throw new GraftException($"'{frozen}' is frozen by itself, while its layer trains; Keras freezes layers");
            var writer = new KerasOptimizerWriter(dialect, model, optimizer);
            notes.AddRange(writer.Notes());
            return new KerasTrainingWriter(dialect, model, writer, notes);
        }
        catch (GraftException e)
        {
            notes.Add($"the file holds no training: {e.Message}{(dialect.IsThree ? "" : " (Keras 3 may: --format keras)")}");
            return null;
        }
    }

    /// <summary>compile_config of an archive, training_config of HDF5.</summary>
    public JsonObject Config()
    {
        var metrics = (JsonArray)PerOutput(Metrics);
        JsonNode? weights = _model.Losses.All(l => l.Weight == 1) ? null : new JsonArray([.. _model.Losses.Select(l => KerasNumbers.Of(l.Weight))]);
        if (!_dialect.IsThree)
        {
            return new JsonObject
            {
                ["optimizer_config"] = _optimizer.Write(), ["loss"] = PerOutput(o => Loss(o.Loss)), ["metrics"] = metrics, ["weighted_metrics"] = null, ["sample_weight_mode"] = null, ["loss_weights"] = weights,
            };
        }
        var config = new JsonObject
        {
            ["loss"] = PerOutput(o => Loss(o.Loss)), ["loss_weights"] = weights, ["metrics"] = metrics, ["weighted_metrics"] = null, ["run_eagerly"] = false, ["steps_per_execution"] = 1, ["jit_compile"] = false,
        };
        config[_dialect.IsArchive ? "optimizer" : "optimizer_config"] = _optimizer.Write();
        return config;
    }

    /// <summary>Writes the optimizer's variables by name: optimizer_weights.</summary>
    public void WriteNamed(Hdf5Group group)
    {
        (string Name, Hdf5Array Array)[] variables = [.. _optimizer.Variables()];
        new KerasNamedWeights(_dialect, _model).AddList(group, KerasCatalog.WeightNames, [.. variables.Select(v => v.Name)]);
        foreach ((string name, Hdf5Array array) in variables)
            group.Add(name, array);
    }

    /// <summary>Writes the optimizer's variables by number: optimizer/vars.</summary>
    public void WriteNumbered(Hdf5Group group)
    {
        Hdf5Group variables = group.Group("vars");
        variables.Add(Hdf5Attribute.Utf8("name", (string)_optimizer.Write()["config"]!["name"]!));
        int i = 0;
        foreach ((_, Hdf5Array array) in _optimizer.Variables())
            variables.Add(i++.ToString(System.Globalization.CultureInfo.InvariantCulture), array);
    }

    /// <summary>What is said of the only output, or a list of what is said of each.</summary>
    private JsonNode PerOutput(Func<OutputLoss, JsonNode> write) => _model.Losses is [var only] ? write(only) : new JsonArray([.. _model.Losses.Select(write)]);

    // A word where the word says all; an object of the class where there is more to say.
    private JsonNode Loss(Loss loss)
    {
        bool isPlain = !loss.FromLogits && loss.LabelSmoothing == 0 && loss.Delta is null or 1;
        if (isPlain && loss.Delta is null)
            return loss.Name;
        string kind = string.Concat(loss.Name.Split('_').Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
        var config = new JsonObject { ["name"] = loss.Name, ["reduction"] = _dialect.IsThree ? "sum_over_batch_size" : "auto" };
        if (loss.Delta is { } delta)
            config["delta"] = KerasNumbers.Of(delta);
        else
            config["from_logits"] = loss.FromLogits;
        if (loss.LabelSmoothing != 0)
            config["label_smoothing"] = KerasNumbers.Of(loss.LabelSmoothing);
        return _dialect.IsThree ? new JsonObject { ["module"] = "keras.losses", ["class_name"] = kind, ["config"] = config, ["registered_name"] = null } : new JsonObject { ["class_name"] = kind, ["config"] = config };
    }

    private JsonArray Metrics(OutputLoss output)
    {
        var known = new JsonArray();
        foreach (Metric metric in output.Metrics)
        {
            string name = metric.Name;
            if (metric is TopKMetric { K: not TopKMetric.UsualK and var k })
                _notes.Add($"metric '{name}' is left out: here it counts the {k} largest outputs, where Keras's word for it counts {TopKMetric.UsualK}");
            else if (s_metrics.Contains(name) || (_dialect.IsThree && s_metricsOfThree.Contains(name)))
                known.Add((JsonNode)name);
            else
                _notes.Add($"metric '{name}' is left out: Keras {_dialect.Generation} has none of that name");
        }
        return known;
    }
}
