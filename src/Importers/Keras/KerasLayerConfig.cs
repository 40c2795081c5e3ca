using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Importers.Keras.Architecture;
using Graft.Layers;

namespace Graft.Importers.Keras;

/// <summary>A layer's attributes in a Keras file, as its get_config() gave them, in the words of Keras 2 and 3.</summary>
/// <remarks>
/// What a layer is made of is asked for by name; what nobody asked for and is no default is refused by <see cref="CheckAllRead"/>, so that no attribute is
/// passed over in silence.
/// </remarks>
public sealed partial class KerasLayerConfig
{
    private readonly JsonObject _config;
    private readonly HashSet<string> _read = [];

    internal KerasLayerConfig(string name, string className, JsonObject config, int generation, string source, string module = "")
    {
        (Name, ClassName, _config, Generation, Source, Module) = (name, className, config, generation, source, module);
        TakeDataFormat();
    }

    /// <summary>The layer's name in the file.</summary>
    public string Name { get; }

    /// <summary>The class, without the package it was registered under.</summary>
    public string ClassName { get; }

    /// <summary>Generation of Keras that wrote the file: 1, 2 or 3. Keras 1's attributes have been renamed to those of Keras 2.</summary>
    public int Generation { get; }

    /// <summary>Module that Keras 3 gives beside the class: "keras.layers"; empty in other files.</summary>
    public string Module { get; }

    /// <summary>The file, for errors.</summary>
    public string Source { get; }

    /// <summary>True where the layer reads and writes [N,C,..]. What is made for it works on [N,..,C]; the importer moves the axes.</summary>
    public bool ChannelsFirst { get; private set; }

    /// <summary>An activation that no fused one is: it becomes a layer behind this one.</summary>
    internal Layer? Behind { get; private set; }

    /// <summary>Layers that stand in for others, for what a wrapper wraps.</summary>
    internal IReadOnlyDictionary<string, Func<KerasLayerConfig, Layer>>? Registered { get; set; }

    /// <summary>What the layer is called with at its first use.</summary>
    internal KerasCall? Call { get; set; }

    /// <summary>True where the layer is called with that argument set to true.</summary>
    public bool CalledWith(string argument) => Call?.Named.GetValueOrDefault(argument) is JsonValue value && value.GetValueKind() == JsonValueKind.True;

    /// <summary>Names of all attributes that the file has.</summary>
    internal IEnumerable<string> Attributes => _config.Select(p => p.Key);

    /// <summary>True where the layer trains.</summary>
    public bool IsTrainable => Raw("trainable") is not JsonValue value || value.GetValueKind() != JsonValueKind.False;

    /// <summary>True where the attribute is there and not null.</summary>
    public bool Has(string attribute) => Raw(attribute) is not null;

    /// <summary>The attribute as JSON; null where it is absent or null.</summary>
    public JsonNode? Json(string attribute) => Raw(attribute);

    /// <summary>A whole number.</summary>
    /// <exception cref="GraftException">It is missing without a default, or no whole number.</exception>
    public int Integer(string attribute, int? missing = null) => Raw(attribute) switch
    {
        null => missing ?? throw Missing(attribute),
        JsonValue v when v.GetValueKind() == JsonValueKind.Number && (double)v is var d && d == Math.Floor(d) && Math.Abs(d) <= int.MaxValue => (int)d,
        JsonArray { Count: 1 } a when a[0] is JsonValue v && v.GetValueKind() == JsonValueKind.Number => (int)(double)v,
        { } other => throw Wrong(attribute, other, "a whole number"),
    };

    /// <summary>A number; "Infinity", "-Infinity" and "NaN" are numbers too.</summary>
    /// <exception cref="GraftException">It is missing without a default, or no number.</exception>
    public float Number(string attribute, float? missing = null) => Raw(attribute) is { } value ? NumberOf(value) ?? throw Wrong(attribute, value, "a number") : missing ?? throw Missing(attribute);

    /// <summary>A number, or null where it is absent.</summary>
    public float? NumberOrNull(string attribute) => Raw(attribute) is { } value ? NumberOf(value) ?? throw Wrong(attribute, value, "a number") : null;

