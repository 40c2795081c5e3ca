using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Importers.Hdf5;
using Graft.Importers.Keras.Training;
using Graft.Layers;
using Graft.Training;

namespace Graft.Importers.Keras.Export;

/// <summary>An optimizer as Keras writes it: its object, and what it remembers of the weights.</summary>
/// <remarks>
/// Keras 2: the step counter, then the first slot of every trained weight, then the second of every one. Keras 3: counter, rate, then the slots that are made
/// together weight by weight. Weights of frozen layers have none.
/// </remarks>
internal sealed class KerasOptimizerWriter
{
    private readonly KerasDialect _dialect;
    private readonly Model _model;
    private readonly Optimizer _optimizer;
    private readonly JsonObject _own = [];

    /// <summary>An optimizer of a model.</summary>
    /// <exception cref="GraftException">That generation of Keras has no such optimizer.</exception>
    public KerasOptimizerWriter(KerasDialect dialect, Model model, Optimizer optimizer)
    {
        (_dialect, _model, _optimizer) = (dialect, model, optimizer);
        optimizer.WriteConfig(_own);
        Check();
    }

    private string ClassName => _optimizer switch
    {
        Sgd => "SGD",
        RMSprop => "RMSprop",
        AdamW => "AdamW",
        _ => _optimizer.GetType().Name,
    };

    /// <summary>What Keras calls the optimizer itself where weights are named.</summary>
    private string Label => _optimizer is Sgd ? "SGD" : _optimizer.Name;

    /// <summary>What training feels of the form: rules that differ between the generations.</summary>
    public IEnumerable<string> Notes()
    {
        bool outside = _optimizer is RMSprop { EpsilonOutsideRoot: true } or Adagrad { EpsilonOutsideRoot: true }, either = _optimizer is RMSprop or Adagrad;
        if (either && outside == _dialect.IsThree)
            yield return $"{ClassName} adds epsilon {(outside ? "to the root" : "under the root")} here, Keras {_dialect.Generation} {(outside ? "under it" : "to it")}: training goes on with slightly other steps";
        if (_optimizer is Nadam && !_dialect.IsThree)
            yield return "Nadam follows Keras 3's schedule of momenta, Keras 2 has another: training goes on with slightly other steps";
        if (_optimizer is Adam { CorrectsEpsilon: true })
            yield return "Adam adds epsilon behind the correction here, as PyTorch does, and Keras before it: training goes on with slightly other steps";
    }

    /// <summary>The optimizer as class_name and config.</summary>
    public JsonObject Write()
    {
        JsonObject config = _dialect.IsThree ? ConfigOfThree() : ConfigOfTwo();
        if (!_dialect.IsArchive)
            return new JsonObject { ["class_name"] = ClassName, ["config"] = config };
        return new JsonObject { ["module"] = "keras.optimizers", ["class_name"] = ClassName, ["config"] = config, ["registered_name"] = null };
    }

    /// <summary>The variables with their names, in Keras's order.</summary>
    public IEnumerable<(string Name, Hdf5Array Array)> Variables()
    {
        long steps = _optimizer.Iterations;
        if (_dialect.IsThree)
        {
            yield return ($"{Label}/iteration", Hdf5Array.Of(checked((int)steps)));
            if (_optimizer.Schedule is ConstantRate)
                yield return ($"{Label}/learning_rate", Hdf5Array.Of(_optimizer.LearningRate));
        }
        else
        {
            yield return ($"{ClassName}/iterations:0", Hdf5Array.Of(steps));
            if (_optimizer is Nadam)
                yield return ($"{ClassName}/m_schedule:0", Hdf5Array.Of(ProductOfMomenta(0.004)));
        }
        foreach ((string Name, Hdf5Array Array) slot in Slots())
            yield return slot;
        if (_dialect.IsThree && _optimizer is Nadam)
            yield return ($"{Label}/variable", Hdf5Array.Of(ProductOfMomenta(1)));
    }

    private IEnumerable<(string Name, Hdf5Array Array)> Slots()
    {
        (Layer Outer, KerasWeight Weight)[] trained = [.. KerasOrder.Of(_model).SelectMany(l => KerasWeight.Of(_dialect, l).Where(w => w.IsTrained).Select(w => (l, w)))];
        string[] kinds = [.. _optimizer.SlotKinds];
        if (!_dialect.IsThree)
            return TwoSlots(trained, kinds);
        var names = new KerasNamedWeights(_dialect, _model);
        string[][] together = KerasSlots.MadeTogether(kinds);
        return together.SelectMany(kind => trained.SelectMany(t => kind.Select(k => ($"{Label}/{names.NameOf(t.Outer, t.Weight).Replace('/', '_')}_{k}", Slot(t.Weight, k)))));
    }

    private IEnumerable<(string Name, Hdf5Array Array)> TwoSlots((Layer Outer, KerasWeight Weight)[] trained, string[] kinds)
    {
        foreach (string kind in kinds)
        {
            for (int i = 0; i < trained.Length; i++)
                yield return (NameOfTwo(KerasSlots.NameInKeras2(_optimizer, kind), i), Slot(trained[i].Weight, kind));
        }
        for (int i = 0; i < trained.Length && _optimizer is Adam && kinds.Length == 2; i++) // without amsgrad Keras keeps a number in the place of each v-hat
            yield return (NameOfTwo("vhat", i), Hdf5Array.Of(new Shape(1), () => [0]));
    }

