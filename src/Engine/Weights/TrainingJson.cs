using System.Text.Json.Nodes;
using Graft.Training;

namespace Graft.Weights;

/// <summary>What a model was compiled with, as model files have it: optimizer, and loss, weight and metrics of each output. Code of the user's is not in a file.</summary>
internal static class TrainingJson
{
    private const string NotKept = "not_kept";

    /// <summary>Writes what a model was compiled with, or why that cannot be; null where it is not compiled.</summary>
    public static JsonObject? Write(Model model)
    {
        if (model.Optimizer is not { } optimizer)
            return null;
        try
        {
            return new JsonObject { ["optimizer"] = OptimizerJson.Write(optimizer), ["losses"] = new JsonArray([.. model.Losses.Select(Write)]) };
        }
        catch (GraftException e)
        {
            return new JsonObject { [NotKept] = e.Message };
        }
    }

    /// <summary>Compiles a model as it was, and gives the optimizer back what it remembered. Where that cannot be, the model keeps the reason, and says it when it is asked to train.</summary>
    /// <param name="model">The model, with its weights.</param>
    /// <param name="training">What <see cref="Write(Model)"/> wrote; null where it was not compiled, or the file is older than that.</param>
    /// <param name="state">What <see cref="Optimizer.ExportState"/> gave.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="GraftException">What the optimizer remembered is not of this model.</exception>
    public static void Compile(Model model, JsonObject? training, IReadOnlyList<(string Name, float[] Values)> state, string path)
    {
        if (training is null && state.Count == 0)
            return;
        try
        {
            if (training is null)
                throw new GraftException("it is of an earlier version, which kept no optimizer, loss and metrics");
            if (training[NotKept] is { } reason)
                throw new GraftException((string)reason!);
            model.Compile(OptimizerJson.Read((JsonObject)training["optimizer"]!), [.. training["losses"]!.AsArray().Select(l => Read((JsonObject)l!))]);
        }
        catch (GraftException e)
        {
            model.WhyNotCompiled = $"{path} cannot say how: {e.Message}. After Compile, ModelFile.Restore(model, path) brings back what the optimizer remembered.";
            return;
        }
        model.Optimizer!.ImportState(model, state);
    }

    private static JsonNode Write(OutputLoss output) => new JsonObject
    {
        ["loss"] = Write(output.Loss), ["weight"] = output.Weight, ["metrics"] = new JsonArray([.. output.Metrics.Select(m => m.InFile ?? throw new GraftException($"its metric '{m.Name}' is {m.GetType().Name}, a class of the program that saved it"))]),
    };

    private static OutputLoss Read(JsonObject json) => new(ReadLoss((JsonObject)json["loss"]!), (float)json["weight"]!, [.. json["metrics"]!.AsArray().Select(m => ReadMetric(m!))]);

    private static JsonObject Write(Loss loss) => loss.Kind == LossKind.Custom ? throw new GraftException($"its loss '{loss.Name}' is a function of the program that saved it")
        : new JsonObject { ["name"] = loss.Name, ["from_logits"] = loss.FromLogits, ["label_smoothing"] = loss.LabelSmoothing, ["delta"] = loss.Delta, ["ignore_class"] = loss.IgnoredClass };

    private static Loss ReadLoss(JsonObject json) =>
        Loss.Create((string)json["name"]!, (bool)json["from_logits"]!, (float)json["label_smoothing"]!, json.Number("delta"), (int?)json["ignore_class"]);

    private static Metric ReadMetric(JsonNode json) => json is JsonObject o ? Metric.TopK((int)o[TopKMetric.Count]!) : Metric.Create((string)json!);
}
