using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>A model that answers samples, by /predict: each as if it came alone, computed in batches with those of other requests.</summary>
/// <remarks>
/// Algorithms are chosen for the largest batch and kept for all, so that on the processor a sample's numbers are the same to the bit in any batch
/// (<see cref="Inference.PlanOptions.TypicalBatch"/>). A model with a memory of its own runs op by op, and a GPU's libraries choose by size: there the last bits may differ.
/// </remarks>
public abstract class PredictionModel : ServedModel
{
    private const int MostSizes = 16; // batches of more sizes would push plans out of the model's memory of 24 shapes

    private Admission _admission = null!;
    private ServerMetrics _metrics = null!;
    private Batcher? _batcher;
    private string _name = "";
    private int _maxBatch, _batchStep;

    private protected PredictionModel(Model model, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs)
    {
        (Model, InputNames, OutputNames) = (model, inputs, outputs);
    }

    private protected Model Model { get; }

    /// <inheritdoc/>
    public override Device Device => Model.Device;

    /// <summary>Names of the inputs.</summary>
    private protected IReadOnlyList<string> InputNames { get; }

    /// <summary>Names of the outputs.</summary>
    private protected IReadOnlyList<string> OutputNames { get; }

    /// <summary>Most samples of a request.</summary>
    private protected int Capacity => _admission.Limit;

    /// <summary>A sample to try the model with.</summary>
    private protected virtual Sample Probe => new([.. Model.Inputs.Select(i => (i.Shape, new float[i.Shape.Count]))]);

    /// <summary>Names that may stand behind the '?' of /predict.</summary>
    private protected virtual IReadOnlyList<string> Query => [];

    /// <summary>What /predict takes, and the arguments of curl that try it.</summary>
    private protected abstract (string Help, string Example) Usage { get; }

    /// <summary>Reads the samples of a request.</summary>
    /// <exception cref="RequestException">The request has none that the model takes.</exception>
    private protected abstract Task<IReadOnlyList<Sample>> Read(HttpRequest request, Admission.Lease lease);

    /// <summary>Writes the answer to one sample.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="sample">The sample.</param>
    /// <param name="outputs">For each output of the model, the numbers, all of them finite.</param>
    /// <param name="request">The request, for what it asks besides.</param>
    private protected abstract void Write(Utf8JsonWriter json, Sample sample, float[][] outputs, HttpRequest request);

    internal override IReadOnlyList<Endpoint> Endpoints =>
    [
        new("POST", "/predict", "predict", Predict, Usage.Help, Usage.Example, Query),
        new("POST", $"/v1/models/{_name}:predict", "predict", Predict, Query: Query),
    ];

    internal override void Start(ServerOptions options, Admission admission, ServerMetrics metrics)
    {
        (_admission, _metrics, _name, _maxBatch) = (admission, metrics, options.Name, options.MaxBatch);
        _batchStep = (options.MaxBatch + MostSizes - 1) / MostSizes;
        Model.PlanOptions = Model.PlanOptions with { TypicalBatch = options.MaxBatch };
        Run([Probe], CancellationToken.None);
        Run([.. Enumerable.Repeat(Probe, options.MaxBatch)], CancellationToken.None);
        _batcher = new Batcher((samples, cancellation) =>
        {
            _metrics.Batch(samples.Count);
            return Run(samples, cancellation);
        }, options.MaxBatch, options.BatchDelay, () => _admission.Arriving);
        _batcher.Start();
    }

    internal override JsonObject Describe() => new()
    {
        ["inputs"] = Tensors(InputNames, [.. Model.Inputs.Select(i => i.Shape)]),
        ["outputs"] = Tensors(OutputNames, [.. Model.Outputs.Select(o => o.Shape)]),
        ["max_batch"] = _maxBatch,
    };

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _batcher?.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    private async Task Predict(HttpContext context)
    {
        IReadOnlyList<Sample> samples;
        float[][][] results;
        using (Admission.Lease lease = _admission.Enter())
        {
            samples = await Read(context.Request, lease).ConfigureAwait(false);
            Task<float[][]>[] answers = [.. samples.Select(s => _batcher!.Run(s, context.RequestAborted))];
            lease.Arrive();
            results = await Task.WhenAll(answers).ConfigureAwait(false);
        }
        for (int i = 0; i < results.Length; i++)
        {
            if (Array.FindIndex(results[i], o => !Array.TrueForAll(o, float.IsFinite)) is var o and >= 0)
                throw new RequestException(StatusCodes.Status422UnprocessableEntity, $"Output '{OutputNames[o]}' of sample {i} has NaN or infinity, which JSON cannot carry. Check that the sample's numbers are of the size that the model was taught with.");
        }
        await Answers.Json(context, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("predictions");
            for (int i = 0; i < samples.Count; i++)
                Write(json, samples[i], results[i], context.Request);
            json.WriteEndArray();
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary>For each sample, an array for each output.</summary>
    private float[][][] Run(IReadOnlyList<Sample> samples, CancellationToken cancellation)
    {
        int size = (samples.Count + _batchStep - 1) / _batchStep * _batchStep;
        Model.ResetStates(); // requests know nothing of each other
        (Shape Shape, float[] Values)[] inputs = [.. Enumerable.Range(0, Model.Inputs.Count).Select(i => Together(samples, i, size))];
        if (inputs.Length == 1 && Model.Outputs.Count == 1)
            return [.. Model.Predict(inputs[0].Values, inputs[0].Shape, cancellation).Take(samples.Count).Select(row => new[] { row })];
        (Shape Shape, float[] Values)[] outputs = Model.PredictAll(inputs, cancellation);
        return [.. Enumerable.Range(0, samples.Count).Select(n => Array.ConvertAll(outputs, o => o.Values.AsSpan(n * (o.Values.Length / size), o.Values.Length / size).ToArray()))];
    }

    // One input of all samples, one behind the other; the first again where more rows are computed than samples are there.
    private static (Shape Shape, float[] Values) Together(IReadOnlyList<Sample> samples, int input, int size)
    {
        (Shape shape, float[] first) = samples[0].Inputs[input];
        var values = new float[size * first.Length];
        for (int n = 0; n < size; n++)
            samples[n < samples.Count ? n : 0].Inputs[input].Values.CopyTo(values, n * first.Length);
        return (shape.Prepend(size), values);
    }

    // As KServe's open inference protocol names them; -1 stands for the axis of samples.
    private static JsonArray Tensors(IReadOnlyList<string> names, Shape[] shapes) => [.. names.Select((name, i) => (JsonNode)new JsonObject
    {
        ["name"] = name, ["datatype"] = "FP32", ["shape"] = new JsonArray([-1, .. shapes[i].Select(d => (JsonNode)d)]),
    })];
}
