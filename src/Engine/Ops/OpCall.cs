using Graft.Autograd;
using Graft.Kernels;

namespace Graft.Ops;

/// <summary>One run of an op: its inputs, output, saved buffers and, in backward, its gradients.</summary>
public sealed class OpCall
{
    private readonly Tape? _tape;
    private readonly Tensor[] _inputs;
    private readonly bool[] _needs;
    private readonly List<Tensor> _temporaries = [];

    /// <summary>A call outside of any tape: no backward comes.</summary>
    internal OpCall(KernelSet kernels, Op op, Tensor[] inputs, Tensor output, Tensor[] saved, string layer)
        : this((Tape?)null, op, inputs, output, saved, [], layer)
    {
        Kernels = kernels;
    }

    internal OpCall(Tape? tape, Op op, Tensor[] inputs, Tensor output, Tensor[] saved, bool[] needs, string layer)
    {
        _tape = tape;
        Op = op;
        _inputs = inputs;
        Output = output;
        SavedTensors = saved;
        _needs = needs;
        Layer = layer;
        Recorded = needs.AsSpan().Contains(true);
        Kernels = tape?.Kernels ?? output.Device.Kernels;
    }

    /// <summary>The op that runs.</summary>
    public Op Op { get; }

    /// <summary>The routines of the device.</summary>
    public KernelSet Kernels { get; }

    /// <summary>Name of the layer that called, for reports.</summary>
    public string Layer { get; }

    /// <summary>How many ops the tape ran before this one.</summary>
    internal int Number { get; init; }

    /// <summary>0 for an op that a layer asked for; 1 and more for what converts the inputs of the op of that number.</summary>
    internal int Conversion { get; init; }

    /// <summary>True where the op makes numbers of 16 bits, of inputs that have 16 wherever <see cref="Op.ReadsNarrow"/> says so.</summary>
    internal bool IsNarrow => Output.Type.IsNarrow();

    /// <summary>Number of inputs.</summary>
    public int InputCount => _inputs.Length;

    /// <summary>The result.</summary>
    public Tensor Output { get; }

    /// <summary>True where backward will come for this call.</summary>
    public bool Recorded { get; }

    internal Tensor[] SavedTensors { get; }

    internal ReadOnlySpan<Tensor> Inputs => _inputs;

    /// <summary>Input <paramref name="index"/>.</summary>
    public Tensor In(int index) => _inputs[index];

    /// <summary>Address of input <paramref name="index"/>, or Null where the caller gave fewer: an absent bias.</summary>
    public DevicePtr<float> InOrNull(int index) => InOrNull<float>(index);

    /// <inheritdoc cref="InOrNull(int)"/>
    internal DevicePtr<T> InOrNull<T>(int index)
        where T : unmanaged => index < _inputs.Length ? _inputs[index].As<T>() : DevicePtr<T>.Null;

    /// <summary>
    /// Input <paramref name="index"/>, a weight of float32, as a product on numbers of this type takes it: itself, or rounded to 16 bits. All calls of a step, forward and backward, share one rounding.
    /// </summary>
    internal DevicePtr<T> Weight<T>(int index)
        where T : unmanaged
    {
        Tensor weight = _inputs[index];
        if (typeof(T) == typeof(float))
            return weight.As<T>();
        if (Recorded)
            return _tape!.Rounded(this, weight).As<T>();
        DevicePtr<ushort> rounded = Temporary<ushort>(weight.Count);
        Kernels.Narrow.Round(weight.Data, rounded, weight.Count);
        return new DevicePtr<T>(rounded.Address);
    }

    /// <summary>Buffer <paramref name="index"/> of <see cref="Op.SavedShapes"/>; valid from forward to backward.</summary>
    public DevicePtr<float> Saved(int index) => SavedTensors[index].Data;

    /// <summary>True where the gradient of input <paramref name="index"/> is wanted.</summary>
    public bool Needs(int index) => index < _needs.Length && _needs[index];

    /// <summary>Gradient of the output.</summary>
    public DevicePtr<float> GradOut => GradOutAs<float>();

    /// <summary>Gradient of the output, which has its type.</summary>
    internal DevicePtr<T> GradOutAs<T>()
        where T : unmanaged => _tape!.Gradients.Of(Output).As<T>();

    /// <summary>
    /// Where the gradient of input <paramref name="index"/> goes, and beta: 0 to write (first contribution), 1 to add.
    /// Each input is asked for once a call.
    /// </summary>
    public (DevicePtr<float> Gradient, float Beta) GradIn(int index) => GradIn<float>(index);

    /// <summary>The same for an input whose numbers, and so its gradient's, may have 16 bits.</summary>
    internal (DevicePtr<T> Gradient, float Beta) GradIn<T>(int index)
        where T : unmanaged
    {
        (Tensor gradient, float beta) = _tape!.Gradients.Contribute(_inputs[index]);
        return (gradient.As<T>(), beta);
    }

