using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>Any model on numbers: as many inputs and outputs as it has, in TensorFlow Serving's JSON.</summary>
/// <param name="model">The model.</param>
/// <param name="inputs">Names of its inputs, in its order.</param>
/// <param name="outputs">Names of its outputs, in its order.</param>
public sealed class NumericModel(Model model, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs) : PredictionModel(model, inputs, outputs)
{
    /// <inheritdoc/>
    public override string Kind => "numeric";

    /// <inheritdoc/>
    public override string Summary => $"{Tensors(InputNames, Model.Inputs)} to {Tensors(OutputNames, Model.Outputs)}";

    private protected override (string Help, string Example) Usage
    {
        get
        {
            const int Most = 8; // numbers that are still written out in an example
            string[] values = [.. Model.Inputs.Select(i => Zeros(i.Shape, Most))];
            string instance = values.Length == 1 ? values[0] : "{" + string.Join(", ", InputNames.Zip(values, (n, v) => $"\"{n}\": {v}")) + "}";
            return ("""{"instances": [...]}, one entry for each sample: nested lists of numbers, or with several inputs an object {"NAME": [...], ...}. Answers {"predictions": [...]} likewise.""",
                $$"""-d '{"instances": [{{instance}}]}'""");
        }
    }

    private protected override async Task<IReadOnlyList<Sample>> Read(HttpRequest request, Admission.Lease lease)
    {
        byte[] body = await RequestBody.Bytes(request).ConfigureAwait(false);
        string type = RequestBody.MediaType(request);
        if (!RequestBody.IsJson(type, body))
            throw RequestBody.Unsupported(type, "this model takes numbers as JSON: Content-Type: application/json and {\"instances\": [...]}.");
        List<Sample> samples = InstancesReader.Read(body, Capacity, Instance);
        lease.Grow(samples.Count);
        return samples;
    }

    private protected override void Write(Utf8JsonWriter json, Sample sample, float[][] outputs, HttpRequest request)
    {
        if (outputs.Length == 1)
        {
            WriteNumbers(json, outputs[0], Model.Outputs[0].Shape.Dims);
            return;
        }
        json.WriteStartObject();
        for (int i = 0; i < outputs.Length; i++)
        {
            json.WritePropertyName(OutputNames[i]);
            WriteNumbers(json, outputs[i], Model.Outputs[i].Shape.Dims);
        }
        json.WriteEndObject();
    }

    private Sample Instance(ref Utf8JsonReader json, string where)
    {
        if (json.TokenType != JsonTokenType.StartObject)
        {
            return InputNames.Count == 1 ? new Sample([Numbers(ref json, 0, where)])
                : throw InstancesReader.Fault($"{where} names no inputs; the model has {Listed}: write an object with a member for each.");
        }
        var inputs = new (Shape Shape, float[]? Values)[InputNames.Count];
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string name = json.GetString()!;
            int input = Array.IndexOf([.. InputNames], name);
            if (input < 0 || inputs[input].Values is not null)
                throw InstancesReader.Fault($"{where} has \"{name}\"{(input < 0 ? "; the model has no such input, but" : " twice; the model has")} {Listed}.");
            json.Read();
            inputs[input] = Numbers(ref json, input, $"{where}.{name}");
        }
        int missing = Array.FindIndex(inputs, i => i.Values is null);
        return missing < 0 ? new Sample([.. inputs.Select(i => (i.Shape, i.Values!))]) : throw InstancesReader.Fault($"{where} has no \"{InputNames[missing]}\"; the model has {Listed}.");
    }

    private (Shape Shape, float[] Values) Numbers(ref Utf8JsonReader json, int input, string where)
    {
        Shape shape = Model.Inputs[input].Shape;
        return (shape, InstancesReader.Numbers(ref json, shape, where, InputNames[input]));
    }

    private string Listed => string.Join(", ", InputNames.Select(n => $"'{n}'"));

    private static string Tensors(IReadOnlyList<string> names, IReadOnlyList<Node> nodes) => string.Join(", ", names.Zip(nodes, (n, node) => $"'{n}' {node.Shape}"));

    private static string Zeros(Shape shape, int most) => shape.Count > most ? "[...]" : Nested(shape.Dims, "0");

    private static string Nested(ReadOnlySpan<int> dims, string number)
    {
        if (dims.IsEmpty)
            return number;
        string inner = Nested(dims[1..], number);
        return $"[{string.Join(", ", Enumerable.Repeat(inner, dims[0]))}]";
    }

    private static void WriteNumbers(Utf8JsonWriter json, ReadOnlySpan<float> numbers, ReadOnlySpan<int> dims)
    {
        if (dims.IsEmpty)
        {
            json.WriteNumberValue(numbers[0]);
            return;
        }
        json.WriteStartArray();
        int width = numbers.Length / dims[0];
        for (int i = 0; i < dims[0]; i++)
            WriteNumbers(json, numbers.Slice(i * width, width), dims[1..]);
        json.WriteEndArray();
    }
}
