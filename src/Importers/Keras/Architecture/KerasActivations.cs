using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <summary>Activations by the names that Keras gives them.</summary>
internal static class KerasActivations
{
    private static readonly Dictionary<string, Activation> s_known = new()
    {
        ["linear"] = Activation.Linear, ["relu"] = Activation.ReLU, ["relu6"] = Activation.ReLU6, ["sigmoid"] = Activation.Sigmoid, ["tanh"] = Activation.Tanh,
        ["softmax"] = Activation.Softmax, ["softmax_v2"] = Activation.Softmax, ["log_softmax"] = Activation.LogSoftmax, ["gelu"] = Activation.Gelu, ["silu"] = Activation.SiLU,
        ["swish"] = Activation.SiLU, ["elu"] = Activation.ELU, ["softplus"] = Activation.Softplus, ["softsign"] = Activation.Softsign, ["selu"] = Activation.SELU,
        ["exponential"] = Activation.Exponential, ["leaky_relu"] = Activation.LeakyReLU, ["mish"] = Activation.Mish, ["hard_silu"] = Activation.HardSiLU, ["hard_swish"] = Activation.HardSiLU,
        ["hard_tanh"] = Activation.HardTanh, ["log_sigmoid"] = Activation.LogSigmoid, ["tanh_shrink"] = Activation.TanhShrink, ["soft_shrink"] = Activation.SoftShrink,
        ["hard_shrink"] = Activation.HardShrink, ["squareplus"] = Activation.SquarePlus, ["sparse_plus"] = Activation.SparsePlus, ["sparse_sigmoid"] = Activation.SparseSigmoid,
        ["celu"] = Activation.CELU, ["sparsemax"] = Activation.Sparsemax, ["glu"] = Activation.GLU,
    };

    // What tf.keras names; the one generation of Keras 2 that is older knows those up to linear. Others can be had there as layers alone, or not at all.
    private static readonly string[] s_ofKeras2 =
        ["softmax", "elu", "selu", "softplus", "softsign", "relu", "tanh", "sigmoid", "exponential", "linear", "gelu", "swish", "mish"];

    /// <summary>The name that a generation of Keras has for an activation; null where it has none.</summary>
    public static string? NameOf(Activation activation, int generation)
    {
        if (activation is Activation.HardSigmoid or Activation.HardSigmoidKeras2)
            return activation == Activation.HardSigmoid == (generation >= 3) ? "hard_sigmoid" : null;
        string? name = activation == Activation.SiLU && generation < 3 ? "swish" : s_known.FirstOrDefault(k => k.Value == activation).Key;
        return generation >= 3 || s_ofKeras2.Contains(name) ? name : null;
    }

    /// <summary>The activation, or null where it is a layer.</summary>
    /// <exception cref="GraftException">It is not known.</exception>
    public static Activation? Of(KerasLayerConfig config, string attribute, JsonNode json)
    {
        if (NameOf(json) is not { } name)
            return null;
        if (name == "hard_sigmoid")
            return HardSigmoid(config);
        return s_known.TryGetValue(name, out Activation known) ? known : throw config.Refuse(attribute, "is no activation that is known here",
            $"Known are hard_sigmoid, {string.Join(", ", s_known.Keys)}; register a layer of your own for the class {config.ClassName} (KerasImport.Register)");
    }

    /// <summary>An activation that is a layer object: LeakyReLU with a slope, ReLU with a limit.</summary>
    public static Layer LayerOf(KerasLayerConfig config, string attribute)
    {
        KerasLayerConfig inner = config.Inner(attribute);
        Layer layer = KerasLayers.Create(inner, config.Registered) ?? throw config.Refuse(attribute, $"is a layer of class {inner.ClassName}, which is not known here", "Register it (KerasImport.Register)");
        inner.CheckAllRead();
        return layer;
    }

    // A name; {"class_name": "function", "config": "relu6", "registered_name": ..} of Keras 3; an object {"class_name": "swish"} of Keras 2; null for a layer.
    private static string? NameOf(JsonNode json)
    {
        if (json is JsonValue value && value.GetValueKind() == JsonValueKind.String)
        {
            string text = (string)value!;
            return text[(text.LastIndexOf('>') + 1)..];
        }
        if (json is not JsonObject o)
            return json.ToJsonString();
        string kind = KerasSpecReader.ClassOf(o);
        return o["config"] switch
        {
            JsonValue name => name.ToString(),
            JsonObject { Count: > 0 } => null,
            _ => s_known.ContainsKey(kind.ToLowerInvariant()) && kind.Length > 0 && char.IsLower(kind[0]) ? kind : null,
        };
    }

    // Keras 3 has relu6(x + 3) / 6; before, it was 0.2 x + 0.5 between 0 and 1.
    private static Activation HardSigmoid(KerasLayerConfig config) => config.Generation >= 3 ? Activation.HardSigmoid : Activation.HardSigmoidKeras2;
}
