using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Adapters;

namespace Graft.Importers.HuggingFace;

/// <summary>adapter_config.json of PEFT's LoRA.</summary>
/// <remarks>
/// Source: huggingface/peft, config.py and tuners/lora/config.py. What decides over the numbers is read; what says how the adapter was made or run is
/// passed over; all else that is set is refused by name, since a model without it would compute something else.
/// </remarks>
internal static class PeftConfig
{
    // How it was made, which library made it, how it is run: nothing that the numbers depend on once there are weights.
    private static readonly HashSet<string> Harmless =
    [
        "auto_mapping", "revision", "peft_version", "inference_mode", "fan_in_fan_out", "megatron_core", "qalora_group_size", "runtime_config", "loftq_config", "eva_config", "corda_config",
        "lora_ga_config", "ensure_weight_tying", "merge_weights",
    ];

    private static readonly HashSet<string> Read =
    [
        "peft_type", "task_type", "base_model_name_or_path", "r", "lora_alpha", "lora_dropout", "use_rslora", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern",
        "rank_pattern", "alpha_pattern", "init_lora_weights", "bias",
    ];

    // These take a part out of the base's weights when they begin, so that the adapter fits that changed base alone.
    private static readonly string[] ChangesBase = ["pissa", "olora", "corda", "loftq", "lora_ga"];

