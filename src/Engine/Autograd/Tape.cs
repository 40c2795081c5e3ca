using Graft.Inference;
using Graft.Kernels;
using Graft.Ops;
using Graft.Training;

namespace Graft.Autograd;

/// <summary>
/// Runs ops and, where a gradient is wanted, records them; <see cref="Backward(Tensor)"/> replays the record in reverse. The tape
/// owns all that its ops produce and gives it back when it ends.
/// </summary>
/// <remarks>
/// A gradient is wanted for tensors that were watched and for all that was computed from them. What no gradient passes
/// through is not recorded and leaves nothing behind: that is what "frozen" costs. One tape serves one step on one thread.
/// </remarks>
public sealed class Tape(Device device) : IDisposable
{
    private readonly List<OpCall> _record = [];
    private bool _isDisposed;
    private readonly HashSet<Tensor> _owned = [];
    private readonly HashSet<Tensor> _wanted = [];
    private readonly HashSet<Tensor> _watched = []; // those that were asked for from outside
    private readonly OrderedDictionary<Tensor, OpCall> _kept = [];
    private readonly Dictionary<string, HeldTensor> _temporaries = [];
    private readonly List<(OpCall By, Shape Shape, long Bytes)> _overwritten = [];
    private readonly Checkpoints? _checkpoints;
    private readonly List<Tensor> _penalties = [];
    private readonly Dictionary<Tensor, Tensor> _converted = []; // what ops read in another type, until nobody reads the tensor itself any more
    private readonly Dictionary<Tensor, (Tensor Copy, int Version, OpCall By)> _rounded = []; // weights, once for all calls forward and backward
    private bool _replayed;

    /// <summary>Where ops run.</summary>
    public Device Device { get; } = device;

    /// <summary>
    /// What dense layers, convolutions and matrix products multiply in, forward and backward. In 16 bits the factors of each product are rounded, and what the ops that
    /// <see cref="Op.TrainsNarrow"/> names hand on to each other, and its gradients, have 16 bits in memory; all else is float32.
    /// </summary>
    /// <exception cref="GraftException">The device does not compute in it.</exception>
    public ComputePrecision Precision
    {
        get => Kernels.Precision;
        init => Kernels = Device.Kernels.In(value);
    }

    /// <summary>True for a training step: Dropout drops, BatchNorm of trainable layers uses the batch.</summary>
    public bool Training { get; init; }

    /// <summary>Seed of this step's random ops.</summary>
    public ulong Seed { get; init; }

    /// <summary>Cancels between ops: a step ends within the op that runs.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Name of the layer that calls now; stands in errors and in <see cref="KeptBytes"/>.</summary>
    public string Layer { get; set; } = "";

    /// <summary>Number of ops run so far; random ops derive their stream from it.</summary>
    public int OpCount { get; private set; }

