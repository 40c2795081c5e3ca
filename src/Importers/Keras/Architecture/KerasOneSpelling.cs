using System.Text.Json.Nodes;

namespace Graft.Importers.Keras.Architecture;

/// <summary>Layers of Keras 1 in the words of Keras 2, as keras/legacy/interfaces.py of Keras 2 translates them.</summary>
internal static class KerasOneSpelling
{
    private static readonly Dictionary<string, string> s_classes = new()
    {
        ["Convolution1D"] = "Conv1D", ["Convolution2D"] = "Conv2D", ["Convolution3D"] = "Conv3D", ["AtrousConvolution1D"] = "Conv1D", ["AtrousConvolution2D"] = "Conv2D",
        ["AtrousConv1D"] = "Conv1D", ["AtrousConv2D"] = "Conv2D", ["Deconvolution2D"] = "Conv2DTranspose", ["Deconv2D"] = "Conv2DTranspose", ["SeparableConvolution2D"] = "SeparableConv2D",
    };

    private static readonly Dictionary<string, string> s_names = new()
    {
        ["nb_filter"] = "filters", ["border_mode"] = "padding", ["subsample"] = "strides", ["subsample_length"] = "strides", ["stride"] = "strides", ["pool_length"] = "pool_size",
        ["init"] = "kernel_initializer", ["inner_init"] = "recurrent_initializer", ["W_regularizer"] = "kernel_regularizer", ["U_regularizer"] = "recurrent_regularizer",
        ["b_regularizer"] = "bias_regularizer", ["W_constraint"] = "kernel_constraint", ["b_constraint"] = "bias_constraint", ["bias"] = "use_bias", ["p"] = "rate", ["sigma"] = "stddev",
        ["atrous_rate"] = "dilation_rate", ["depthwise_regularizer"] = "depthwise_regularizer", ["inner_activation"] = "recurrent_activation", ["dropout_W"] = "dropout",
        ["dropout_U"] = "recurrent_dropout", ["length"] = "size", ["consume_less"] = "implementation",
    };

    /// <summary>The class and the attributes as Keras 2 would have written them.</summary>
    public static (string ClassName, JsonObject Config) Renewed(string className, JsonObject config)
    {
        if (className == "Merge")
            return Merge(config);
        string kind = s_classes.GetValueOrDefault(className, className);
        var renewed = new JsonObject();
        foreach ((string name, JsonNode? value) in config)
        {
            (string? to, JsonNode? with) = Renewed(className, name, value?.DeepClone());
            if (to is not null)
                renewed[to] = with;
        }
        if (config["nb_row"] is { } rows && config["nb_col"] is { } columns)
            renewed["kernel_size"] = config["kernel_dim1"] is null ? new JsonArray((int)rows, (int)columns) : null;
        if (config["kernel_dim1"] is { } dim)
            renewed["kernel_size"] = new JsonArray((int)dim, (int)config["kernel_dim2"]!, (int)config["kernel_dim3"]!);
        return (kind, JsonNode.Parse(renewed.ToJsonString())!.AsObject()); // numbers as the parser makes them
    }

    // One class with a mode, where later versions have a class for each.
    private static (string, JsonObject) Merge(JsonObject config) => config["mode"]?.ToString() switch
    {
        "sum" => ("Add", []),
        "mul" => ("Multiply", []),
        "ave" => ("Average", []),
        "max" => ("Maximum", []),
        "concat" => ("Concatenate", new JsonObject { ["axis"] = config["concat_axis"]?.DeepClone() }),
        "dot" => ("Dot", new JsonObject { ["axes"] = DotAxes(config["dot_axes"]) }),
        "cos" => ("Dot", new JsonObject { ["axes"] = DotAxes(config["dot_axes"]), ["normalize"] = JsonNode.Parse("true") }),
        _ => ("Merge", config), // a function: refused by name
    };

    private static JsonNode? DotAxes(JsonNode? json) => json is JsonArray { Count: 2 } pair && pair[0] is JsonArray { Count: 1 } a && pair[1] is JsonArray { Count: 1 } b
        ? new JsonArray(a[0]!.DeepClone(), b[0]!.DeepClone()) : json?.DeepClone();

    private static (string? Name, JsonNode? Value) Renewed(string className, string name, JsonNode? value) => name switch
    {
        "nb_row" or "nb_col" or "kernel_dim1" or "kernel_dim2" or "kernel_dim3" => (null, null),
        "dim_ordering" => ("data_format", (string?)value switch { "th" => "channels_first", "tf" => "channels_last", _ => "channels_last" }),
        "filter_length" => ("kernel_size", value),
        "output_dim" when className != "Embedding" => ("units", value),
        "input_dim" when className is not "Embedding" => ("input_dim", value),
        "consume_less" => (null, null), // how, not what
        "layer" when value is JsonObject inner && inner["config"] is JsonObject own => ("layer", Wrapped(inner, own)),
        "length" when className is "UpSampling1D" => ("size", value),
        "padding" when className is "ZeroPadding1D" or "ZeroPadding2D" or "ZeroPadding3D" => ("padding", value),
        "p" when className is "GaussianDropout" or "Dropout" or "SpatialDropout1D" or "SpatialDropout2D" or "SpatialDropout3D" or "AlphaDropout" => ("rate", value),
        "length" or "p" or "stride" when !s_names.ContainsKey(name) => (name, value),
        _ => (s_names.GetValueOrDefault(name, name), value),
    };

    private static JsonObject Wrapped(JsonObject inner, JsonObject own)
    {
        (string kind, JsonObject config) = Renewed((string)inner["class_name"]!, own);
        return new JsonObject { ["class_name"] = kind, ["config"] = config };
    }
}