    /// <summary>The numbers of input <paramref name="index"/>, for ops that compute on the host: in place where that is the device, else copied. Valid within the call.</summary>
    public ReadOnlySpan<float> HostIn(int index) => _inputs[index].HostView();

    /// <summary>The numbers of the output in backward, where <see cref="Op.KeepsOutput"/>; as <see cref="HostIn"/>.</summary>
    public ReadOnlySpan<float> HostOutput() => Output.HostView();

    /// <summary>The gradient of the output; as <see cref="HostIn"/>.</summary>
    public ReadOnlySpan<float> HostGradOut() => _tape!.Gradients.Of(Output).HostView();

    /// <summary>Adds numbers from the host to the gradient of input <paramref name="index"/>; does nothing where none is wanted.</summary>
    /// <exception cref="ShapeException">They are not as many as the input has.</exception>
    public void AddGradIn(int index, ReadOnlySpan<float> gradient)
    {
        if (!Needs(index))
            return;
        Tensor input = _inputs[index];
        if (gradient.Length != input.Count)
            throw new ShapeException($"{Op.Name}: backward gives {gradient.Length} numbers as the gradient of input {index} {input.Shape}, which takes {input.Count}.");
        (Tensor sum, float beta) = _tape!.Gradients.Contribute(input);
        if (beta == 0)
        {
            sum.Set(gradient);
            return;
        }
        DevicePtr<float> share = Temporary(gradient.Length);
        Kernels.Memory.Upload(gradient, share);
        Kernels.Memory.Accumulate(share, sum.Data, sum.Count, beta);
    }

    /// <summary>
    /// As <see cref="GradIn"/>, for kernels that may write over the gradient of the output while they read it, element by element: where nobody else
    /// needs that memory, the gradient of the input takes it over.
    /// </summary>
    public (DevicePtr<float> Gradient, float Beta) GradInPlace(int index) => GradInPlace<float>(index);

    /// <inheritdoc cref="GradInPlace(int)"/>
    internal (DevicePtr<T> Gradient, float Beta) GradInPlace<T>(int index)
        where T : unmanaged
    {
        Tensor output = _tape!.Gradients.Of(Output);
        return !output.IsShared && output.Count == _inputs[index].Count && _tape.Gradients.TryShare(Output, _inputs[index]) ? (output.As<T>(), 0) : GradIn<T>(index);
    }

    /// <summary>
    /// As <see cref="GradIn"/>, for kernels that may write the gradient over the input itself while they read it, element by element: where nothing will
    /// read the input any more, its memory becomes that of its gradient. Take the input's address before.
    /// </summary>
    internal (DevicePtr<T> Gradient, float Beta) GradOverInput<T>(int index)
        where T : unmanaged => _tape!.TryOverwrite(this, _inputs[index]) ? (_tape.Gradients.Of(_inputs[index]).As<T>(), 0) : GradIn<T>(index);

    /// <summary>
    /// Makes the gradient of the output that of an input of the same size, without a copy; false where that has contributions already, and the
    /// caller adds by <see cref="GradIn"/>.
    /// </summary>
    public bool TryPassGradient(int index) => _tape!.Gradients.TryShare(Output, _inputs[index]);

    /// <summary>
    /// Leaves the gradient of input <paramref name="index"/>, the weight of a dense layer, to the optimizer, which makes it of x and the gradient of the
    /// output; false where it has to be computed now.
    /// </summary>
    internal bool TryDeferGradient(int index, Tensor x, in DenseGeometry geometry) => _tape!.TryDefer(this, _inputs[index], x, geometry);

    /// <summary>A buffer for this call alone, contents undefined.</summary>
    public DevicePtr<float> Temporary(long count) => Temporary<float>(count);

    /// <summary>The same of float, or of ushort for the 16 bits of the precision.</summary>
    internal DevicePtr<T> Temporary<T>(long count)
        where T : unmanaged
    {
        Tensor t = Tensor.Allocate(Output.Device, new Shape(checked((int)count)), typeof(T) == typeof(ushort) ? DTypes.Of(Kernels.Precision) : DType.Float32);
        _temporaries.Add(t);
        _tape?.NoteTemporary(this, t);
        return t.As<T>();
    }

    /// <summary>The same run, for <see cref="Op.ForwardNarrow"/>.</summary>
    internal NarrowCall Narrow
    {
        get
        {
            var addresses = new nint[_inputs.Length];
            for (int i = 0; i < addresses.Length; i++)
                addresses[i] = _inputs[i].Type.IsNarrow() ? _inputs[i].NarrowData.Address : _inputs[i].Data.Address;
            return new NarrowCall(Kernels.Narrow, Array.ConvertAll(_inputs, t => t.Shape), addresses, Output.Shape, Output.NarrowData.Address);
        }
    }

    internal void ReleaseTemporaries()
    {
        foreach (Tensor t in _temporaries)
            t.Release();
        _temporaries.Clear();
    }
}
