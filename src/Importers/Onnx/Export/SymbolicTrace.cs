using Graft.Inference;

namespace Graft.Importers.Onnx;

/// <summary>
/// The ops of a model, and how the shapes of all they read and make depend on the batch size and, where the model takes sequences of several lengths, on
/// the length: the model is traced twice, with other numbers, and the shapes are compared.
/// </summary>
internal sealed class SymbolicTrace : IDisposable
{
    // Primes that are no extents of layers: a multiple of both is one of the batch.
    private const int FirstBatch = 101, SecondBatch = 103;
    private const int LeastLength = 4; // below, sequences have the length of the model

    private readonly Trace _first, _second;
    private readonly (int First, int Second) _batch, _length;
    private readonly Dictionary<Tensor, Tensor> _counterparts = [];
    private readonly string _model;

    public SymbolicTrace(Model model, int? batchSize)
    {
        _model = model.Name;
        _batch = batchSize is int fixedSize ? (fixedSize, fixedSize) : (FirstBatch, SecondBatch);
        _length = Lengths(model);
        _first = new Trace(model, Shapes(model, _batch.First, _length.First), training: false);
        _second = new Trace(model, Shapes(model, _batch.Second, _length.Second), training: false);
        if (_first.Ops.Count != _second.Ops.Count)
            throw new GraftException($"ONNX export: model '{model.Name}' runs {_first.Ops.Count} ops for one batch size or sequence length and {_second.Ops.Count} for another; such a graph cannot be written. Give a fixed BatchSize.");
        Pair(_first.Inputs, _second.Inputs);
        for (int i = 0; i < _first.Ops.Count; i++)
        {
            Pair(_first.Ops[i].Inputs, _second.Ops[i].Inputs);
            Pair([_first.Ops[i].Output], [_second.Ops[i].Output]);
        }
        Pair(_first.Outputs, _second.Outputs);
    }

    /// <summary>The model's inputs.</summary>
    public Tensor[] Inputs => _first.Inputs;

    /// <summary>The model's outputs.</summary>
    public Tensor[] Outputs => _first.Outputs;

    /// <summary>The ops in order.</summary>
    public IReadOnlyList<TracedOp> Ops => _first.Ops;

    /// <summary>True where the length of the sequences is open.</summary>
    public bool HasOpenLength => _length.First != _length.Second;

    /// <summary>The extents of a tensor of this trace.</summary>
    public Extent[] Of(Tensor tensor)
    {
        Shape first = tensor.Shape, second = _counterparts[tensor].Shape;
        if (first.Rank != second.Rank)
            throw Unclear(first, second);
        return [.. first.Zip(second, (a, b) => Of(a, b) ?? throw Unclear(first, second))];
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    private Extent? Of(int first, int second)
    {
        if (first == second)
            return new Extent(first);
        foreach ((bool batch, bool length) in new[] { (true, false), (false, true), (true, true) })
        {
            (int a, int b) = ((batch ? _batch.First : 1) * (length ? _length.First : 1), (batch ? _batch.Second : 1) * (length ? _length.Second : 1));
            if (a != b && first % a == 0 && second % b == 0 && first / a == second / b)
                return new Extent(first / a, batch, length);
        }
        return null;
    }

    private void Pair(Tensor[] first, Tensor[] second)
    {
        for (int i = 0; i < first.Length; i++)
            _counterparts[first[i]] = second[i];
    }

    private static Shape[] Shapes(Model model, int batch, int length) => [.. model.Inputs.Select((input, i) => (i == 0 && length > 0 ? new Shape(length) : input.Shape).Prepend(batch))];

    /// <summary>Two lengths that the model takes beside its own; twice 0 where it takes its own alone.</summary>
    private static (int, int) Lengths(Model model)
    {
        Shape own = model.Inputs[0].Shape;
        bool open = model.Inputs.Count == 1 && own.Rank == 1 && own[0] >= LeastLength && model.Takes(0, new Shape(own[0] - 1)) && model.Takes(0, new Shape(own[0] - 2));
        return open ? (own[0] - 1, own[0] - 2) : (0, 0); // not its own: where all positions of a table are used, it is not cut
    }

    private GraftException Unclear(Shape first, Shape second) => new($"ONNX export: model '{_model}' has a shape {first} for one batch size or sequence length and {second} for another, which is no multiple of these. Give a fixed BatchSize.");
}
