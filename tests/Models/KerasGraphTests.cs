using System.Text.Json.Nodes;
using Graft.Layers;
using Graft.Models;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>The graphs of VGG16 and ResNet50 against Keras's own JSON of them: every layer, its attributes, and what it reads.</summary>
public sealed class KerasGraphTests
{
    private static readonly string[] s_activations = ["Activation", "ReLU"];

    [Theory]
    [InlineData("vgg16_notop/model_keras2.json", null)]
    [InlineData("vgg16_notop/model_keras3.json", null)]
    [InlineData("resnet50_notop/model_old_names_keras2.json", ResNetVariant.KerasOld)]
    [InlineData("resnet50_notop/model_new_names_keras3.json", ResNetVariant.Keras)]
    public void A_built_in_network_is_the_graph_that_Keras_builds(string file, ResNetVariant? variant)
    {
        JsonNode config = JsonNode.Parse(File.ReadAllText(GraftShared.Path(["reference", "keras", .. file.Split('/')])))!["config"]!;
        Model model = variant is null ? Vgg16.Build(includeTop: false, 150, 150) : ResNet.Build(50, includeTop: false, variant: variant);
        var layers = config["layers"]!.AsArray().Select(l => l!).Where(l => (string)l["class_name"]! != "InputLayer").ToDictionary(l => (string)l["config"]!["name"]!);
        Node[] nodes = [.. model.Nodes.Where(n => n.Layer is not InputLayer)];
        Assert.Equal(layers.Keys.Order(StringComparer.Ordinal), nodes.Select(n => n.Layer.Name).Order(StringComparer.Ordinal));
        foreach (Node node in nodes)
        {
            JsonNode json = layers[node.Layer.Name];
            CheckAttributes(node.Layer, (string)json["class_name"]!, json["config"]!);
            string[] reads = [.. Inbound(json["inbound_nodes"]!).Select(n => layers.ContainsKey(n) ? n : "input")];
            Assert.Equal(reads, node.Inputs.Select(i => i.Layer is InputLayer ? "input" : i.Layer.Name));
        }
    }

    private static void CheckAttributes(Layer layer, string kind, JsonNode c)
    {
        (int, int) Pair(string name) => ((int)c[name]![0]!, (int)c[name]![1]!);
        if (layer is ReLU)
        {
            Assert.Contains(kind, s_activations);
            Assert.Equal("relu", (string?)c["activation"] ?? "relu");
            return;
        }
        Assert.Equal(kind, layer.ClassName);
        switch (layer)
        {
            case Conv2D conv:
                Assert.Equal(((int)c["filters"]!, (bool)c["use_bias"]!), (conv.Filters, conv.UseBias));
                Assert.Equal((Pair("kernel_size"), Pair("strides"), Pair("dilation_rate")), (conv.FilterSize, conv.Strides, conv.Dilation));
                Assert.Equal((string)c["activation"]!, conv.Activation.ToString(), ignoreCase: true);
                if (conv.FilterSize != (1, 1)) // "same" and "valid" are one for 1x1
                    Assert.Equal((string)c["padding"]!, conv.Padding.ToString(), ignoreCase: true);
                break;
            case BatchNormalization norm:
                Assert.Equal(((float)c["epsilon"]!, (float)c["momentum"]!, (bool)c["scale"]!, (bool)c["center"]!), (norm.Epsilon, norm.Momentum, norm.Scale, norm.Center));
                break;
            case MaxPooling2D pool:
                Assert.Equal((Pair("pool_size"), Pair("strides")), (pool.PoolSize, pool.Strides));
                Assert.Equal((string)c["padding"]!, pool.Padding.ToString(), ignoreCase: true);
                break;
        }
    }

    // Keras 3: {"args": [{.. "keras_history": [name, 0, 0]}]}; Keras 2: [[[name, 0, 0, {}]]]
    private static IEnumerable<string> Inbound(JsonNode? json) => json switch
    {
        JsonObject o when o["keras_history"] is { } history => [(string)history[0]!],
        JsonObject o => o.SelectMany(p => Inbound(p.Value)),
        JsonArray { Count: 4 } a when a[0] is JsonValue name && name.GetValueKind() == System.Text.Json.JsonValueKind.String => [(string)name!],
        JsonArray a => a.SelectMany(Inbound),
        _ => [],
    };
}
