using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Importers.Keras.Architecture;
using Graft.Importers.Keras.Stored;
using Graft.Training;

namespace Graft.Importers.Keras.Training;

/// <summary>Compiles an imported model as it was in Keras and gives the optimizer back what it remembered.</summary>
internal static class KerasTraining
{
    /// <summary>Compiles the model where all of it is known here; else says in the notes what is not. Inference does not need it.</summary>
    public static void Restore(Model model, KerasModelFile file, KerasStoredWeights stored, KerasModelWeights weights, KerasBuildContext context)
    {
        if (file.Training is not { } training)
            return;
        try
        {
            Compile(model, training, file.Version, context);
        }
        catch (GraftException e)
        {
            context.Notes.Add($"the model is not compiled: {e.Message}");
            return;
        }
        if (model.Optimizer is { } optimizer)
            KerasOptimizerState.Restore(model, optimizer, stored, weights, context, isNew: KerasGenerations.IsFrom(file.Version, 2, 11));
    }

    private static void Compile(Model model, JsonObject training, string? version, KerasBuildContext context)
    {
        JsonNode? optimizer = training["optimizer"] ?? training["optimizer_config"], loss = training["loss"];
        if (optimizer is null || loss is null)
            return;
        if (model.Outputs.Count != 1)
            throw new GraftException($"a loss for each of {model.Outputs.Count} outputs is not built here; compile it with a model of one output.");
        if (training["loss_weights"] is JsonNode weights && weights is JsonArray { Count: > 0 } or JsonObject { Count: > 0 } && Numbers(weights).Any(n => n != 1))
            throw new GraftException($"loss_weights {weights.ToJsonString()} are not kept here; give the optimizer another learning rate.");
        var metrics = new List<Metric>();
        foreach (JsonNode metric in Leaves(training["metrics"]).Concat(Leaves(training["weighted_metrics"])))
            AddMetric(metrics, metric, context);
        model.Compile(KerasOptimizers.Create(optimizer, version, context), KerasLosses.Create(loss), [.. metrics]);
    }

    private static void AddMetric(List<Metric> metrics, JsonNode json, KerasBuildContext context)
    {
        string name = KerasLosses.NameOf(json);
        try
        {
            var metric = Metric.Create(KerasLosses.MetricNameOf(json));
            if (metrics.TrueForAll(m => m.Name != metric.Name))
                metrics.Add(metric);
        }
        catch (GraftException)
        {
            context.Notes.Add($"metric '{name}' is not known here and left out");
        }
    }

    // Metrics come as a list, a list for each output, or a dictionary by output.
    private static IEnumerable<JsonNode> Leaves(JsonNode? json) => json switch
    {
        null => [],
        JsonArray a => a.SelectMany(Leaves),
        JsonObject o when o.ContainsKey("class_name") => [o],
        JsonObject o => o.SelectMany(p => Leaves(p.Value)),
        _ => [json],
    };

    private static IEnumerable<double> Numbers(JsonNode? json) => json switch
    {
        JsonArray a => a.SelectMany(Numbers),
        JsonObject o => o.SelectMany(p => Numbers(p.Value)),
        JsonValue v when v.GetValueKind() == JsonValueKind.Number => [(double)v],
        _ => [],
    };
}
