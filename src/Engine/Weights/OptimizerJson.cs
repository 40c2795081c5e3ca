using System.Text.Json.Nodes;
using Graft.Training;

namespace Graft.Weights;

/// <summary>Optimizers as model files have them: class and attributes, under Keras's names where Keras has them.</summary>
internal static class OptimizerJson
{
    private const string Rate = "learning_rate", EpsilonOutsideRoot = "epsilon_outside_root", CorrectsEpsilon = "corrects_epsilon", SparesBiasesAndNorms = "spares_biases_and_norms";

    /// <summary>Writes what an optimizer was made with, and the rate that it has now.</summary>
    /// <exception cref="GraftException">It is, or has, code of the user's.</exception>
    public static JsonObject Write(Optimizer optimizer)
    {
        if (optimizer.GetType().Assembly != typeof(Optimizer).Assembly)
            throw new GraftException($"its optimizer is {optimizer.GetType().Name}, a class of the program that saved it");
        if (optimizer.LearningRateFactor is not null)
            throw new GraftException("its optimizer has a LearningRateFactor, a function of the program that saved it");
        var config = new JsonObject { [Rate] = ScheduleJson.Write(optimizer.Schedule), ["clipnorm"] = optimizer.ClipNorm, ["clipvalue"] = optimizer.ClipValue, ["global_clipnorm"] = optimizer.GlobalClipNorm };
        optimizer.WriteConfig(config);
        if (optimizer is RMSprop { EpsilonOutsideRoot: true } or Adagrad { EpsilonOutsideRoot: true })
            config[EpsilonOutsideRoot] = true;
        if (optimizer is Adam { CorrectsEpsilon: true })
            config[CorrectsEpsilon] = true;
        if (optimizer is AdamW { Decays: var decays } && decays != AdamW.Everything)
            config[SparesBiasesAndNorms] = decays == AdamW.AllButBiasesAndNorms ? true : throw new GraftException("its optimizer has its Decays, a function of the program that saved it");
        return new JsonObject { ["class"] = optimizer.Name, ["config"] = config };
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="GraftException">There is no such optimizer, or its numbers make none.</exception>
    public static Optimizer Read(JsonObject json)
    {
        var config = (JsonObject)json["config"]!;
        return Create((string)json["class"]!, ScheduleJson.Read(config[Rate]!), config) ?? throw new GraftException($"its optimizer is {json["class"]}, which this version has not");
    }

    /// <summary>An optimizer by its name and attributes, those that are left out as in Keras 3; null where there is none of that name.</summary>
    public static Optimizer? Create(string name, LearningRateSchedule rate, JsonObject c)
    {
        float epsilon = c.Number("epsilon", 1e-7f), beta1 = c.Number("beta_1", 0.9f), beta2 = c.Number("beta_2", 0.999f), momentum = c.Number("momentum", 0);
        float? norm = c.Number("clipnorm"), value = c.Number("clipvalue"), all = c.Number("global_clipnorm");
        bool isOutside = c.Flag(EpsilonOutsideRoot), corrects = c.Flag(CorrectsEpsilon);
        return name switch
        {
            "sgd" => new Sgd(rate, momentum, c.Flag("nesterov")) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = all },
            "rmsprop" => new RMSprop(rate, c.Number("rho", 0.9f), momentum, epsilon, c.Flag("centered")) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = all, EpsilonOutsideRoot = isOutside },
            "adam" => new Adam(rate, beta1, beta2, epsilon, c.Flag("amsgrad")) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = all, CorrectsEpsilon = corrects },
            "adamw" => new AdamW(rate, c.Number("weight_decay", 0.004f), beta1, beta2, epsilon, c.Flag("amsgrad"))
            {
                ClipNorm = norm, ClipValue = value, GlobalClipNorm = all, CorrectsEpsilon = corrects, Decays = c.Flag(SparesBiasesAndNorms) ? AdamW.AllButBiasesAndNorms : AdamW.Everything,
            },
            "adamax" => new Adamax(rate, beta1, beta2, epsilon) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = all },
            "nadam" => new Nadam(rate, beta1, beta2, epsilon) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = all },
            "adagrad" => new Adagrad(rate, c.Number("initial_accumulator_value", 0.1f), epsilon) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = all, EpsilonOutsideRoot = isOutside },
            "adadelta" => new Adadelta(rate, c.Number("rho", 0.95f), epsilon) { ClipNorm = norm, ClipValue = value, GlobalClipNorm = all },
            _ => null,
        };
    }
}
