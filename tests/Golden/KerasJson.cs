using System.Text.Json.Nodes;
using Graft.Importers.Keras;
using Graft.Importers.Keras.Architecture;
using Graft.Layers;

namespace Graft.Tests.Golden;

/// <summary>Layers and models from Keras 3's JSON, by the importer.</summary>
internal static class KerasJson
{
    private const string Source = "reference/keras";
    private const int Generation = 3;

    /// <summary>A model: class_name Sequential or Functional.</summary>
    public static Model Model(JsonNode json) =>
        new KerasGraph(new KerasBuildContext(Source, Generation, new Dictionary<string, Func<KerasLayerConfig, Layer>>()), new KerasSpecReader(Source, Generation).Model(json.AsObject())).Build([]);

    /// <summary>A layer with the name and the trainable flag of its config.</summary>
    public static Layer Layer(string className, JsonNode config)
    {
        var attributes = new KerasLayerConfig((string)config["name"]!, className, config.AsObject(), Generation, Source);
        Layer layer = KerasLayers.Create(attributes, null) ?? throw new GraftException($"The importer does not know the class {className}.");
        attributes.CheckAllRead();
        (layer.Name, layer.Trainable) = (attributes.Name, attributes.IsTrainable);
        return layer;
    }
}
