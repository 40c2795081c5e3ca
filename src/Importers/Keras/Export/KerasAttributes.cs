using System.Text.Json.Nodes;
using Graft.Importers.Keras.Architecture;
using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <summary>The attributes of one layer as Keras's get_config gives them, made of those that this engine's model file has.</summary>
internal sealed class KerasAttributes
{
    private readonly JsonObject _own = [];
    private readonly KerasLayerWriter _writer;

    public KerasAttributes(KerasLayerWriter writer, Layer layer)
    {
        (_writer, Layer) = (writer, layer);
        layer.WriteConfig(_own);
        Set("name", Dialect.NameOf(layer)).Set("trainable", layer.Trainable).Set("dtype", Dialect.IsThree ? Policy() : "float32");
    }

    /// <summary>The layer.</summary>
    public Layer Layer { get; }

    /// <summary>Whose words they are.</summary>
    public KerasDialect Dialect => _writer.Dialect;

    /// <summary>What was set.</summary>
    public JsonObject Json { get; } = [];

    /// <summary>Keras 3's "float32" as an attribute.</summary>
    public static JsonObject Policy() => new() { ["module"] = "keras", ["class_name"] = "DTypePolicy", ["config"] = new JsonObject { ["name"] = "float32" }, ["registered_name"] = null };

    /// <summary>Sets an attribute.</summary>
    public KerasAttributes Set(string name, JsonNode? value)
    {
        Json[name] = value;
        return this;
    }

    /// <summary>Sets an attribute that Keras 2 alone has.</summary>
    public KerasAttributes InTwo(string name, JsonNode? value) => Dialect.IsThree ? this : Set(name, value);

    /// <summary>Sets an attribute that Keras 3 alone has.</summary>
    public KerasAttributes InThree(string name, JsonNode? value) => Dialect.IsThree ? Set(name, value) : this;

    /// <summary>Sets attributes to null.</summary>
    public KerasAttributes None(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            Set(name, null);
        return this;
    }

    /// <summary>Takes whole numbers, truth values and lists of whole numbers over under their own names.</summary>
    public KerasAttributes Copy(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            Set(name, _own[name]?.DeepClone());
        return this;
    }

    /// <summary>Takes a number with a fraction over.</summary>
    public KerasAttributes Number(string name, string? own = null) => Set(name, _own[own ?? name] is { } value ? KerasNumbers.Of((float)value) : null);

    /// <summary>Takes a list of numbers with fractions over.</summary>
    public KerasAttributes Numbers(string name, string? own = null) => Set(name, _own[own ?? name] is JsonArray ? KerasNumbers.Of(Floats(own ?? name)) : null);

    /// <summary>A whole number of the model file.</summary>
    public int Whole(string own) => (int)_own[own]!;

    /// <summary>A truth value of the model file.</summary>
    public bool Flag(string own) => (bool)_own[own]!;

    /// <summary>A word of the model file.</summary>
    public string Text(string own) => (string)_own[own]!;

    /// <summary>True where the model file has it and it is not null.</summary>
    public bool Has(string own) => _own[own] is not null;

    /// <summary>Whole numbers of the model file.</summary>
    public int[] Wholes(string own) => [.. _own[own]!.AsArray().Select(v => (int)v!)];

    /// <summary>Numbers of the model file.</summary>
    public float[] Floats(string own) => [.. _own[own]!.AsArray().Select(v => (float)v!)];

    /// <summary>True for a border that was given side by side, which Keras's convolutions and pools do not have.</summary>
    public bool HasOwnBorder => _own["padding"] is JsonArray;

    /// <summary>What stands for such a border in Keras; null where nothing does.</summary>
    public Padding? Border => _writer.OwnBorders.WayOf(Layer);

    /// <summary>An activation by Keras's name.</summary>
    /// <exception cref="GraftException">That generation of Keras has none of that name.</exception>
    public KerasAttributes Activation(string name = "activation")
    {
        Activation activation = Enum.Parse<Activation>(Text(name));
        return Set(name, KerasActivations.NameOf(activation, Dialect.Generation) ?? throw Refuse($"{name} {activation}",
            Dialect.IsThree ? "which Keras 3 has not" : "which Keras 2 has not", $"Write it as {(Dialect.IsThree ? "keras-h5" : "keras")}, or take another activation"));
    }

    /// <summary>What the layer's new weights are filled with; files are not asked for it, and this engine does not keep it.</summary>
    public KerasAttributes Initializer(string name, string kind)
    {
        JsonObject config = kind switch
        {
            "GlorotUniform" when !Dialect.IsThree => new JsonObject { ["scale"] = KerasNumbers.Of(1), ["mode"] = "fan_avg", ["distribution"] = "uniform", ["seed"] = null },
            "GlorotUniform" => new JsonObject { ["seed"] = null },
            "Orthogonal" => new JsonObject { ["gain"] = KerasNumbers.Of(1), ["seed"] = null },
            "RandomUniform" => new JsonObject { ["minval"] = KerasNumbers.Of(-0.05f), ["maxval"] = KerasNumbers.Of(0.05f), ["seed"] = null },
            _ => [],
        };
        return Set(name, Object("keras.initializers", kind == "GlorotUniform" && !Dialect.IsThree ? "VarianceScaling" : kind, config));
    }

    /// <summary>Takes a regularizer over, or none.</summary>
    public KerasAttributes Regularizer(string name, string? own = null)
    {
        if (_own[own ?? name] is not { } regularizer)
            return None(name);
        float l1 = (float)regularizer["l1"]!, l2 = (float)regularizer["l2"]!;
        return Set(name, Dialect.IsThree && l1 == 0 ? Object("keras.regularizers", "L2", new JsonObject { ["l2"] = KerasNumbers.Of(l2) })
            : Dialect.IsThree && l2 == 0 ? Object("keras.regularizers", "L1", new JsonObject { ["l1"] = KerasNumbers.Of(l1) })
            : Object("keras.regularizers", "L1L2", new JsonObject { ["l1"] = KerasNumbers.Of(l1), ["l2"] = KerasNumbers.Of(l2) }));
    }

    /// <summary>A layer inside this one.</summary>
    public KerasAttributes Inner(string name, Layer inner) => Set(name, _writer.Inside(inner));

    /// <summary>Several layers inside this one.</summary>
    public JsonArray Inners(IEnumerable<Layer> inner) => new([.. inner.Select(l => (JsonNode)_writer.Inside(l))]);

    /// <summary>An object of Keras.</summary>
    public JsonObject Object(string module, string className, JsonObject config) => Dialect.IsThree
        ? new JsonObject { ["module"] = module, ["class_name"] = className, ["config"] = config, ["registered_name"] = null } : new JsonObject { ["class_name"] = className, ["config"] = config };

    /// <summary>An error that names the layer and what it has.</summary>
    public GraftException Refuse(string what, string reason, string mend) => _writer.Refuse(Layer, $"has {what}, {reason}", mend);
}
