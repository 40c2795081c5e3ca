using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Importers.Keras.Architecture;
using Graft.Training;

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
        LearningRateSchedule rate = Rate(c["learning_rate"] ?? c["lr"], Number(c, "decay", 0), kind);
        float? norm = (float?)c["clipnorm"], value = (float?)c["clipvalue"], global = (float?)c["global_clipnorm"];
        if (!isTensorFlow) // Keras 2 of its own: one norm over all gradients
            (norm, global) = (null, global ?? norm);
        float decay = Number(c, "weight_decay", 0), epsilon = Number(c, "epsilon", 1e-7f), beta1 = Number(c, "beta_1", 0.9f), beta2 = Number(c, "beta_2", 0.999f), momentum = Number(c, "momentum", 0);
        if (decay != 0 && kind is not ("Adam" or "AdamW"))
            throw new GraftException($"the optimizer {kind} is set to weight_decay = {decay}, which is built here for Adam alone.");
        if (kind == "Nadam" && !isNew)
            context.Notes.Add("Nadam follows Keras 3's schedule of momenta, Keras 2 had another: training goes on with slightly other steps");
        return kind switch
        {
            "SGD" => new Sgd(rate, momentum, Flag(c, "nesterov")) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = global },
            "RMSprop" => new RMSprop(rate, Number(c, "rho", 0.9f), momentum, epsilon, Flag(c, "centered"))
            {
                ClipNorm = norm, ClipValue = value, GlobalClipNorm = global, EpsilonOutsideRoot = !isNew && momentum == 0 && !Flag(c, "centered"),
            },
            "Adam" when decay == 0 => new Adam(rate, beta1, beta2, epsilon, Flag(c, "amsgrad")) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = global },
            "Adam" or "AdamW" => new AdamW(rate, decay, beta1, beta2, epsilon, Flag(c, "amsgrad")) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = global },
            "Adamax" => new Adamax(rate, beta1, beta2, epsilon) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = global },
            "Nadam" => new Nadam(rate, beta1, beta2, epsilon) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = global },
            "Adagrad" => new Adagrad(rate, Number(c, "initial_accumulator_value", isTensorFlow ? 0.1f : 0), epsilon) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = global, EpsilonOutsideRoot = !isNew },
            "Adadelta" => new Adadelta(rate, Number(c, "rho", 0.95f), epsilon) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = global },
            _ => throw new GraftException($"the optimizer {kind} is not built here; there are SGD, RMSprop, Adam, AdamW, Adamax, Nadam, Adagrad and Adadelta."),
        };
    }

    private static LearningRateSchedule Rate(JsonNode? json, float decay, string optimizer)
    {
        if (json is JsonObject o && o["config"] is JsonObject c)
            return Schedule(KerasSpecReader.ClassOf(o), c);
        float rate = json is null ? throw new GraftException($"the optimizer {optimizer} has no learning rate.") : (float)(double)json;
        return decay == 0 ? rate : new InverseTimeDecay(rate, 1, decay);
    }

    private static LearningRateSchedule Schedule(string kind, JsonObject c)
    {
        float Rate(string name, float missing = 0) => Number(c, name, missing);
        int steps = (int)Rate("decay_steps", 1);
        return kind switch
        {
            "ExponentialDecay" => new ExponentialDecay(Rate("initial_learning_rate"), steps, Rate("decay_rate"), Flag(c, "staircase")),
            "InverseTimeDecay" => new InverseTimeDecay(Rate("initial_learning_rate"), steps, Rate("decay_rate"), Flag(c, "staircase")),
            "CosineDecay" => new CosineDecay(Rate("initial_learning_rate"), steps, Rate("alpha"), (float?)c["warmup_target"], (int)Rate("warmup_steps")),
            "PolynomialDecay" when !Flag(c, "cycle") => new PolynomialDecay(Rate("initial_learning_rate"), steps, Rate("end_learning_rate", 1e-4f), Rate("power", 1)),
            "PiecewiseConstantDecay" => new PiecewiseConstant(c["boundaries"]!.AsArray().Select(b => (long)(double)b!), c["values"]!.AsArray().Select(v => (float)(double)v!)),
            _ => throw new GraftException($"the learning rate follows {kind}, which is not built here."),
        };
    }

    private static float Number(JsonObject c, string name, float missing) => c[name] is JsonValue v && v.GetValueKind() == JsonValueKind.Number ? (float)(double)v : missing;

    private static bool Flag(JsonObject c, string name) => c[name] is JsonValue v && v.GetValueKind() == JsonValueKind.True;
}
