using System.Text.Json.Nodes;
using Graft.Kernels;
using Graft.Layers;

namespace Graft.Tests.Golden;

/// <summary>Builds layers and models from Keras 3's JSON, as far as the golden files use it; anything else throws.</summary>
internal static class KerasJson
{
    /// <summary>A model: class_name Sequential or Functional.</summary>
    public static Model Model(JsonNode json)
    {
        JsonNode config = json["config"]!;
        JsonNode[] layers = [.. config["layers"]!.AsArray().Select(l => l!)];
        string name = (string)config["name"]!;
        return (string)json["class_name"]! == "Sequential" ? Sequential(name, layers) : Functional(name, config, layers);
    }

    /// <summary>A layer with the name and the trainable flag of its config.</summary>
    public static Layer Layer(string className, JsonNode config)
    {
        Layer layer = Create(className, config);
        layer.Name = (string)config["name"]!;
        layer.Trainable = (bool)config["trainable"]!;
        return layer;
    }

    private static Sequential Sequential(string name, JsonNode[] layers)
    {
        var model = new Sequential(Sample(layers[0])) { Name = name };
        foreach (JsonNode layer in layers.Skip(1))
            model.Add(LayerOrModel(layer));
        return model;
    }

    private static Model Functional(string name, JsonNode config, JsonNode[] layers)
    {
        var nodes = new Dictionary<string, Node>();
        foreach (JsonNode json in layers)
        {
            string layerName = (string)json["config"]!["name"]!;
            nodes[layerName] = (string)json["class_name"]! == "InputLayer" ? Node.Input(new Shape(Sample(json)), layerName)
                : LayerOrModel(json).Apply([.. Histories(json["inbound_nodes"]!).Select(from => nodes[from])]);
        }
        return new Model(nodes[(string)config["input_layers"]![0]!], nodes[(string)config["output_layers"]![0]!], name);
    }

    private static Layer LayerOrModel(JsonNode json) =>
        json["config"]!["layers"] is null ? Layer((string)json["class_name"]!, json["config"]!) : Model(json);

    private static int[] Sample(JsonNode input) => [.. input["config"]!["batch_shape"]!.AsArray().Skip(1).Select(d => (int)d!)];

    /// <summary>Names of the layers that a node reads, in order: "keras_history" of each tensor, however deep it is nested.</summary>
    private static IEnumerable<string> Histories(JsonNode? json) => json switch
    {
        JsonObject o when o["keras_history"] is { } history => [(string)history[0]!],
        JsonObject o => o.SelectMany(property => Histories(property.Value)),
        JsonArray a => a.SelectMany(Histories),
        _ => [],
    };