    private string NameOfTwo(string slot, int i) => string.Create(CultureInfo.InvariantCulture, $"training/{ClassName}/{slot}_{i}:0");

    private Hdf5Array Slot(KerasWeight weight, string kind)
    {
        Tensor? slot = _optimizer.Slots(weight.Parameter).FirstOrDefault(s => s.Name == kind).Slot;
        return weight.Array(() => slot?.ToArray() ?? [.. Enumerable.Repeat(_optimizer.FirstSlotValue, checked((int)weight.Parameter.Shape.Count))]);
    }

    // Keras keeps it; here it follows from the counter. Product over t of beta1 (1 - 0.96^(t exponent) / 2).
    private float ProductOfMomenta(double exponent)
    {
        double product = 1, beta = (float)_own["beta_1"]!;
        for (long t = 1; t <= _optimizer.Iterations; t++)
            product *= beta * (1 - 0.5 * Math.Pow(0.96, t * exponent));
        return (float)product;
    }

    private JsonObject ConfigOfThree()
    {
        var config = new JsonObject
        {
            ["name"] = Label, ["learning_rate"] = Rate(), ["weight_decay"] = _optimizer is AdamW ? KerasNumbers.Of((float)_own["weight_decay"]!) : null,
            ["clipnorm"] = Optional(_optimizer.ClipNorm), ["global_clipnorm"] = Optional(_optimizer.GlobalClipNorm), ["clipvalue"] = Optional(_optimizer.ClipValue),
            ["use_ema"] = false, ["ema_momentum"] = KerasNumbers.Of(0.99f), ["ema_overwrite_frequency"] = null, ["loss_scale_factor"] = null, ["gradient_accumulation_steps"] = null,
        };
        Own(config, "weight_decay");
        return config;
    }

    private JsonObject ConfigOfTwo()
    {
        var config = new JsonObject { ["learning_rate"] = KerasNumbers.Of(_optimizer.Schedule.At(0)) };
        Own(config, "weight_decay", _optimizer is Sgd ? "" : "momentum", "centered", "initial_accumulator_value");
        if (_optimizer is Nadam)
            config["schedule_decay"] = KerasNumbers.Of(0.004f);
        else
            config["decay"] = KerasNumbers.Of(Decay() ?? 0);
        if (_optimizer.GlobalClipNorm is { } norm) // one norm over all gradients is Keras 2's clipnorm
            config["clipnorm"] = KerasNumbers.Of(norm);
        if (_optimizer.ClipValue is { } value)
            config["clipvalue"] = KerasNumbers.Of(value);
        return config;
    }

    private void Own(JsonObject config, params ReadOnlySpan<string> without)
    {
        foreach ((string name, JsonNode? value) in _own)
        {
            if (!without.Contains(name))
                config[name] = value!.GetValueKind() is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False ? value.DeepClone() : KerasNumbers.Of((float)value);
        }
    }

    private static JsonNode? Optional(float? value) => value is { } v ? KerasNumbers.Of(v) : null;

    private JsonNode Rate()
    {
        if (_optimizer.Schedule is ConstantRate)
            return KerasNumbers.Of(_optimizer.LearningRate);
        (string kind, JsonObject config) = _optimizer.Schedule.InKeras!.Value;
        foreach (string name in config.Select(c => c.Key).ToArray())
        {
            if (config[name] is JsonValue value && value.TryGetValue(out float number))
                config[name] = KerasNumbers.Of(number);
        }
        config["name"] = kind;
        return new JsonObject { ["module"] = "keras.optimizers.schedules", ["class_name"] = kind, ["config"] = config, ["registered_name"] = null };
    }

    /// <summary>The "decay" of Keras 2 that a schedule is; null where it is none.</summary>
    private float? Decay() => _optimizer.Schedule is ConstantRate ? 0
        : _optimizer.Schedule.InKeras is ("InverseTimeDecay", var c) && (int)c["decay_steps"]! == 1 && !(bool)c["staircase"]! ? (float)c["decay_rate"]! : null;

    private void Check()
    {
        if (_optimizer.Schedule is not ConstantRate && _optimizer.Schedule.InKeras is null)
            throw new GraftException($"the learning rate follows {_optimizer.Schedule.GetType().Name}, which Keras has not");
        if (_dialect.IsThree)
            return;
        if (Decay() is null)
            throw new GraftException($"the learning rate follows {_optimizer.Schedule.GetType().Name}, which Keras 2 does not keep in its files");
        if (_optimizer is AdamW or RMSprop { SlotKinds.Count: > 1 } || (_optimizer is Adagrad && (float)_own["initial_accumulator_value"]! != 0))
            throw new GraftException($"{ClassName} as it is set here ({_own.ToJsonString()}) is not Keras 2's");
        if (_optimizer.ClipNorm is not null)
            throw new GraftException("each gradient's norm is clipped by itself, which Keras 2 cannot");
    }
}
