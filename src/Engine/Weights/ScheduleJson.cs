using System.Text.Json.Nodes;
using Graft.Training;

namespace Graft.Weights;

/// <summary>Learning rates as model files have them: a number, or class and attributes of a schedule, under Keras's names where Keras has it.</summary>
internal static class ScheduleJson
{
    /// <summary>Writes a learning rate.</summary>
    /// <exception cref="GraftException">It follows a class of the user's.</exception>
    public static JsonNode Write(LearningRateSchedule schedule)
    {
        if (schedule is ConstantRate)
            return schedule.At(0);
        return schedule.InFile is (string kind, JsonObject config) ? new JsonObject { ["class"] = kind, ["config"] = config }
            : throw new GraftException($"its learning rate follows {schedule.GetType().Name}, a class of the program that saved it");
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="GraftException">There is no such schedule, or its numbers make none.</exception>
    public static LearningRateSchedule Read(JsonNode json)
    {
        if (json is not JsonObject o)
            return (float)json;
        var c = (JsonObject)o["config"]!;
        return (string)o["class"]! switch
        {
            nameof(OneCycle) => new OneCycle((float)c["maximum_rate"]!, (int)c["total_steps"]!, (float)c["rise_share"]!, (float)c["divisor"]!, (float)c["final_divisor"]!),
            nameof(WarmUp) => new WarmUp(Read(c["then"]!), (int)c["steps"]!, (float)c["initial_rate"]!),
            { } kind => Create(kind, c) ?? throw new GraftException($"its learning rate follows {kind}, which this version has not"),
        };
    }

    /// <summary>A schedule of Keras by its class and attributes; null where there is no such class here.</summary>
    public static LearningRateSchedule? Create(string kind, JsonObject c)
    {
        float rate = c.Number("initial_learning_rate", 0);
        int steps = (int)c.Number("decay_steps", 1);
        return kind switch
        {
            "ExponentialDecay" => new ExponentialDecay(rate, steps, c.Number("decay_rate", 0), c.Flag("staircase")),
            "InverseTimeDecay" => new InverseTimeDecay(rate, steps, c.Number("decay_rate", 0), c.Flag("staircase")),
            "CosineDecay" => new CosineDecay(rate, steps, c.Number("alpha", 0), c.Number("warmup_target"), (int)c.Number("warmup_steps", 0)),
            "PolynomialDecay" when !c.Flag("cycle") => new PolynomialDecay(rate, steps, c.Number("end_learning_rate", 1e-4f), c.Number("power", 1)),
            "PiecewiseConstantDecay" => new PiecewiseConstant(c["boundaries"]!.AsArray().Select(b => (long)(double)b!), c["values"]!.AsArray().Select(v => (float)v!)),
            _ => null,
        };
    }
}