    /// <summary>
    /// Gradient checkpointing: after so many layers what they computed is given back, and computed once more in backward, to the same bits. Less
    /// memory for about a third more time. 0 holds everything.
    /// </summary>
    public int CheckpointEvery
    {
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _checkpoints = value == 0 ? null : new Checkpoints(value);
        }
    }

    /// <summary>Bytes held for backward, by the layer whose ops hold them. A frozen base has no entry.</summary>
    public IReadOnlyDictionary<string, long> KeptBytes
    {
        get
        {
            var bytes = new Dictionary<string, long>();
            foreach ((OpCall by, _, long held) in HeldForBackward())
                bytes[by.Layer] = bytes.GetValueOrDefault(by.Layer) + held;
            return bytes;
        }
    }

    /// <summary>What is held for backward, tensor by tensor, and the largest buffer that the ops of each layer had while they ran.</summary>
    internal IEnumerable<HeldTensor> Held =>
        [.. HeldForBackward().Select(k => new HeldTensor(PathOf(k.By), MemoryUse.Activation, k.Shape, k.Bytes)), .. _temporaries.Values,
            .. _rounded.Values.Select(r => new HeldTensor(PathOf(r.By), MemoryUse.Scratch, r.Copy.Shape, r.Copy.Bytes)),
            .. Gradients.Deferred.Select(d => new HeldTensor(PathOf(d.Call), MemoryUse.Gradient, d.OutputGradient.Shape, d.OutputGradient.Bytes))];

    internal GradientTable Gradients { get; } = new();

    /// <summary>The routines of the device in <see cref="Precision"/>.</summary>
    internal KernelSet Kernels { get; private init; } = device.Kernels;

    /// <summary>True where nobody reads what layers made once backward has begun: a loss may write its gradient over the logits.</summary>
    internal bool OverwritesOutputs { get; init; }

    /// <summary>True where an optimizer takes the gradients of parameters, each once and element by element: it may make them itself, of what they are products of.</summary>
    internal bool DefersGradients { get; init; }

    /// <summary>Where ops are noted down instead of run; null on a tape that computes.</summary>
    internal Trace? Trace { get; init; }

    /// <summary>Results that an inference plan has computed already, by the number of the op; null where there is no plan.</summary>
    internal IReadOnlyList<Tensor?>? Computed { get; init; }

    /// <summary>Where the time of each op is noted down; null where nobody asks.</summary>
    internal OpTimes? Times { get; init; }

    /// <summary>What activations cost in this step, each a single number: added to the loss.</summary>
    internal IReadOnlyList<Tensor> Penalties => _penalties;

    /// <summary>True where a gradient of the tensor is wanted.</summary>
    internal bool Wants(Tensor tensor) => _wanted.Contains(tensor);

    /// <summary>
    /// Adds a cost, a single number, to the loss of this training step: what <see cref="Model.AddPenalties"/> sums, as Fit does. One that no trainable tensor leads to is left
    /// out, as it moves nothing. Keras's add_loss.
    /// </summary>
    /// <exception cref="ShapeException">It is not one number.</exception>
    public void AddPenalty(Tensor cost)
    {
        if (cost.Count != 1)
            throw new ShapeException($"AddPenalty: the cost of layer '{Layer}' has shape {cost.Shape}; reduce it to one number first.");
        if (Wants(cost))
            _penalties.Add(cost);
    }

    /// <summary>
    /// Asks for the gradient of a tensor: of an input or a weight before it is read, of an intermediate result also later, before <see cref="Backward(Tensor)"/>, which else gives its gradient back once it was
    /// passed on. PyTorch's requires_grad and retain_grad.
    /// </summary>
    public void Watch(Tensor tensor)
    {
        _wanted.Add(tensor);
        _watched.Add(tensor);
    }

    /// <summary>A tensor on this tape with numbers from the host.</summary>
    public Tensor Constant(Shape shape, ReadOnlySpan<float> values) => Open().Own(Tensor.From(Device, shape, values));

    /// <summary>A tensor of indices on this tape, with numbers from the host.</summary>
    public Tensor Constant(Shape shape, ReadOnlySpan<int> values) => Open().Own(Tensor.From(Device, shape, values));

    /// <summary>Runs an op.</summary>
    /// <exception cref="ShapeException">The inputs do not fit the op; the message names the layer.</exception>
    /// <exception cref="OperationCanceledException">The step was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The tape gave everything back.</exception>
    public Tensor Run(Op op, params ReadOnlySpan<Tensor> inputs)
    {
        Open();
        CancellationToken.ThrowIfCancellationRequested();
        int number = OpCount++;
        if (Computed is not null && number < Computed.Count && Computed[number] is { } computed)
            return computed;
        var shapes = new Shape[inputs.Length];
        var needs = new bool[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            shapes[i] = inputs[i].Shape;
            needs[i] = op.IsDifferentiable(i) && _wanted.Contains(inputs[i]);
        }
        Shape shape = Infer(op, shapes);
        if (Trace is not null)
            return Note(op, inputs, shape, needs.AsSpan().Contains(true));
        Tensor[] read = inputs.ToArray();
        DType type = op.IsView ? read[0].Type : Convert(op, read, shapes, number);
        return Execute(op, read, shapes, needs, Own(op.IsView ? read[0].View(shape) : Tensor.Allocate(Device, shape, type)), number);
    }

    /// <summary>Runs an op on inputs of the types that it reads, and records it where a gradient is wanted.</summary>
    private Tensor Execute(Op op, Tensor[] inputs, Shape[] shapes, bool[] needs, Tensor output, int number, int conversion = 0)
    {
        Tensor[] saved = needs.AsSpan().Contains(true) || !op.SavesForBackwardOnly ? Array.ConvertAll(op.SavedShapes(shapes), s => Own(Tensor.Allocate(Device, s))) : [];
        var call = new OpCall(this, op, inputs, output, saved, needs, Layer) { Number = number, Conversion = conversion };
        double start = Times?.Now ?? 0;
        try
        {
            op.Forward(call);
            Times?.AddForward(call, start);
        }
        finally
        {
            call.ReleaseTemporaries(); // also where the device had no memory for the next
        }
        if (call.Recorded)
            Record(call);
        else
            Array.ForEach(saved, Drop);
        return output;
    }

    /// <summary>Computes the gradients of a scalar with respect to all watched tensors.</summary>
    /// <exception cref="InvalidOperationException">The tape already ran backward, or no gradient reaches the loss.</exception>
    /// <exception cref="ShapeException">The loss is more than one number, or the gradient that was given has not as many as the output.</exception>
    /// <exception cref="OperationCanceledException">The tape's token was cancelled.</exception>
    public void Backward(Tensor loss)
    {
        if (loss.Count != 1)
            throw new ShapeException($"Backward: the loss has shape {loss.Shape}; reduce it to one number first.");
        Backward(loss, [1f]);
    }

    /// <summary>Computes gradients from a given gradient of <paramref name="output"/>.</summary>
    /// <inheritdoc cref="Backward(Tensor)"/>
    public void Backward(Tensor output, ReadOnlySpan<float> gradient)
    {
        if (_replayed)
            throw new InvalidOperationException("This tape has run backward; a tape serves one backward pass.");
        if (!_wanted.Contains(output))
            throw new InvalidOperationException("Backward: no trainable tensor leads to this output. Weights count where the tape has Training = true and their layer is not frozen, other tensors after Watch.");
        _replayed = true;
        Gradients.Contribute(output).Gradient.Set(gradient);
        for (int i = _record.Count - 1; i >= 0; i--)
        {
            CancellationToken.ThrowIfCancellationRequested();
            OpCall call = _record[i];
            _checkpoints?.Enter(_record, i, t => Gradients.Find(t) is not null);
            if (Gradients.Find(call.Output) is not null) // else the loss does not depend on it
            {
                double start = Times?.Now ?? 0;
                try
                {
                    call.Op.Backward(call);
                    Times?.AddBackward(call, start, Gradients.Defers(call));
                }
                finally
                {
                    call.ReleaseTemporaries();
                }
                if (!_watched.Contains(call.Output))
                    Gradients.Release(call.Output);
            }
            _checkpoints?.Leave(i);
        }
    }

    /// <summary>The gradient of a watched tensor after <see cref="Backward(Tensor)"/>; null where none reached it.</summary>
    public Tensor? Gradient(Tensor tensor) => Gradients.Find(tensor) is null ? null : Gradients.Own(tensor); // it may be changed in place

    /// <summary>Gives a result's memory back early where backward will not read it. What was traced stays: a plan reads it.</summary>
    public void Release(Tensor tensor)
    {
        if (_converted.Remove(tensor, out Tensor? copy))
            Release(copy);
        if (Trace is null && _owned.Contains(tensor) && _checkpoints?.Release(tensor) != true && !_kept.ContainsKey(tensor))
            Drop(tensor);
    }

    /// <summary>Says that a layer is about to run: where a segment of <see cref="CheckpointEvery"/> may end.</summary>
    internal void NextLayer() => _checkpoints?.NextLayer(_record);

    /// <summary>Gives everything back.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        Gradients.Clear();
        foreach (Tensor t in _owned)
            t.Release();
        _owned.Clear();
        _converted.Clear();
        _rounded.Clear();
        _record.Clear();
    }

    private Tensor Note(Op op, ReadOnlySpan<Tensor> inputs, Shape shape, bool wanted)
    {
        // A parameter or constant under another shape stays one: what is traced reads its numbers.
        Tensor output = op.IsView && inputs[0].Memory is not null ? Own(inputs[0].View(shape)) : Tensor.Symbolic(Device, shape);
        Trace!.Add(new TracedOp(op, inputs.ToArray(), output, Layer, wanted));
        if (wanted)
            _wanted.Add(output);
        return output;
    }

    /// <summary>
    /// Brings inputs into the types that an op reads, where numbers of 16 bits are about, and says what it makes: 16 bits where it has kernels for them and one of its inputs has 16, or is
    /// rounded for it anyway; else float32.
    /// </summary>
    private DType Convert(Op op, Tensor[] inputs, Shape[] shapes, int number)
    {
        DType narrow = DTypes.Of(Precision);
        if (narrow == DType.Float32)
            return DType.Float32;
        bool isNarrow = op.BeginsNarrow;
        for (int i = 0; i < inputs.Length && !isNarrow; i++)
            isNarrow = op.ReadsNarrow(i) && inputs[i].Type == narrow;
        isNarrow = isNarrow && op.TrainsNarrow(Kernels.Narrow, shapes);
        if (isNarrow && op.AddsTypes && Array.Exists(inputs, t => t.Type == DType.Float32 && !_converted.ContainsKey(t)))
            return DType.Float32;
        for (int i = 0; i < inputs.Length; i++)
        {
            DType type = isNarrow && op.ReadsNarrow(i) ? narrow : DType.Float32;
            if (inputs[i].Type != type && inputs[i].Type != DType.Int32 && !(isNarrow && op.ReadsFloat32(i)))
                inputs[i] = Converted(inputs[i], type, number, i);
        }
        return isNarrow && op.MakesNarrow ? narrow : DType.Float32;
    }

    /// <summary>A weight's numbers in 16 bits: rounded at the first call that asks, and anew where they have changed since.</summary>
    internal Tensor Rounded(OpCall call, Tensor weight)
    {
        if (_rounded.TryGetValue(weight, out (Tensor Copy, int Version, OpCall By) known) && known.Version == weight.Version)
            return known.Copy;
        Tensor copy = known.Copy ?? Own(Tensor.Allocate(Device, weight.Shape, DTypes.Of(Precision)));
        Kernels.Narrow.Round(weight.Data, copy.NarrowData, copy.Count);
        _rounded[weight] = (copy, weight.Version, known.By ?? call);
        return copy;
    }

    /// <summary>A tensor's numbers in another type, converted once for all that read them; it takes no number among the ops, which a plan and random ops count.</summary>
    private Tensor Converted(Tensor tensor, DType type, int number, int index)
    {
        if (!_converted.TryGetValue(tensor, out Tensor? copy))
        {
            copy = Execute(new ConvertOp(type), [tensor], [tensor.Shape], [_wanted.Contains(tensor)], Own(Tensor.Allocate(Device, tensor.Shape, type)), number, index + 1);
            _converted.Add(tensor, copy);
        }
        return copy;
    }

    private Shape Infer(Op op, Shape[] shapes)
    {
        try
        {
            return op.InferShape(shapes);
        }
        catch (ShapeException e) when (Layer.Length > 0)
        {
            throw new ShapeException($"Layer '{Layer}': {e.Message}", e);
        }
    }

    private void Record(OpCall call)
    {
        _record.Add(call);
        _wanted.Add(call.Output);
        for (int i = 0; i < call.InputCount; i++)
        {
            if (call.Op.KeepsInput(i, call))
                Keep(call.In(i), call);
            if (_checkpoints?.Needs(call, i) == true)
                Keep(call.In(i), call);
        }
        _checkpoints?.Produced(call);
        if (call.Op.KeepsOutputOf(call))
            Keep(call.Output, call);
        foreach (Tensor t in call.SavedTensors)
            Keep(t, call);
    }

    /// <summary>Notes a buffer that an op has while it runs.</summary>
    internal void NoteTemporary(OpCall call, Tensor buffer)
    {
        string path = PathOf(call);
        if (!_temporaries.TryGetValue(path, out HeldTensor? largest) || largest.Bytes < buffer.Bytes)
            _temporaries[path] = new HeldTensor(path, MemoryUse.Scratch, buffer.Shape, buffer.Bytes);
    }

    /// <summary>
    /// Gives a tensor's memory to its gradient, where that is the first contribution and no op before <paramref name="call"/>, whose backward is still to
    /// come, reads it then or computes from it again.
    /// </summary>
    internal bool TryOverwrite(OpCall call, Tensor tensor)
    {
        if (!OverwritesOutputs || !_owned.Contains(tensor) || tensor.IsShared || Gradients.IsRead(tensor))
            return false;
        foreach (OpCall earlier in _record.TakeWhile(c => c != call))
        {
            if (earlier.Inputs.Contains(tensor) || (earlier.Output == tensor && earlier.Op.KeepsOutputOf(earlier)))
                return false;
        }
        long bytes = tensor.Bytes;
        if (!Gradients.TryTakeOver(tensor))
            return false;
        _overwritten.Add((call, tensor.Shape, bytes));
        return true;
    }

    /// <summary>
    /// Leaves the gradient of a parameter to the optimizer, as the product of <paramref name="input"/> and the gradient of the output: where that is its only
    /// contribution. With gradient checkpointing the input's memory is wanted back before.
    /// </summary>
    internal bool TryDefer(OpCall call, Tensor weight, Tensor input, DenseGeometry geometry)
    {
        if (!DefersGradients || _checkpoints is not null || _owned.Contains(weight) || !call.Kernels.Gradient.TakesProduct(geometry))
            return false;
        int uses = 0;
        foreach (OpCall other in _record)
            uses += other.Inputs.Count(weight);
        if (uses != 1)
            return false;
        Gradients.Defer(weight, call, geometry, input);
        return true;
    }

    private void Keep(Tensor tensor, OpCall call)
    {
        if (!_owned.Contains(tensor))
            return; // parameters belong to the model
        _kept.TryAdd(tensor, call);
        _checkpoints?.Reads(tensor);
    }

    /// <summary>What is kept and has memory; a view has that of what it looks into, which counts once.</summary>
    private IEnumerable<(OpCall By, Shape Shape, long Bytes)> HeldForBackward() =>
        _kept.Where(k => k.Key.Memory is not null).DistinctBy(k => k.Key.Memory).Select(k => (k.Value, k.Key.Shape, k.Key.Bytes)).Concat(_overwritten);

    private static string PathOf(OpCall call) => $"{call.Layer}/{call.Op.Name}";

    private Tape Open()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return this;
    }

    private Tensor Own(Tensor tensor)
    {
        _owned.Add(tensor);
        return tensor;
    }

    private void Drop(Tensor tensor)
    {
        _owned.Remove(tensor);
        tensor.Release();
    }
}
