using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Safetensors;

/// <summary>Writes the parameters of a model as safetensors, float32, as PyTorch's and Hugging Face's programs read it.</summary>
/// <remarks>
/// As the reference writer lays it out (huggingface/safetensors, tensor.rs, prepare): tensors by descending alignment of their type, then
/// by name; the header's JSON without spaces, padded with them to a multiple of 8. Metadata is {"format":"pt"}, without which transformers
/// refuses a file.
/// </remarks>
public static class SafetensorsWriter
{
    private const int Alignment = 8, LengthBytes = 8;

    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }; // other letters stand as they are

    /// <summary>Writes all parameters of a model; a parameter that several layers share is written once.</summary>
    /// <param name="path">The file; it is replaced when all is written.</param>
    /// <param name="model">The model.</param>
    /// <param name="names">
    /// What a parameter of a layer is called, the layer's path in the model given, and how it lies in the file: as the engine has it, or
    /// [out,in].
    /// </param>
    /// <param name="metadata">Notes beside or instead of "format": "pt".</param>
    /// <exception cref="GraftException">Two parameters get one name, a layout is none of the two, or the file cannot be written.</exception>
    public static void Save(string path, Model model, Func<string, Parameter, WeightName> names, IReadOnlyDictionary<string, string>? metadata = null) =>
        Save(path, model.NamedParameters().DistinctBy(p => p.Parameter).Select(p => (names(p.Path[..p.Path.LastIndexOf('/')], p.Parameter), p.Parameter)), metadata);

    /// <summary>Writes some parameters, each under the name that stands beside it.</summary>
    /// <inheritdoc cref="Save(string, Model, Func{string, Parameter, WeightName}, IReadOnlyDictionary{string, string}?)"/>
    internal static void Save(string path, IEnumerable<(WeightName Name, Parameter Parameter)> parameters, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var tensors = new SortedDictionary<string, (WeightName Name, Parameter Parameter)>(StringComparer.Ordinal);
        foreach ((WeightName name, Parameter parameter) in parameters)
        {
            string place = $"{parameter.LayerName}/{parameter.Name}";
            if (name is not ({ Layout: WeightLayout.Same } or { Layout: WeightLayout.DenseTransposed, FlattenedImage: null }))
                throw new GraftException($"{path}: '{name.Name}' ({place}) would be written as {name.Layout}; weights are written as the engine has them, or [out,in].");
            if (!tensors.TryAdd(name.Name, (name, parameter)))
                throw new GraftException($"{path}: two parameters would be called '{name.Name}', one of them {place}; give them names of their own.");
        }
        byte[] header = Header(tensors, metadata);
        WholeFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach ((WeightName name, Parameter parameter) in tensors.Values)
                stream.Write(MemoryMarshal.AsBytes<float>(name.ToFile(parameter.Value.ToArray(), parameter.Shape)));
        });
    }

    private static byte[] Header(SortedDictionary<string, (WeightName Name, Parameter Parameter)> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var bytes = new MemoryStream();
        bytes.Write(new byte[LengthBytes]);
        using (var json = new Utf8JsonWriter(bytes, Plain))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            foreach ((string name, string value) in (metadata ?? new Dictionary<string, string>()).Where(m => m.Key != "format").Prepend(KeyValuePair.Create("format", metadata?.GetValueOrDefault("format") ?? "pt")))
                json.WriteString(name, value);
            json.WriteEndObject();
            long at = 0;
            foreach ((string name, (WeightName from, Parameter parameter)) in tensors)
                at = WriteEntry(json, name, from.FileShape(parameter.Shape), at);
            json.WriteEndObject();
        }
        while (bytes.Length % Alignment != 0)
            bytes.WriteByte((byte)' ');
        byte[] header = bytes.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - LengthBytes);
        return header;
    }

    // Returns where the next one begins.
    private static long WriteEntry(Utf8JsonWriter json, string name, Shape shape, long at)
    {
        long end = at + shape.Count * sizeof(float);
        json.WriteStartObject(name);
        json.WriteString("dtype", "F32");
        json.WriteStartArray("shape");
        foreach (int extent in shape.Dims)
            json.WriteNumberValue(extent);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(at);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
        return end;
    }
}
