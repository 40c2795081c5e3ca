using Graft.Importers.Onnx;
using Graft.Models;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Graft.Bench.Onnx;

/// <summary>A GPT-2 in ONNX Runtime: one token after the other behind keys and values that stay where the run before has put them.</summary>
internal sealed class OrtGpt2 : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly int _tokens;
    private readonly OrtValue[] _noPast;
    private readonly float[] _logits;

    /// <param name="model">Its weights are copied.</param>
    /// <param name="tokens">New tokens a run: many without a past, or one.</param>
    /// <param name="hasPast">True for runs behind a past.</param>
    /// <param name="threads">Threads that share an op.</param>
    public OrtGpt2(Gpt2 model, int tokens, bool hasPast, int threads)
    {
        byte[] onnx = OnnxExport.ToBytes(model, new OnnxExportOptions { BatchSize = 1, KeyValueCache = hasPast, LastLogitsOnly = true });
        using SessionOptions options = OrtSession.Options(threads);
        _session = new InferenceSession(onnx, options);
        (_tokens, _logits) = (tokens, new float[model.VocabularySize]);
        long[] empty = [1, model.Config.Heads, 0, model.Config.Width / model.Config.Heads];
        _noPast = hasPast ? [.. Enumerable.Range(0, 2 * model.Config.Blocks).Select(_ => OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, empty))] : [];
    }

    /// <summary>Logits behind the last token.</summary>
    public float[] Logits => _logits;

    /// <summary>Reads tokens, as many a run as the graph takes; <paramref name="next"/> is asked for a token where the list ends.</summary>
    /// <param name="tokens">The first tokens.</param>
    /// <param name="length">Tokens to read in all.</param>
    /// <param name="next">The token behind the latest logits.</param>
    public void Read(ReadOnlySpan<int> tokens, int length, Func<float[], int> next)
    {
        IReadOnlyList<OrtValue> past = _noPast;
        IDisposableReadOnlyCollection<OrtValue>? results = null;
        var ids = new long[_tokens];
        for (int at = 0; at < length; at += _tokens)
        {
            for (int i = 0; i < _tokens; i++)
                ids[i] = at + i < tokens.Length ? tokens[at + i] : next(_logits);
            IDisposableReadOnlyCollection<OrtValue> fresh = Run(ids, past);
            results?.Dispose(); // the keys and values that went in
            results = fresh;
            results[0].GetTensorDataAsSpan<float>().CopyTo(_logits);
            past = _noPast.Length == 0 ? _noPast : [.. results.Skip(1)];
        }
        results?.Dispose();
    }

    public void Dispose()
    {
        foreach (OrtValue value in _noPast)
            value.Dispose();
        _runOptions.Dispose();
        _session.Dispose();
    }

    private static string Cache(string stem, int i) => $"{stem}.{i / 2}.{(i % 2 == 0 ? "key" : "value")}";

    private IDisposableReadOnlyCollection<OrtValue> Run(long[] ids, IReadOnlyList<OrtValue> past)
    {
        using OrtIoBinding binding = _session.CreateIoBinding();
        using OrtValue idValue = OrtValue.CreateTensorValueFromMemory(ids, [1, _tokens]);
        binding.BindInput("input_ids", idValue);
        for (int i = 0; i < past.Count; i++)
            binding.BindInput(Cache("past_key_values", i), past[i]);
        binding.BindOutputToDevice("logits", OrtMemoryInfo.DefaultInstance);
        for (int i = 0; i < _noPast.Length; i++)
            binding.BindOutputToDevice(Cache("present", i), OrtMemoryInfo.DefaultInstance);
        return _session.RunWithBoundResults(_runOptions, binding);
    }
}