    private static Layer Create(string className, JsonNode c) => className switch
    {
        "Activation" => new ActivationLayer(Activation(c)),
        "Add" => new Add(),
        "AveragePooling2D" => new AveragePooling2D { PoolSize = Pair(c["pool_size"]), Strides = Pair(c["strides"]), Padding = Padding(c) },
        "BatchNormalization" => new BatchNormalization { Epsilon = (float)c["epsilon"]!, Momentum = (float)c["momentum"]!, Scale = (bool)c["scale"]!, Center = (bool)c["center"]! },
        "Concatenate" => new Concatenate((int)c["axis"]!),
        "Conv2D" => new Conv2D((int)c["filters"]!, Pair(c["kernel_size"]).Item1, Pair(c["kernel_size"]).Item2)
        {
            Strides = Pair(c["strides"]),
            Dilation = Pair(c["dilation_rate"]),
            Padding = Padding(c),
            Groups = (int)c["groups"]!,
            UseBias = (bool)c["use_bias"]!,
            Activation = Activation(c),
            KernelRegularizer = Regularizer(c["kernel_regularizer"]),
            BiasRegularizer = Regularizer(c["bias_regularizer"]),
        },
        "Conv2DTranspose" => new Conv2DTranspose((int)c["filters"]!, Pair(c["kernel_size"]).Item1, Pair(c["kernel_size"]).Item2)
        {
            Strides = Pair(c["strides"]),
            Dilation = Pair(c["dilation_rate"]),
            Padding = Padding(c),
            UseBias = (bool)c["use_bias"]!,
            Activation = Activation(c),
        },
        "Cropping2D" => new Cropping2D(Border(c["cropping"]!)),
        "Dense" => new Dense((int)c["units"]!, Activation(c))
        {
            UseBias = (bool)c["use_bias"]!,
            KernelRegularizer = Regularizer(c["kernel_regularizer"]),
            BiasRegularizer = Regularizer(c["bias_regularizer"]),
        },
        "DepthwiseConv2D" => new DepthwiseConv2D(Pair(c["kernel_size"]).Item1, Pair(c["kernel_size"]).Item2)
        {
            DepthMultiplier = (int)c["depth_multiplier"]!,
            Strides = Pair(c["strides"]),
            Dilation = Pair(c["dilation_rate"]),
            Padding = Padding(c),
            UseBias = (bool)c["use_bias"]!,
            Activation = Activation(c),
        },
        "Dropout" => new Dropout((float)c["rate"]!),
        "Flatten" => new Flatten(),
        "GlobalAveragePooling2D" => new GlobalAveragePooling2D { KeepDims = (bool)c["keepdims"]! },
        "GlobalMaxPooling2D" => new GlobalMaxPooling2D { KeepDims = (bool)c["keepdims"]! },
        "GroupNormalization" => new GroupNormalization((int)c["groups"]!) { Epsilon = (float)c["epsilon"]!, Scale = (bool)c["scale"]!, Center = (bool)c["center"]! },
        "LayerNormalization" => new LayerNormalization { Axes = Integers(c["axis"]), Epsilon = (float)c["epsilon"]!, Scale = (bool)c["scale"]!, Center = (bool)c["center"]! },
        "LeakyReLU" => new LeakyReLU((float)c["negative_slope"]!),
        "MaxPooling2D" => new MaxPooling2D { PoolSize = Pair(c["pool_size"]), Strides = Pair(c["strides"]), Padding = Padding(c) },
        "Multiply" => new Multiply(),
        "Permute" => new Permute(Integers(c["dims"])),
        "PReLU" => new PReLU(Integers(c["shared_axes"])),
        "ReLU" => new ReLU { MaxValue = (float?)c["max_value"], NegativeSlope = (float)c["negative_slope"]!, Threshold = (float)c["threshold"]! },
        "Reshape" => new Reshape(Integers(c["target_shape"])),
        "SeparableConv2D" => new SeparableConv2D((int)c["filters"]!, Pair(c["kernel_size"]).Item1, Pair(c["kernel_size"]).Item2)
        {
            DepthMultiplier = (int)c["depth_multiplier"]!,
            Strides = Pair(c["strides"]),
            Dilation = Pair(c["dilation_rate"]),
            Padding = Padding(c),
            UseBias = (bool)c["use_bias"]!,
            Activation = Activation(c),
        },
        "Softmax" => new Softmax((int)c["axis"]!),
        "UpSampling2D" => new UpSampling2D(Pair(c["size"]).Item1, Pair(c["size"]).Item2)
        {
            Interpolation = (string)c["interpolation"]! == "bilinear" ? UpsampleKind.Bilinear : UpsampleKind.Nearest,
        },
        "ZeroPadding2D" => new ZeroPadding2D(Border(c["padding"]!)),
        _ => throw new NotSupportedException($"The golden files have a layer class that is not built here: {className}."),
    };

    private static Activation Activation(JsonNode config) => (string)config["activation"]! switch
    {
        "gelu" => Graft.Layers.Activation.Gelu,
        "hard_sigmoid" => Graft.Layers.Activation.HardSigmoid,
        "leaky_relu" => Graft.Layers.Activation.LeakyReLU,
        "log_softmax" => Graft.Layers.Activation.LogSoftmax,
        string name => Enum.Parse<Activation>(name, ignoreCase: true),
    };

    private static Padding Padding(JsonNode config) => (string)config["padding"]! == "same" ? Graft.Layers.Padding.Same : Graft.Layers.Padding.Valid;

    private static Regularizer? Regularizer(JsonNode? json) => json is null ? null
        : Graft.Layers.Regularizer.L1L2((float?)json["config"]!["l1"] ?? 0, (float?)json["config"]!["l2"] ?? 0);

    private static Padding2D Border(JsonNode rows) => new((int)rows[0]![0]!, (int)rows[0]![1]!, (int)rows[1]![0]!, (int)rows[1]![1]!);

    private static (int, int) Pair(JsonNode? json) => ((int)json![0]!, (int)json[1]!);

    private static int[] Integers(JsonNode? json) => json is JsonArray array ? [.. array.Select(i => (int)i!)] : json is null ? [] : [(int)json];
}
