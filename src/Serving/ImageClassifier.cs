using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Models;
using Graft.Weights;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>A model of images: files as they are uploaded, resized and prepared as those of its training. It tells classes, several labels or numbers (<see cref="Model.OutputKind"/>).</summary>
/// <remarks>A model of classes with one output gives the probability of the second of two; one with 1000 and no names of its own, those of ImageNet.</remarks>
public sealed class ImageClassifier : PredictionModel
{
    private const int MostDecoders = 4; // each may hold an image of 179 million pixels

    private readonly ImageReader _reader;
    private readonly OutputKind _kind;
    private readonly ClassScores _classes; // or labels, or numbers
    private readonly SemaphoreSlim _decoders = new(Math.Min(Environment.ProcessorCount, MostDecoders));

    /// <summary>Serves a model whose preprocessing says how images are read.</summary>
    /// <param name="model">One input, an image, and one output: probabilities of classes or labels, or numbers.</param>
    /// <exception cref="GraftException">The preprocessing does not say how images are read.</exception>
    public ImageClassifier(Model model)
        : base(model, [.. model.Inputs.Select(i => i.Layer.Name)], [.. model.Outputs.Select(o => o.Layer.Name)])
    {
        _reader = new ImageReader(model.RequirePreprocessing());
        _kind = model.OutputKind ?? OutputKind.Classes;
        int outputs = model.Outputs[0].Shape[0], count = outputs == 1 && _kind == OutputKind.Classes ? 2 : outputs;
        if (model.ClassNames.Count == 0 && count == ImageNet.Classes.Count)
            _classes = new ClassScores([.. ImageNet.Classes.Select(c => c.Name)], [.. ImageNet.Classes.Select(c => c.Wnid)]);
        else
            _classes = new ClassScores(model.ClassNames.Count == count ? model.ClassNames : [.. Enumerable.Range(0, count).Select(k => k.ToString(CultureInfo.InvariantCulture))]);
    }

    /// <inheritdoc/>
    public override string Kind => _kind == OutputKind.Values ? "image-regression" : "image-classification";

    /// <inheritdoc/>
    public override string Summary => _kind switch
    {
        OutputKind.Values => $"numbers of images: {string.Join(", ", _classes.Names)}",
        OutputKind.Labels => $"image classifier, {_classes.Names.Count} labels",
        _ => $"image classifier, {_classes.Names.Count} classes",
    };

    private protected override IReadOnlyList<string> Query => [ClassScores.Top, ClassScores.Threshold]; // CheckQuery says which of them this model has

    private protected override (string Help, string Example) Usage =>
        ($"An image as the body (JPEG, PNG, BMP, GIF, WebP, PPM, TIFF), or several in a multipart form; or {{\"instances\": [{{\"b64\": \"...\"}}, ...]}}.{_kind switch { OutputKind.Values => "", OutputKind.Labels => " ?threshold=P says labels whose probability is above P (0.5).", _ => " ?top=N names the N likeliest classes (5)." }}",
            "-H 'Content-Type: image/jpeg' --data-binary @cat.jpg");

    internal override JsonObject Describe()
    {
        JsonObject description = base.Describe();
        description[OutputKindText.Of(_kind)] = _classes.List;
        description["preprocessing"] = PreprocessingJson.Write(Model.RequirePreprocessing());
        return description;
    }

    private protected override async Task<IReadOnlyList<Sample>> Read(HttpRequest request, Admission.Lease lease)
    {
        CheckQuery(request);
        string type = RequestBody.MediaType(request);
        if (type == "multipart/form-data")
            return await ReadForm(request, lease).ConfigureAwait(false);
        byte[] body = await RequestBody.Bytes(request).ConfigureAwait(false);
        if (RequestBody.IsJson(type, body))
            return await ReadInstances(body, lease, request.HttpContext.RequestAborted).ConfigureAwait(false);
        if (type is not ("" or "application/octet-stream") && !type.StartsWith("image/", StringComparison.Ordinal))
            throw RequestBody.Unsupported(type, "an image (Content-Type: image/jpeg, image/png, ...), a multipart form of images or JSON is due.");
        return [await Decode(body, "The body", request.HttpContext.RequestAborted).ConfigureAwait(false)];
    }