    /// <summary>True or false.</summary>
    /// <exception cref="GraftException">It is missing without a default, or neither.</exception>
    public bool Flag(string attribute, bool? missing = null) => Raw(attribute) switch
    {
        null => missing ?? throw Missing(attribute),
        JsonValue v when v.GetValueKind() is JsonValueKind.True or JsonValueKind.False => (bool)v,
        JsonValue v when v.GetValueKind() == JsonValueKind.Number && (double)v is 0 or 1 => (double)v == 1,
        { } other => throw Wrong(attribute, other, "true or false"),
    };

    /// <summary>A text.</summary>
    /// <exception cref="GraftException">It is missing without a default, or no text.</exception>
    public string Text(string attribute, string? missing = null) => Raw(attribute) switch
    {
        null => missing ?? throw Missing(attribute),
        JsonValue v when v.GetValueKind() == JsonValueKind.String => (string)v!,
        { } other => throw Wrong(attribute, other, "a text"),
    };

    /// <summary>Whole numbers: a list, or one.</summary>
    /// <exception cref="GraftException">It is missing, or holds something else.</exception>
    public int[] Integers(string attribute, int[]? missing = null) => Raw(attribute) switch
    {
        null => missing ?? throw Missing(attribute),
        { } value => IntegersOf(value) ?? throw Wrong(attribute, value, "whole numbers"),
    };

    /// <summary>Whole numbers, null where the file leaves one open.</summary>
    /// <exception cref="GraftException">It is no list of them.</exception>
    public int?[] IntegersOrNone(string attribute) => Raw(attribute) is { } value
        ? (value is JsonObject o && o["items"] is JsonArray items ? items : value) is JsonArray a && a.All(i => i is null || i.GetValueKind() == JsonValueKind.Number) ? [.. a.Select(i => (int?)i)] : throw Wrong(attribute, value, "whole numbers")
        : throw Missing(attribute);

    /// <summary>Numbers, row-major: one, a list, or lists of lists.</summary>
    /// <exception cref="GraftException">It is missing, or holds something else.</exception>
    public float[] Numbers(string attribute)
    {
        JsonNode value = Raw(attribute) ?? throw Missing(attribute);
        IEnumerable<float> Flat(JsonNode? node) => node switch
        {
            JsonArray a => a.SelectMany(Flat),
            JsonObject o when (o["value"] ?? (o["config"] as JsonObject)?["value"] ?? o["items"]) is { } inner => Flat(inner), // numpy's arrays and tuples
            { } number => [NumberOf(number) ?? throw Wrong(attribute, value, "numbers")],
            null => throw Wrong(attribute, value, "numbers"),
        };
        return [.. Flat(value)];
    }

    /// <summary>As many whole numbers as a layer has spatial axes: a list of them, or one for all.</summary>
    /// <exception cref="GraftException">It is missing, or of another length.</exception>
    public int[] Extents(string attribute, int rank, int[]? missing = null)
    {
        int[] values = Integers(attribute, missing);
        return values.Length == rank ? values : values.Length == 1 ? [.. Enumerable.Repeat(values[0], rank)] : throw Wrong(attribute, Raw(attribute), $"{rank} whole numbers, or one");
    }

    /// <summary>Two whole numbers, rows and columns.</summary>
    public (int Height, int Width) Pair(string attribute, (int Height, int Width)? missing = null)
    {
        int[] values = Extents(attribute, 2, missing is { } m ? [m.Height, m.Width] : null);
        return (values[0], values[1]);
    }

    /// <summary>Numbers before and behind each spatial axis: 1, [1,2] (before and behind of one axis, else the same on both sides of each), or [[1,2],[3,4]].</summary>
    /// <exception cref="GraftException">It is none of these.</exception>
    public (int Before, int Behind)[] Borders(string attribute, int rank)
    {
        JsonNode value = Raw(attribute) ?? throw Missing(attribute);
        if (value is JsonArray a && a.Count == rank && a.All(i => i is JsonArray { Count: 2 }))
            return [.. a.Select(i => ((int)i![0]!, (int)i[1]!))];
        if (value is JsonArray { Count: 4 } keras1 && rank == 2 && IntegersOf(keras1) is { } four) // top, bottom, left, right
            return [(four[0], four[1]), (four[2], four[3])];
        int[] numbers = IntegersOf(value) ?? throw Wrong(attribute, value, "whole numbers, or pairs of them");
        if (rank == 1)
            return numbers.Length <= 2 ? [(numbers[0], numbers[^1])] : throw Wrong(attribute, value, "one or two whole numbers");
        return numbers.Length == rank ? [.. numbers.Select(n => (n, n))] : numbers.Length == 1 ? [.. Enumerable.Repeat((numbers[0], numbers[0]), rank)]
            : throw Wrong(attribute, value, $"{rank} whole numbers or pairs");
    }