    private static readonly JsonSerializerOptions Layout = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    /// <summary>Reads a file.</summary>
    /// <exception cref="GraftException">It is missing, damaged, of something else than LoRA, or sets what is not computed here.</exception>
    public static (LoraConfig Config, string? BaseModel, string? TaskType) Open(string path)
    {
        try
        {
            JsonNode? json = JsonNode.Parse(File.ReadAllText(path));
            return Parse(json as JsonObject ?? throw new GraftException($"{path}: holds {json?.GetValueKind().ToString() ?? "nothing"}, an object is due."), path);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new GraftException($"{path}: is no adapter_config.json of PEFT ({e.Message.TrimEnd('.')}).", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>The file as PEFT writes it; settings of later versions that are at their default are left out, so that every version reads it.</summary>
    /// <param name="config">What was attached.</param>
    /// <param name="modules">The layers that have an adapter.</param>
    /// <param name="baseModel">base_model_name_or_path.</param>
    /// <param name="taskType">task_type.</param>
    public static string Write(LoraConfig config, IReadOnlyList<LoraModule> modules, string? baseModel, string? taskType)
    {
        bool takesAll = config.TargetPattern == LoraConfig.AllLinear || config.TargetModules is [LoraConfig.AllLinear];
        var json = new JsonObject
        {
            ["alpha_pattern"] = new JsonObject(config.AlphaPattern.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)Number(p.Value)))),
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = baseModel,
            ["bias"] = "none",
            ["fan_in_fan_out"] = modules.Any(m => m.IsConv1D),
            ["inference_mode"] = true,
            ["init_lora_weights"] = config.Initialization switch { LoraInitialization.Gaussian => "gaussian", LoraInitialization.Random => false, _ => true },
            ["layers_pattern"] = Names(config.LayersPattern),
            ["layers_to_transform"] = config.LayersToTransform.Count == 0 ? null : new JsonArray([.. config.LayersToTransform.Select(i => (JsonNode)i)]),
            ["lora_alpha"] = Number(config.Alpha),
            ["lora_dropout"] = config.Dropout,
            ["modules_to_save"] = null,
            ["peft_type"] = "LORA",
            ["r"] = config.Rank,
            ["rank_pattern"] = new JsonObject(config.RankPattern.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))),
            ["revision"] = null,
            ["target_modules"] = takesAll ? Names([.. modules.Select(m => m.Name)]) : config.TargetPattern ?? (JsonNode?)Names(config.TargetModules), // PEFT writes what the word stood for
            ["task_type"] = taskType,
        };
        if (config.ExcludePattern is not null || config.ExcludeModules.Count > 0)
            json["exclude_modules"] = config.ExcludePattern ?? (JsonNode?)Names(config.ExcludeModules);
        if (config.UseRsLora)
            json["use_rslora"] = true;
        return new JsonObject(json.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))).ToJsonString(Layout);
    }

    private static (LoraConfig, string?, string?) Parse(JsonObject json, string path)
    {
        if ((string?)json["peft_type"] is not "LORA")
            throw new GraftException($"{path}: has peft_type {json["peft_type"]?.ToJsonString() ?? "null"}; \"LORA\" is due, other methods of PEFT are not read.");
        if ((string?)json["bias"] is not (null or "none"))
            throw new GraftException($"{path}: sets bias to {json["bias"]!.ToJsonString()}, by which biases of the base learn too; \"none\" is what is read.");
        if (json["init_lora_weights"] is JsonValue start && start.GetValueKind() == JsonValueKind.String && ChangesBase.FirstOrDefault(c => ((string)start!).StartsWith(c, StringComparison.Ordinal)) is not null)
            throw new GraftException($"{path}: sets init_lora_weights to \"{(string)start!}\", which changes the weights of the base; save the adapter with path_initial_model_for_weight_conversion, which makes a plain one of it.");
        foreach ((string name, JsonNode? value) in json)
        {
            if (!Read.Contains(name) && !Harmless.Contains(name) && IsSet(value))
                throw new GraftException($"{path}: sets {name} to {value!.ToJsonString()}, which is not computed here; plain LoRA on linear layers is.");
        }
        return (Config(json, path), (string?)json["base_model_name_or_path"], (string?)json["task_type"]);
    }

    private static LoraConfig Config(JsonObject json, string path)
    {
        JsonNode targets = json["target_modules"] ?? throw new GraftException($"{path}: has no target_modules; it must say which layers are adapted, for GPT-2 [\"c_attn\"] if nothing else was chosen.");
        JsonNode? excluded = json["exclude_modules"];
        var standard = new LoraConfig();
        return new LoraConfig
        {
            Rank = (int?)json["r"] ?? standard.Rank,
            Alpha = (float?)json["lora_alpha"] ?? standard.Alpha,
            Dropout = (float?)json["lora_dropout"] ?? 0,
            UseRsLora = (bool?)json["use_rslora"] ?? false,
            TargetModules = targets is JsonArray ? Strings(targets) : [],
            TargetPattern = targets is JsonArray ? null : (string?)targets,
            ExcludeModules = excluded is JsonArray ? Strings(excluded) : [],
            ExcludePattern = excluded is JsonArray ? null : (string?)excluded,
            LayersToTransform = json["layers_to_transform"] switch { null => [], JsonArray many => [.. many.Select(i => (int)i!)], var one => [(int)one] },
            LayersPattern = json["layers_pattern"] switch { null => [], JsonArray many => Strings(many), var one => (string)one! is { Length: > 0 } pattern ? [pattern] : [] },
            RankPattern = Pattern(json["rank_pattern"], v => (int)v!),
            AlphaPattern = Pattern(json["alpha_pattern"], v => (float)v!),
            Initialization = json["init_lora_weights"]?.GetValueKind() switch
            {
                JsonValueKind.False => LoraInitialization.Random,
                JsonValueKind.String when (string?)json["init_lora_weights"] == "gaussian" => LoraInitialization.Gaussian,
                _ => LoraInitialization.Kaiming,
            },
        };
    }

    // In the order of the file: the first that fits counts.
    private static OrderedDictionary<string, T> Pattern<T>(JsonNode? json, Func<JsonNode?, T> value) =>
        new(json is null ? [] : json.AsObject().Select(p => KeyValuePair.Create(p.Key, value(p.Value))));

    private static string[] Strings(JsonNode json) => [.. json.AsArray().Select(n => (string)n!)];

    private static JsonArray? Names(IReadOnlyList<string> names) => names.Count == 0 ? null : new JsonArray([.. names.Select(n => (JsonNode)n)]);

    private static JsonValue Number(float value) => value == MathF.Truncate(value) && Math.Abs(value) < 1e9f ? JsonValue.Create((long)value) : JsonValue.Create(value);

    private static bool IsSet(JsonNode? value) => value switch
    {
        null => false,
        JsonArray list => list.Count > 0,
        JsonObject members => members.Count > 0,
        _ => value.GetValueKind() != JsonValueKind.False,
    };
}
