using System.Globalization;
using Graft.Inference;
using Graft.Ops;

namespace Graft.Importers.Onnx;

/// <content>Causal attention, with keys and values of earlier tokens where they are asked for; positions; the last token.</content>
internal sealed partial class GraphExport
{
    private const string PastLength = "past_sequence_length", TotalLength = "total_sequence_length"; // as Optimum names these extents

    private readonly List<(string Name, string[] Dims)> _present = [];
    private string? _positions, _seen;
    private (string Past, string New, string Total)? _lengths; // int64, without an axis

    /// <summary>True for a model of token ids whose tokens see those before them.</summary>
    private bool IsLanguageModel => _trace.Inputs.Length == 1 && _trace.Inputs[0].Shape.Rank == 2 && _trace.Ops.Any(o => o.Op is CausalAttentionOp);

    private bool HasPast => _options.KeyValueCache;

    private void CheckCache()
    {
        bool asked = _options.KeyValueCache || _options.AttentionMask || _options.LastLogitsOnly;
        if (asked && !IsLanguageModel)
            throw new GraftException($"ONNX export: model '{_model.Name}' is no language model with causal attention; KeyValueCache, AttentionMask and LastLogitsOnly are for these.");
        if ((_options.KeyValueCache || _options.AttentionMask) && !_trace.HasOpenLength)
            throw new GraftException($"ONNX export: model '{_model.Name}' takes sequences of {_model.Inputs[0].Shape[0]} tokens alone; a cache of keys and values, or a mask, is written for models of 4 tokens or more that take shorter sequences too.");
        if (_options.LastLogitsOnly && _model.Outputs[0].Shape.Rank != 2)
            throw new GraftException($"ONNX export: model '{_model.Name}' returns {_model.Outputs[0].Shape} a sample; LastLogitsOnly is for those with logits of each token.");
    }

    private string Batch => _options.BatchSize?.ToString(CultureInfo.InvariantCulture) ?? Extent.BatchName;

    private void AddAttentionInputs()
    {
        if (_options.AttentionMask)
        {
            _graph.Inputs.Add((_graph.Free("attention_mask"), OnnxType.Int64, [Batch, HasPast ? TotalLength : Extent.SequenceName]));
            _graph.Inputs.Add((_graph.Free("position_ids"), OnnxType.Int64, [Batch, Extent.SequenceName]));
            _positions = "position_ids";
        }
        if (!HasPast)
            return;
        TracedOp[] blocks = [.. _trace.Ops.Where(o => o.Op is CausalAttentionOp)];
        for (int i = 0; i < blocks.Length; i++)
        {
            (int heads, int size) = Heads(blocks[i]);
            foreach (bool keys in new[] { true, false })
                _graph.Inputs.Add((_graph.Free(Cache("past_key_values", i, keys)), OnnxType.Float, [Batch, $"{heads}", PastLength, $"{size}"]));
        }
    }

    private static (int Heads, int Size) Heads(TracedOp op)
    {
        int heads = ((CausalAttentionOp)op.Op).Heads;
        return (heads, op.Output.Shape[2] / heads);
    }

    private static string Cache(string stem, int block, bool keys) => $"{stem}.{block.ToString(CultureInfo.InvariantCulture)}.{(keys ? "key" : "value")}";

    private void AddAttention(TracedOp op, CausalAttentionOp attention)
    {
        (int heads, int size) = Heads(op);
        string qkv = Plain(op.Inputs[0]); // [N,T,3C]
        string[] parts = [_graph.Free(Name("query")), _graph.Free(Name("key")), _graph.Free(Name("value"))];
        _graph.Node("Split", Name("Split"), [qkv, _graph.Integers(heads * size, heads * size, heads * size)], parts, OnnxGraph.Attribute("axis", 2L));
        string split = _graph.Integers(0, 0, heads, size);
        string[] turned = Array.ConvertAll(parts, p => Transpose(Emit("Reshape", [p, split]), [0, 2, 1, 3])); // [N,heads,T,D]
        (string keys, string values) = HasPast ? (Extended(turned[1], keys: true, heads, size), Extended(turned[2], keys: false, heads, size)) : (turned[1], turned[2]);
        string scores = Emit("MatMul", [turned[0], Transpose(keys, [0, 1, 3, 2])]); // [N,heads,T,S]
        float scale = attention.Scale > 0 ? attention.Scale : 1 / MathF.Sqrt(size);
        scores = Emit("Where", [Seen(), Emit("Mul", [scores, _graph.Scalar(scale)]), _graph.Scalar(float.MinValue)]); // finite: a row of padding alone stays a number
        string mixed = Emit("MatMul", [Emit("Softmax", [scores], OnnxGraph.Attribute("axis", -1L)), values]);
        Define(op.Output, Emit("Reshape", [Transpose(mixed, [0, 2, 1, 3]), _graph.Integers(0, 0, heads * size)])); // [N,T,C]
    }

