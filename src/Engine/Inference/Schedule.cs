using Graft.Kernels;

namespace Graft.Inference;

/// <summary>A plan for one shape of input: steps in order, each with its memory.</summary>
internal sealed class Schedule : IDisposable
{
    private readonly PlanMemory _memory;
    private readonly KernelSet _kernels;
    private readonly Trace _trace;
    private readonly List<PlanNode> _nodes;
    private readonly IReadOnlyDictionary<Tensor, PlanValue> _values;
    private readonly FrozenPart _part;
    private readonly Dictionary<FusedNode, PackedWeights> _packed = [];
    private readonly Dictionary<OpNode, (ArenaSlot[] Slots, Shape[] Shapes)> _saved = [];
    private readonly Tensor[] _constants;
    private readonly Tensor[] _frozenSources;
    private readonly long _floats;
    private readonly List<Tensor> _results = [];
    private Tensor[] _boundary = [];
    private PlanStep[] _steps = [];
    private StepSequence? _all, _behindBoundary; // null before they are bound
    private bool _isBound;

    /// <param name="model">The model.</param>
    /// <param name="inputs">Shapes of its inputs, with the batch axis.</param>
    /// <param name="batch">The batch size that algorithms are chosen for.</param>
    /// <param name="training">True plans what is frozen in a training step, false all of inference.</param>
    /// <param name="options">What is allowed.</param>
    /// <param name="memory">Arena and packed weights.</param>
    public Schedule(Model model, Shape[] inputs, int batch, bool training, PlanOptions options, PlanMemory memory)
    {
        _memory = memory;
        _kernels = memory.Device.Kernels.In(options.Precision);
        _trace = new Trace(model, inputs, training);
        _part = new FrozenPart(_trace);
        HasWork = _part.HasWork;
        IsWhole = Array.TrueForAll(_trace.Outputs, _part.Results.Contains);
        (IReadOnlyList<PlanNode> nodes, _values) = PlanBuilder.Build(_part, IsNarrow);
        _nodes = ChooseAlgorithms.Apply(nodes, _kernels, batch, options);
        if (IsNarrow)
            (_nodes, _values) = NarrowValues.Apply(_nodes, _values, _part, _kernels.Narrow);
        foreach (FusedNode node in _nodes.OfType<FusedNode>())
            _packed.Add(node, Acquire(node));
        _constants = [.. _values.Values.Select(v => v.Constant).OfType<Tensor>(), .. _packed.Keys.SelectMany(Sources), .. _trace.Ops.Where(op => op.IsConstant).Select(op => op.Inputs[0])];
        _frozenSources = [.. _nodes.Where(n => n.IsFrozen).SelectMany(Sources).Distinct()];
        HasFrozenWork = _part.Boundary.Count > 0 && _nodes.Exists(n => n.IsFrozen);
        FrozenFlops = _nodes.Where(n => n.IsFrozen).Sum(n => n.Flops);
        BoundaryWidths = _part.CanBeginAtBoundary ? [.. _part.Boundary.Select(t => checked((int)t.Shape.Tail().Count))] : [];
        _floats = PlaceValues();
        memory.Moving += Unbind;
    }

    /// <summary>What products are computed in.</summary>
    public ComputePrecision Precision => _kernels.Precision;

    /// <summary>True where there is something to compute: more than other shapes for the same numbers.</summary>
    public bool HasWork { get; }

    /// <summary>The steps of the last binding.</summary>
    public IReadOnlyList<PlanStep> Steps => _steps;

    /// <summary>What is planned, op by op.</summary>
    public FrozenPart Part => _part;

    /// <summary>Samples in a batch.</summary>
    public int BatchSize => _trace.Inputs[0].Shape[0];

    /// <summary>True where something is computed that no trainable parameter is behind.</summary>
    public bool HasFrozenWork { get; }

    /// <summary>Multiplications and additions of that for a batch.</summary>
    public long FrozenFlops { get; }

