using System.Text.Json.Nodes;
using Graft.Importers.Keras.Architecture;
using Graft.Importers.Keras.Stored;
using Graft.Training;
using Graft.Weights;

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
            KerasOptimizerState.Restore(model, optimizer, stored, weights, context, file.Version);
    }

    private static void Compile(Model model, JsonObject training, string? version, KerasBuildContext context)
    {
        JsonNode? optimizer = training["optimizer"] ?? training["optimizer_config"], loss = training["loss"];
        if (optimizer is null || loss is null)
            return;
        string[] names = [.. model.Outputs.Select(o => o.Layer.Name)];
        JsonNode[] losses = PerOutput(loss, names, "loss", sharesOne: true).Select((l, i) => l ?? throw new GraftException($"output '{names[i]}' has no loss; compile it with a model of the other outputs.")).ToArray();
        JsonNode?[] weights = PerOutput(training["loss_weights"], names, "loss weight", sharesOne: false);
        bool isThree = KerasGenerations.IsFrom(version, 3, 0);
        JsonNode?[] metrics = MetricsPerOutput(training["metrics"], names, isThree), weighted = MetricsPerOutput(training["weighted_metrics"], names, isThree);
        model.Compile(KerasOptimizers.Create(optimizer, version, context), [.. losses.Select((l, i) =>
            new OutputLoss(KerasLosses.Create(l), Weight(weights[i]), Metrics(Leaves(metrics[i]).Concat(Leaves(weighted[i])), context)))]);
    }

    private static float Weight(JsonNode? json) => json is null ? 1 : json is JsonValue v && v.TryGetValue(out double weight) ? (float)weight : throw new GraftException($"loss weight {json.ToJsonString()} is no number.");

    /// <summary>Keras 2 watches each metric of a plain list at every output, Keras 3 the first at the first output and so on.</summary>
    private static JsonNode?[] MetricsPerOutput(JsonNode? json, string[] names, bool isThree) =>
        json is JsonArray { Count: > 0 } list && !isThree && !list.Any(m => m is JsonArray) ? [.. names.Select(_ => json)] : PerOutput(json, names, "list of metrics", sharesOne: true);

    /// <summary>
    /// What is said of each output: by a list in the model's order, an object by the outputs' names, or one word for all. Of one output everything is said. Null where nothing is.
    /// </summary>
    private static JsonNode?[] PerOutput(JsonNode? json, string[] names, string what, bool sharesOne)
    {
        bool isOfNames = json is JsonObject { Count: > 0 } o && o.All(p => names.Contains(p.Key));
        if (json is null or JsonArray { Count: 0 } or JsonObject { Count: 0 })
            return new JsonNode?[names.Length];
        if (isOfNames)
            return Array.ConvertAll(names, n => ((JsonObject)json)[n]);
        if (json is JsonArray list && list.Count == names.Length && (names.Length > 1 || !sharesOne))
            return [.. list];
        if (names.Length == 1 || sharesOne)
            return [.. names.Select(_ => json)];
        throw new GraftException($"there are {names.Length} outputs ({string.Join(", ", names)}), and no {what} for each: {json.ToJsonString()}.");
    }

    private static Metric[] Metrics(IEnumerable<JsonNode> stored, KerasBuildContext context)
    {
        var metrics = new List<Metric>();
        foreach (JsonNode json in stored)
        {
            string name = KerasLosses.NameOf(json);
            try
            {
                var metric = Metric.Create(KerasLosses.MetricNameOf(json));
                if (metric is TopKMetric && (json as JsonObject)?["config"] is JsonObject config && config.Number(TopKMetric.Count) is { } k)
                    metric = Metric.TopK((int)k);
                if (metrics.TrueForAll(m => m.Name != metric.Name))
                    metrics.Add(metric);
            }
            catch (GraftException)
            {
                context.Notes.Add($"metric '{name}' is not known here and left out");
            }
        }
        return [.. metrics];
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
}