    private protected override void Write(Utf8JsonWriter json, Sample sample, float[][] outputs, HttpRequest request)
    {
        float[] row = outputs[0];
        json.WriteStartObject();
        if (sample.File is not null)
            json.WriteString("image", sample.File);
        if (_kind == OutputKind.Values)
            _classes.WriteValues(json, row);
        else if (_kind == OutputKind.Labels)
            _classes.WriteLabels(json, row, ClassScores.ThresholdOf(request));
        else
            _classes.Write(json, row.Length == 1 ? [1 - row[0], row[0]] : row, ClassScores.CountOf(request));
        json.WriteEndObject();
    }

    /// <summary>Finds out before any work whether the answer can be written as it is asked for.</summary>
    private void CheckQuery(HttpRequest request)
    {
        if (_kind == OutputKind.Labels)
            ClassScores.ThresholdOf(request);
        else
            ClassScores.Refuse(request, ClassScores.Threshold, "labels of which an image may have any number");
        if (_kind == OutputKind.Classes)
            ClassScores.CountOf(request);
        else
            ClassScores.Refuse(request, ClassScores.Top, "classes of which an image has one");
    }

    private async Task<IReadOnlyList<Sample>> ReadForm(HttpRequest request, Admission.Lease lease)
    {
        IFormFileCollection files = await RequestBody.Files(request).ConfigureAwait(false);
        lease.Grow(files.Count);
        var samples = new List<Sample>(files.Count);
        foreach (IFormFile file in files)
        {
            using var bytes = new MemoryStream();
            await file.CopyToAsync(bytes, request.HttpContext.RequestAborted).ConfigureAwait(false);
            samples.Add(await Decode(bytes.ToArray(), file.FileName, request.HttpContext.RequestAborted).ConfigureAwait(false) with { File = file.FileName });
        }
        return samples;
    }

    private async Task<IReadOnlyList<Sample>> ReadInstances(byte[] body, Admission.Lease lease, CancellationToken cancellation)
    {
        List<(byte[]? File, float[]? Numbers)> instances = InstancesReader.Read(body, Capacity, Instance);
        lease.Grow(instances.Count);
        var samples = new List<Sample>(instances.Count);
        for (int i = 0; i < instances.Count; i++)
            samples.Add(instances[i] is { File: { } file } ? await Decode(file, $"instances[{i}]", cancellation).ConfigureAwait(false) : new Sample([(_reader.Shape, instances[i].Numbers!)]));
        return samples;
    }

    // {"b64": "..."}, TensorFlow Serving's way to put bytes into JSON; or the numbers that the network itself takes.
    private (byte[]? File, float[]? Numbers) Instance(ref Utf8JsonReader json, string where)
    {
        const string Base64 = "b64";
        if (json.TokenType == JsonTokenType.StartArray)
            return (null, InstancesReader.Numbers(ref json, _reader.Shape, where, InputNames[0]));
        InstancesReader.Require(ref json, JsonTokenType.StartObject, where, "an image, {\"b64\": \"...\"}, or nested lists of numbers,");
        json.Read();
        if (json.TokenType != JsonTokenType.PropertyName || !json.ValueTextEquals(Base64))
            throw InstancesReader.Fault($"{where} has no \"b64\"; an image is {{\"b64\": \"...\"}}, its file in base64.");
        json.Read();
        InstancesReader.Require(ref json, JsonTokenType.String, $"{where}.b64", "the file in base64, a text,");
        if (!json.TryGetBytesFromBase64(out byte[]? file))
            throw InstancesReader.Fault($"{where}.b64 is no base64.");
        json.Read();
        return json.TokenType == JsonTokenType.EndObject ? (file, null) : throw InstancesReader.Fault($"{where} has \"{json.GetString()}\" beside \"b64\"; nothing else belongs there.");
    }

    private async Task<Sample> Decode(byte[] bytes, string name, CancellationToken cancellation)
    {
        await _decoders.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return new Sample([(_reader.Shape, _reader.Read(bytes, name))]);
        }
        catch (GraftException e)
        {
            throw new RequestException(StatusCodes.Status422UnprocessableEntity, e.Message);
        }
        finally
        {
            _decoders.Release();
        }
    }
}