    /// <summary>Numbers a sample in each value of the boundary, in order; empty where the rest needs more, or samples cannot be kept one by one.</summary>
    public int[] BoundaryWidths { get; }

    /// <summary>Counts all changes of the weights that the boundary depends on.</summary>
    public long FrozenVersion => _frozenSources.Sum(t => (long)t.Version);

    /// <summary>The weights that the boundary depends on.</summary>
    public IReadOnlyList<Tensor> FrozenSources => _frozenSources;

    /// <summary>Floats of the arena that this schedule needs.</summary>
    public long ArenaFloats => _floats;

    /// <summary>Bytes of its packed weights.</summary>
    public long PackedBytes => _packed.Values.Distinct().Sum(p => p.Bytes);

    /// <summary>
    /// What a tape takes instead of running the ops of the plan, by the number of the op: a tensor with the numbers where they are read
    /// outside of the plan, one without memory elsewhere, null where the op is not in the plan.
    /// </summary>
    public Tensor?[] Computed { get; private set; } = [];

    /// <summary>The model's inputs as the layers take them: with the numbers where something outside of the plan reads them.</summary>
    public Tensor[] Inputs { get; private set; } = [];

    /// <summary>True where all of the model's outputs are in the plan: no op that is random or changes something stands before one.</summary>
    public bool IsWhole { get; }

    /// <summary>The model's outputs, where the plan <see cref="IsWhole"/>.</summary>
    public Tensor[] Outputs { get; private set; } = [];

    /// <summary>How the steps are handed to the device, where that is not one by one; empty before a run.</summary>
    public string Launches => string.Join("; behind the boundary: ", new[] { _all?.Description, _behindBoundary?.Description }.Where(d => d is { Length: > 0 }));

    /// <summary>True while every tensor that was traced still has its memory.</summary>
    public bool IsValid => !Array.Exists(_constants, c => c.IsReleased);

    /// <summary>Runs all steps on numbers from the host; the results hold until the next run of any plan on the same memory.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled between two steps.</exception>
    public void Run(ReadOnlySpan<float> input, CancellationToken cancellationToken = default) => Run(input, [], cancellationToken);

    /// <summary>The same with the inputs behind the first one.</summary>
    public void Run(ReadOnlySpan<float> input, IReadOnlyList<(Shape Shape, float[] Values)> more, CancellationToken cancellationToken)
    {
        Prepare();
        Upload(_trace.Inputs[0], input);
        for (int i = 0; i < more.Count; i++)
            Upload(_trace.Inputs[i + 1], more[i].Values);
        _all!.Run(cancellationToken);
    }

    /// <summary>The same on numbers that lie on the device, in order.</summary>
    /// <exception cref="NotSupportedException">The plan keeps its input inside a border of zeros, as those for the processor may.</exception>
    public void RunOnDevice(DevicePtr<float> input)
    {
        PlanValue value = _values[_trace.Inputs[0]];
        if (value.Border > 0)
            throw new NotSupportedException($"The input lies inside a border of {value.Border} zeros; bring it from the host.");
        Prepare();
        _memory.Device.Kernels.Memory.Copy(input, _memory.Arena.Data.At(value.Offset), value.Shape.Count);
        _all!.Run(default);
    }

    /// <summary>Runs the steps behind the boundary alone, on a boundary that <see cref="SetBoundary"/> has brought.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled between two steps.</exception>
    public void RunFromBoundary(CancellationToken cancellationToken = default)
    {
        foreach ((FusedNode node, PackedWeights packed) in _packed)
        {
            if (!node.IsFrozen)
                packed.Refresh();
        }
        _behindBoundary!.Run(cancellationToken);
    }

    /// <summary>Copies value <paramref name="index"/> of the boundary to the host, all samples of it.</summary>
    public void GetBoundary(int index, Span<float> numbers) => _memory.Device.Kernels.Memory.Download(_boundary[index].Data, numbers);

