using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Importers.Keras.Architecture;
using Graft.Training;
using Graft.Weights;

namespace Graft.Importers.Keras.Training;

/// <summary>Optimizers and learning rates by the objects of Keras, with the rules of the version that wrote them.</summary>
/// <remarks>
/// Keras 2 (before 2.11) adds epsilon to the root in RMSprop and Adagrad, and clips the norm of all gradients together where it is not TensorFlow's; Keras 2.11 and
/// later follow the rules of Keras 3. Nadam's schedule of momenta is that of Keras 3 for all files.
/// </remarks>
internal static class KerasOptimizers
{
    private static readonly string[] s_notBuilt = ["use_ema", "loss_scale_factor", "gradient_accumulation_steps", "dynamic"];

    /// <summary>The optimizer.</summary>
    /// <exception cref="GraftException">Its class, or something that it is set to, is not built here.</exception>
    public static Optimizer Create(JsonNode json, string? version, KerasBuildContext context)
    {
        if (json is not JsonObject o)
            return Optimizer.Create(json.ToString());
        string kind = KerasSpecReader.ClassOf(o).Split('.')[^1];
        JsonObject c = o["config"] as JsonObject ?? [];
        foreach (string attribute in s_notBuilt)
        {
            if (c[attribute] is JsonValue v && v.GetValueKind() is not (JsonValueKind.False or JsonValueKind.Null))
                throw new GraftException($"the optimizer {kind} is set to {attribute} = {v}, which is not built here.");
        }
        bool isNew = KerasGenerations.IsFrom(version, 2, 11), isTensorFlow = isNew || KerasGenerations.IsFrom(version, 2, 4) || (version ?? "").EndsWith("-tf", StringComparison.Ordinal);
        LearningRateSchedule rate = Rate(c["learning_rate"] ?? c["lr"], c.Number("decay", 0), kind);
        float decay = c.Number("weight_decay", 0);
        if (decay != 0 && kind is not ("Adam" or "AdamW"))
            throw new GraftException($"the optimizer {kind} is set to weight_decay = {decay}, which is built here for Adam alone.");
        if (kind == "Nadam" && !isNew)
            context.Notes.Add("Nadam follows Keras 3's schedule of momenta, Keras 2 had another: training goes on with slightly other steps");
        var own = (JsonObject)c.DeepClone();
        if (!isTensorFlow && c.Number("clipnorm") is { } norm) // Keras 2 of its own: one norm over all gradients
            (own["clipnorm"], own["global_clipnorm"]) = (null, c.Number("global_clipnorm") ?? norm);
        own["weight_decay"] = decay; // none where it is left out
        own["initial_accumulator_value"] = c.Number("initial_accumulator_value", isTensorFlow ? 0.1f : 0);
        own["epsilon_outside_root"] = !isNew && (kind == "Adagrad" || (c.Number("momentum", 0) == 0 && !c.Flag("centered")));
        return OptimizerJson.Create(kind == "Adam" && decay != 0 ? "adamw" : kind.ToLowerInvariant(), rate, own)
            ?? throw new GraftException($"the optimizer {kind} is not built here; there are SGD, RMSprop, Adam, AdamW, Adamax, Nadam, Adagrad and Adadelta.");
    }

    private static LearningRateSchedule Rate(JsonNode? json, float decay, string optimizer)
    {
        if (json is JsonObject o && o["config"] is JsonObject c)
            return ScheduleJson.Create(KerasSpecReader.ClassOf(o), c) ?? throw new GraftException($"the learning rate follows {KerasSpecReader.ClassOf(o)}, which is not built here.");
        float rate = json is null ? throw new GraftException($"the optimizer {optimizer} has no learning rate.") : (float)(double)json;
        return decay == 0 ? rate : new InverseTimeDecay(rate, 1, decay);
    }
}
