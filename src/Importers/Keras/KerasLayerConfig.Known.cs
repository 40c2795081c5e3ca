using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Importers.Keras.Architecture;
using Graft.Layers;

namespace Graft.Importers.Keras;

/// <content>Attributes that many layers have.</content>
public sealed partial class KerasLayerConfig
{
    // What changes how a layer is made, named, stored or computed, but not what it computes once its weights are loaded.
    private static readonly string[] s_ofNoEffect =
    [
        "name", "trainable", "dtype", "batch_input_shape", "batch_shape", "batch_size", "input_dtype", "input_shape", "input_length", "input_dim", "sparse", "ragged", "optional", "type_spec", "autocast",
        "build_input_shape", "module", "registered_name", "shared_object_id", "seed", "init", "weights", "implementation", "unroll", "time_major", "zero_output_for_mask", "use_gpu", "fused", "virtual_batch_size",
        "synchronized", "moving_mean_initializer", "moving_variance_initializer", "renorm_clipping", "renorm_momentum", "quantization_config", "experimental_autocast", "supports_masking", "rbf", "use_cudnn", "flash_attention",
    ];

    private static readonly string[] s_endings = ["_initializer", "_init"];

    /// <summary>Refuses what nobody asked for, where it is not null, false or of no effect.</summary>
    /// <exception cref="GraftException">There is such an attribute: it is named.</exception>
    internal void CheckAllRead()
    {
        foreach ((string attribute, JsonNode? value) in _config)
        {
            bool isNothing = value is null || value.GetValueKind() == JsonValueKind.False || value is JsonArray { Count: 0 } or JsonObject { Count: 0 };
            if (!isNothing && !_read.Contains(attribute) && !s_ofNoEffect.Contains(attribute) && !Array.Exists(s_endings, e => attribute.EndsWith(e, StringComparison.Ordinal)))
                throw Refuse(attribute, "is not known for this class", "If it matters, register a layer of your own for the class (KerasImport.Register); if not, take it out of the file's config");
        }
    }

    /// <summary>Adds what the layer has that training alone feels, and that is not kept here.</summary>
    internal IEnumerable<string> TrainingNotes()
    {
        foreach ((string attribute, JsonNode? value) in _config)
        {
            if (value is not null && (attribute.EndsWith("_constraint", StringComparison.Ordinal) || attribute.EndsWith("_regularizer", StringComparison.Ordinal)) && !_regularized.Contains(attribute))
            {
                _read.Add(attribute);
                yield return $"layer '{Name}' ({ClassName}): {attribute} = {Shown(value)} is felt in training alone, and is not kept";
            }
        }
    }

    private readonly HashSet<string> _regularized = [];

    /// <summary>A regularizer by Keras's config, or null.</summary>
    /// <exception cref="GraftException">It is of a class that is not known.</exception>
    public Regularizer? Regularizer(string attribute)
    {
        JsonNode? json = Raw(attribute);
        _regularized.Add(attribute);
        if (json is null)
            return null;
        string name = json is JsonObject o ? KerasSpecReader.ClassOf(o) : json.ToString();
        JsonObject config = (json as JsonObject)?["config"] as JsonObject ?? json as JsonObject ?? []; // Keras 1 has {"name": "WeightRegularizer", "l1": ..}
        float Factor(string of, float missing) => config[of] is { } value ? NumberOf(value) ?? throw Wrong(attribute, json, $"a number as {of}") : missing;
        return name.ToUpperInvariant() switch
        {
            "L1" => Graft.Layers.Regularizer.L1(Factor("l1", 0.01f)),
            "L2" => Graft.Layers.Regularizer.L2(Factor("l2", 0.01f)),
            "L1L2" or "L1_L2" or "" => Graft.Layers.Regularizer.L1L2(Factor("l1", 0), Factor("l2", 0)),
            _ => NoRegularizer(attribute),
        };
    }

    // A regularizer of another kind is felt in training alone: it is noted, not refused.
    private Regularizer? NoRegularizer(string attribute)
    {
        _regularized.Remove(attribute);
        return null;
    }

    /// <summary>Border by Keras's word: "valid", "same" or "causal".</summary>
    /// <exception cref="GraftException">It is another word.</exception>
    public Padding Padding(string attribute = "padding") => Text(attribute, "valid").ToUpperInvariant() switch
    {
        "VALID" => Graft.Layers.Padding.Valid,
        "SAME" => Graft.Layers.Padding.Same,
        "CAUSAL" => Graft.Layers.Padding.Causal,
        _ => throw Refuse(attribute, "is none of 'valid', 'same' and 'causal'", "Other borders can be had by a ZeroPadding layer in front"),
    };

    /// <summary>An activation by Keras's name; one that is no fused one becomes a layer behind this one.</summary>
    /// <exception cref="GraftException">It is not known.</exception>
    public Activation Activation(string attribute = "activation")
    {
        JsonNode? json = Raw(attribute);
        if (json is null)
            return Graft.Layers.Activation.Linear;
        // over the last axis: in a layer with channels first, the last axis is not the channels, which a fused one would take
        if (ChannelsFirst && json is JsonValue && json.ToString() is "softmax" or "log_softmax" or "sparsemax" or "glu")
        {
            Behind = new ActivationLayer(KerasActivations.Of(this, attribute, json) ?? Graft.Layers.Activation.Linear);
            return Graft.Layers.Activation.Linear;
        }
        if (KerasActivations.Of(this, attribute, json) is { } fused)
        {
            if (fused != Graft.Layers.Activation.GLU || ClassName == "Activation")
                return fused;
            Behind = new ActivationLayer(fused); // halves the features, which no layer's own shape says
            return Graft.Layers.Activation.Linear;
        }
        Behind = KerasActivations.LayerOf(this, attribute);
        return Graft.Layers.Activation.Linear;
    }

    private void TakeDataFormat()
    {
        string format = _config["data_format"] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? (string)value! : "channels_last";
        _read.Add("data_format");
        ChannelsFirst = format switch
        {
            "channels_last" or "default" or "tf" => false,
            "channels_first" or "th" => true,
            _ => throw Refuse("data_format", "is neither 'channels_last' nor 'channels_first'", "The file is damaged"),
        };
    }
}