    /// <summary>Brings value <paramref name="index"/> of the boundary from the host, all samples of it.</summary>
    public void SetBoundary(int index, ReadOnlySpan<float> numbers) => _memory.Device.Kernels.Memory.Upload(numbers, _boundary[index].Data);

    /// <summary>Takes the memory and makes the steps, if that has not been done.</summary>
    public void EnsureSteps()
    {
        _memory.Require(_floats);
        if (!_isBound)
            Bind();
    }

    public void Dispose()
    {
        Unbind();
        _memory.Moving -= Unbind;
        foreach (PackedWeights packed in _packed.Values)
            _memory.Release(packed);
        _trace.Dispose();
    }

    private bool IsNarrow => Precision.IsNarrow();

    private PackedWeights Acquire(FusedNode node) => node switch
    {
        ConvNode conv => _memory.Acquire(conv.Conv.Weights, conv.Algorithm, _kernels),
        DenseNode dense when IsNarrow => _memory.AcquireRounded(dense.Kernel, dense.Bias, _kernels),
        _ => _memory.Acquire(((DenseNode)node).Kernel, _kernels),
    };

    private static IEnumerable<Tensor> Sources(PlanNode node) => node switch
    {
        ConvNode conv => conv.Conv.Weights.Sources(),
        DenseNode dense => dense.Bias is null ? [dense.Kernel] : [dense.Kernel, dense.Bias],
        _ => node.Inputs.Select(i => i.Root.Constant).OfType<Tensor>(),
    };

    /// <summary>Gives every value its place: what is needed at different times shares memory.</summary>
    private long PlaceValues()
    {
        var slots = new List<ArenaSlot>();
        ArenaSlot Add(long floats, int first)
        {
            slots.Add(new ArenaSlot(floats, first));
            return slots[^1];
        }
        foreach (Tensor input in _trace.Inputs)
            _values[input].Slot = Add(_values[input].Floats, -1);
        foreach (PlanValue boundary in _part.Boundary.Select(t => _values[t].Root))
            boundary.Slot ??= Add(boundary.Floats, -1); // may be brought from outside before the first step
        Dictionary<PlanValue, int> last = LastReads();
        for (int i = 0; i < _nodes.Count; i++)
        {
            PlanNode node = _nodes[i];
            foreach (PlanValue read in node.Inputs.Select(v => v.Root).Where(v => v.Constant is null))
                read.Slot!.Last = Math.Max(read.Slot.Last, i);
            node.Output.Slot ??= InPlace(node, i, last) ?? Add(node.Output.Floats, i);
            if (node is OpNode { Op.SavesForBackwardOnly: false, IsNarrow: false } op)
            {
                Shape[] shapes = op.Op.SavedShapes([.. op.Inputs.Select(v => v.Shape)]);
                _saved[op] = (Array.ConvertAll(shapes, s => Add(s.Count, i)), shapes);
            }
        }
        foreach (Tensor result in _part.Results)
            _values[result].Root.Slot!.Last = _nodes.Count;
        return Arena.Plan(slots);
    }

    private Dictionary<PlanValue, int> LastReads()
    {
        var last = new Dictionary<PlanValue, int>();
        for (int i = 0; i < _nodes.Count; i++)
        {
            foreach (PlanValue read in _nodes[i].Inputs)
                last[read.Root] = i;
        }
        foreach (Tensor result in _part.Results)
            last[_values[result].Root] = _nodes.Count;
        return last;
    }

    /// <summary>A sum may lie where its residual does, if nobody reads that any more.</summary>
    private static ArenaSlot? InPlace(PlanNode node, int place, Dictionary<PlanValue, int> last) =>
        node is FusedNode { Residual: { ViewOf: null } residual } && node is not ConvNode { MaxPool: true } && last[residual] == place
            && residual.Border == node.Output.Border && residual.Gap == node.Output.Gap && residual != node.Inputs[0].Root
            ? residual.Slot : null;