    /// <summary>Says that an attribute is looked at, whatever it is: it does not change what is computed here.</summary>
    public void Ignore(params ReadOnlySpan<string> attributes)
    {
        foreach (string attribute in attributes)
            _read.Add(attribute);
    }

    /// <summary>A layer of another class inside this one's attributes: what a wrapper wraps.</summary>
    /// <exception cref="GraftException">There is none.</exception>
    public KerasLayerConfig Inner(string attribute) => InnerOf(attribute, Raw(attribute));

    /// <summary>Several layers inside this one's attributes: the cells of a stack.</summary>
    /// <exception cref="GraftException">There are none.</exception>
    public IReadOnlyList<KerasLayerConfig> Inners(string attribute) => Raw(attribute) is JsonArray list ? [.. list.Select(l => InnerOf(attribute, l))] : throw Wrong(attribute, Raw(attribute), "a list of layers");

    private KerasLayerConfig InnerOf(string attribute, JsonNode? value)
    {
        if (value is not JsonObject json || json["config"] is not JsonObject config)
            throw Wrong(attribute, value, "a layer: class_name and config");
        return new KerasLayerConfig((string?)config["name"] ?? $"{Name}/{attribute}", KerasSpecReader.ClassOf(json), config, Generation, Source, (string?)json["module"] ?? "");
    }

    /// <summary>An error that names file, layer, class and attribute.</summary>
    /// <param name="attribute">The attribute.</param>
    /// <param name="reason">What is wrong with it.</param>
    /// <param name="mend">How to mend it.</param>
    public GraftException Refuse(string attribute, string reason, string mend) =>
        new($"{Source}: layer '{Name}' ({ClassName}): {attribute} = {Shown(Raw(attribute))}: {reason}. {mend}.");

    private JsonNode? Raw(string attribute)
    {
        _read.Add(attribute);
        return _config[attribute];
    }

    private GraftException Missing(string attribute) => new($"{Source}: layer '{Name}' ({ClassName}) has no attribute '{attribute}'; the file is damaged, or of a version of Keras that is not known here.");

    private GraftException Wrong(string attribute, JsonNode? found, string due) =>
        new($"{Source}: layer '{Name}' ({ClassName}): {attribute} is {Shown(found)}; {due} is due. The file is damaged, or of a version of Keras that is not known here.");

    private static string Shown(JsonNode? value)
    {
        const int Longest = 100;
        string text = value?.ToJsonString() ?? "null";
        return text.Length <= Longest ? text : $"{text[..Longest]}...";
    }

    private static float? NumberOf(JsonNode value) => value switch
    {
        JsonValue v when v.GetValueKind() == JsonValueKind.Number => (float)(double)v,
        JsonValue v when v.GetValueKind() == JsonValueKind.String && float.TryParse((string)v!, NumberStyles.Float, CultureInfo.InvariantCulture, out float f) => f,
        JsonArray { Count: 1 } a when a[0] is { } only => NumberOf(only),
        // numpy's scalars: {"class_name": "__numpy__", "config": {"value": 0.1, "dtype": "float32"}} in Keras 3, {"type": "ndarray", "value": 0.1} in Keras 2
        JsonObject o when (o["value"] ?? (o["config"] as JsonObject)?["value"]) is { } inner => NumberOf(inner),
        _ => null,
    };

    private static int[]? IntegersOf(JsonNode value) => value switch
    {
        JsonValue v when v.GetValueKind() == JsonValueKind.Number && (double)v is var d && d == Math.Floor(d) => [(int)d],
        JsonArray a when a.Count > 0 && a.All(i => i is JsonValue v && v.GetValueKind() == JsonValueKind.Number) => [.. a.Select(i => (int)(double)i!)],
        JsonArray { Count: 0 } => [],
        JsonObject o when o["items"] is JsonArray items => IntegersOf(items), // __tuple__ of Keras 3
        _ => null,
    };
}