    /// <summary>The past, and behind it the new; all of it goes out.</summary>
    private string Extended(string fresh, bool keys, int heads, int size)
    {
        int block = _present.Count / 2;
        string present = _graph.Free(Cache("present", block, keys));
        _graph.Node("Concat", Name("Concat"), [Cache("past_key_values", block, keys), fresh], [present], OnnxGraph.Attribute("axis", 2L));
        _present.Add((present, [Batch, $"{heads}", TotalLength, $"{size}"]));
        return present;
    }

    private (string Past, string New, string Total) Lengths()
    {
        if (_lengths is { } known)
            return known;
        string fresh = _trace.HasOpenLength ? Number(InputExtent(1)) : _graph.Integer(_model.Inputs[0].Shape[0]);
        if (!HasPast)
            return (_lengths = (_graph.Integer(0), fresh, fresh)).Value;
        string past = Number(_graph.Node("Shape", PastLength, [Cache("past_key_values", 0, keys: true)], OnnxGraph.Attribute("start", 2L), OnnxGraph.Attribute("end", 3L)));
        return (_lengths = (past, fresh, Emit("Add", [past, fresh]))).Value;
    }

    private string Number(string single) => Emit("Squeeze", [single]);

    /// <summary>Positions of the new tokens: [T], or [N,T] where they come in.</summary>
    private string Positions()
    {
        (string past, _, string total) = Lengths();
        return _positions ??= _graph.Node("Range", "positions", [past, total, _graph.Integer(1)]);
    }

    /// <summary>Which token sees which: [T,S], with a mask [N,1,T,S]. The same for all blocks.</summary>
    private string Seen()
    {
        if (_seen is not null)
            return _seen;
        (string past, _, string total) = Lengths();
        string rows = Emit("Unsqueeze", [_graph.Node("Range", "rows", [past, total, _graph.Integer(1)]), _graph.Integers(1)]);
        string columns = _graph.Node("Range", "columns", [_graph.Integer(0), total, _graph.Integer(1)]);
        _seen = _graph.Node("LessOrEqual", "causal_mask", [columns, rows]);
        if (!_options.AttentionMask)
            return _seen;
        string mask = Emit("Unsqueeze", [Emit("Cast", ["attention_mask"], OnnxGraph.Attribute("to", (long)OnnxType.Bool)), _graph.Integers(1, 2)]);
        return _seen = Emit("And", [_seen, mask]);
    }

    /// <summary>The last token that is no padding: its place is the largest where one stands; its row is picked by a product with ones and zeros.</summary>
    private void AddLastToken(TracedOp op, LastTokenOp last)
    {
        string x = Plain(op.Inputs[0]);
        if (last.Padding is not int padding)
        {
            Define(op.Output, Emit("Squeeze", [LastStep(x), _graph.Integers(1)]));
            return;
        }
        string ids = Indices(op.Inputs[1]), places = Emit("Range", [_graph.Integer(0), Lengths().New, _graph.Integer(1)]);
        string isToken = Emit("Cast", [Emit("Not", [Emit("Equal", [ids, _graph.Integer(padding)])])], OnnxGraph.Attribute("to", (long)OnnxType.Int64));
        string place = Reduce(Kernels.ReduceFormula.Max, Emit("Mul", [isToken, places]), [1], keepDims: true); // [N,1]; 0 where all is padding
        string share = Emit("Cast", [Emit("Equal", [places, place])], OnnxGraph.Attribute("to", (long)OnnxType.Float)); // [N,T]
        string row = Emit("MatMul", [Emit("Unsqueeze", [share, _graph.Integers(1)]), x]); // [N,1,T] [N,T,C] -> [N,1,C]
        Define(op.Output, Emit("Squeeze", [row, _graph.Integers(1)]));
    }
}