    /// <summary>Makes the steps for the arena as it lies now.</summary>
    private void Bind()
    {
        Tensor arena = _memory.Arena;
        foreach (PackedWeights packed in _packed.Values)
            packed.Refresh();
        _steps = [.. _nodes.Select(n => IsNarrow ? NarrowStep(n, arena) : ExactStep(n, arena))];
        _all = new StepSequence(_steps, _memory.Device.Kernels);
        _behindBoundary = new StepSequence([.. _steps.Where(s => !s.IsFrozen)], _memory.Device.Kernels);
        var views = new Dictionary<Tensor, Tensor>();
        foreach (Tensor result in _part.Results)
        {
            PlanValue value = _values[result];
            _results.Add(arena.View(value.Shape, value.Offset));
            views[result] = _results[^1];
        }
        _boundary = [.. _part.Boundary.Select(t => views[t])];
        Computed = new Tensor?[_trace.Ops.Count];
        for (int i = 0; i < Computed.Length; i++)
        {
            Tensor output = _trace.Ops[i].Output;
            Computed[i] = _part.IsIncluded[i] ? views.GetValueOrDefault(output, output) : null;
        }
        Inputs = Array.ConvertAll(_trace.Inputs, t => views.GetValueOrDefault(t, t));
        Outputs = IsWhole ? Array.ConvertAll(_trace.Outputs, t => views[t]) : [];
        _isBound = true;
    }

    private PlanStep ExactStep(PlanNode node, Tensor arena) => node switch
    {
        ConvNode conv => new ConvStep(conv, (PackedConv)_packed[conv], _kernels, arena),
        DenseNode dense => new DenseStep(dense, (PackedDense)_packed[dense], arena),
        _ => Step((OpNode)node, arena),
    };

    private PlanStep NarrowStep(PlanNode node, Tensor arena) => node switch
    {
        ConvNode conv => new NarrowConvStep(conv, (PackedConv)_packed[conv], _kernels.Narrow, arena),
        DenseNode dense => new NarrowDenseStep(dense, (RoundedDense)_packed[dense], _kernels.Narrow, arena),
        ConvertNode convert => new ConvertStep(convert, _kernels.Narrow, Precision.Word(), arena),
        OpNode { IsNarrow: true } op => new NarrowOpStep(op, _kernels.Narrow, Precision.Word(), arena),
        _ => Step((OpNode)node, arena),
    };

    private OpStep Step(OpNode node, Tensor arena)
    {
        (ArenaSlot[] slots, Shape[] shapes) = _saved.GetValueOrDefault(node, ([], []));
        return new OpStep(node, slots, shapes, _kernels, arena);
    }

    private void Unbind()
    {
        _all?.Dispose();
        _behindBoundary?.Dispose();
        foreach (OpStep step in _steps.OfType<OpStep>())
            step.ReleaseViews();
        foreach (Tensor result in _results)
            result.Release();
        _results.Clear();
        _boundary = [];
        _steps = [];
        _isBound = false;
    }

    private void Prepare()
    {
        EnsureSteps();
        foreach (PackedWeights packed in _packed.Values)
            packed.Refresh();
    }

    private void Upload(Tensor traced, ReadOnlySpan<float> input)
    {
        PlanValue value = _values[traced];
        MemoryKernels memory = _memory.Device.Kernels.Memory;
        DevicePtr<float> to = _memory.Arena.Data.At(value.Offset);
        if (value.Border == 0)
        {
            memory.Upload(input, to);
            return;
        }
        new ImageBorder(value, _memory.Arena).Clear();
        ImageLayout layout = value.Layout;
        int rows = value.Shape[0] * value.Shape[1], width = value.Shape[2] * value.Shape[3];
        for (int row = 0; row < rows; row++)
            memory.Upload(input.Slice(row * width, width), to.At(layout.At(row / value.Shape[1], row % value.Shape[1], 0)));
    }
}
