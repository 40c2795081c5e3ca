using System.Collections;
using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Graft.Layers;

/// <summary>How layers of your own classes are made again from a model file: Keras's custom_objects.</summary>
/// <remarks>
/// A file has a layer's <see cref="Layer.ClassName"/>, its name, flags and weights, and what <see cref="Layer.WriteConfig"/> wrote; the code is the program's. Any number of threads
/// may load with one of these.
/// <code>
/// var own = new CustomLayers { { "Scale", config => new Scale((float)config["start"]!) } };
/// Model model = ModelFile.Load("model.graft", own).Model;
/// </code>
/// </remarks>
public sealed class CustomLayers : IEnumerable<string>
{
    private readonly ConcurrentDictionary<string, Func<JsonObject, Layer>> _classes = [];

    /// <summary>Says how layers of a class are made.</summary>
    /// <param name="className">The class name in files: the name of the class, unless it overrides <see cref="Layer.ClassName"/>.</param>
    /// <param name="create">A new layer of a config; an empty one where the class writes none.</param>
    /// <exception cref="GraftException">The name is that of a class of the engine, or is there already.</exception>
    public void Add(string className, Func<JsonObject, Layer> create)
    {
        if (LayerCatalog.Knows(className))
            throw new GraftException($"CustomLayers: '{className}' is a class of the engine; give yours another name, or override its ClassName.");
        if (!_classes.TryAdd(className, create))
            throw new GraftException($"CustomLayers: '{className}' is there already; two classes of one name each override ClassName, with a name of their own.");
    }

    /// <summary>A layer that <see cref="Layer.WriteLayer"/> wrote into a config, of whatever class.</summary>
    /// <exception cref="GraftException">Its class is unknown, or it cannot be made of its config.</exception>
    public Layer ReadLayer(JsonNode layer) => GraphJson.ReadLayer(layer, this);

    /// <summary>A layer of a class; null where there is none of that name.</summary>
    internal Layer? Create(string className, JsonNode config)
    {
        if (!_classes.TryGetValue(className, out Func<JsonObject, Layer>? create))
            return null;
        try
        {
            return create(config.AsObject()) ?? throw new GraftException("it made no layer");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new GraftException($"what CustomLayers has for class '{className}' made no layer of the config {config.ToJsonString()} ({e.Message})", e);
        }
    }

    IEnumerator<string> IEnumerable<string>.GetEnumerator() => _classes.Keys.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _classes.Keys.GetEnumerator();
}
