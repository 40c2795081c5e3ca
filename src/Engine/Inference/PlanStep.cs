using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>One step of a plan with all its addresses: running it allocates nothing.</summary>
internal abstract class PlanStep(PlanNode node)
{
    /// <summary>Paths of the layers whose work it does.</summary>
    public IReadOnlyList<string> Layers => node.Layers;

    /// <summary>True where no trainable parameter is behind it.</summary>
    public bool IsFrozen => node.IsFrozen;

    /// <summary>Shape of what it makes.</summary>
    public Shape Output => node.Output.Shape;

    /// <summary>What it runs: an algorithm or an op, and what is fused into it.</summary>
    public abstract string Routine { get; }

    /// <summary>Multiplications and additions of a run; see <see cref="PlanNode.Flops"/>.</summary>
    public long Flops => node.Flops;

    /// <summary>Bytes that it reads and writes at least once: activations and weights.</summary>
    public abstract long Bytes { get; }

    /// <summary>Time of the fastest run so far, in ticks of the stopwatch; the others were disturbed or cold.</summary>
    public long Ticks { get; private set; } = long.MaxValue;

    /// <summary>True once it was run.</summary>
    public bool HasRun => Ticks < long.MaxValue;

    /// <summary>Notes how long a run took.</summary>
    public void Note(long ticks) => Ticks = Math.Min(Ticks, ticks);

    /// <summary>Computes the output.</summary>
    public abstract void Run();
}

/// <summary>A convolution with fused bias, residual and activation.</summary>
internal sealed class ConvStep(ConvNode node, PackedConv packed, KernelSet kernels, Tensor arena) : PlanStep(node)
{
    private readonly FusedConv2DGeometry _g = node.Geometry(node.X.Border);
    private readonly FusedConv2DKernels _kernels = kernels.FusedConv2D;
    private readonly DevicePtr<float> _x = arena.Data.At(node.X.Offset), _y = arena.Data.At(node.Output.Offset);
    private readonly DevicePtr<float> _residual = node.Residual is { } r ? arena.Data.At(r.Offset) : DevicePtr<float>.Null;
    private readonly ImageBorder _border = new(node.Output, arena);

    public override string Routine => _kernels.Routine(node.Algorithm) + node.Epilogue(hasBias: !packed.Bias.IsNull);

    public override long Bytes => packed.Bytes + sizeof(float) * (node.X.Shape.Count + node.Output.Shape.Count + (node.Residual?.Shape.Count ?? 0));

    public override void Run()
    {
        _border.Clear();
        _kernels.Run(_g, node.Algorithm, _x, packed.Weights, packed.Bias, _residual, _y);
    }
}

/// <summary>A dense layer with fused bias, residual and activation.</summary>
internal sealed class DenseStep(DenseNode node, PackedDense packed, Tensor arena) : PlanStep(node)
{
    private readonly DevicePtr<float> _x = arena.Data.At(node.X.Offset), _y = arena.Data.At(node.Output.Offset);
    private readonly DevicePtr<float> _residual = node.Residual is { } r ? arena.Data.At(r.Offset) : DevicePtr<float>.Null;

    public override string Routine => packed.Routine + node.Epilogue();

    public override long Bytes => packed.Bytes + sizeof(float) * (node.X.Shape.Count + node.Output.Shape.Count * (node.Residual is null ? 1 : 2));

    public override void Run() => packed.Run(node.Rows, _x, node.Bias?.Data ?? DevicePtr<float>.Null, _residual, node.Activation, _y);
}

/// <summary>An op of the graph on tensors that lie in the arena.</summary>
internal sealed class OpStep : PlanStep
{
    private readonly OpNode _node;
    private readonly OpCall _call;
    private readonly Tensor[] _views;

    /// <param name="node">The op with its values.</param>
    /// <param name="saved">Where the buffers lie that forward fills beside the output.</param>
    /// <param name="savedShapes">Their shapes.</param>
    /// <param name="kernels">The device's routines in the plan's precision.</param>
    /// <param name="arena">The memory.</param>
    public OpStep(OpNode node, ArenaSlot[] saved, Shape[] savedShapes, KernelSet kernels, Tensor arena)
        : base(node)
    {
        _node = node;
        var views = new List<Tensor>();
        Tensor Place(Shape shape, long offset)
        {
            views.Add(arena.View(shape, offset));
            return views[^1];
        }
        Tensor[] inputs = [.. node.Inputs.Select(i => i.Root.Constant ?? Place(i.Shape, i.Offset))];
        Tensor output = Place(node.Output.Shape, node.Output.Offset);
        Tensor[] buffers = [.. saved.Select((s, i) => Place(savedShapes[i], s.Offset))];
        _call = new OpCall(kernels, node.Op, inputs, output, buffers, node.Layers.Count > 0 ? node.Layers[0] : "");
        _views = [.. views];
    }

    public override string Routine => _node.Op.Name;

    public override long Bytes => sizeof(float) * (_node.Inputs.Sum(i => i.Shape.Count) + _node.Output.Shape.Count);

    public override void Run()
    {
        _node.Op.Forward(_call);
        _call.ReleaseTemporaries();
    }

    /// <summary>Lets go of the arena.</summary>
    public void ReleaseViews() => Array.ForEach(_views, v => v.Release());
}

/// <summary>The zeros around the images of a value, written anew in every run as their memory serves others in between.</summary>
internal readonly struct ImageBorder(PlanValue value, Tensor arena)
{
    private readonly int _border = value.Border, _n = value.Shape[0], _h = value.Border > 0 ? value.Shape[1] : 0;
    private readonly ImageLayout _layout = value.Border > 0 ? value.Layout : default;
    private readonly DevicePtr<float> _start = arena.Data.At(value.Root.Slot!.Offset);
    private readonly MemoryKernels _memory = arena.Device.Kernels.Memory;

    /// <summary>Writes the zeros.</summary>
    public void Clear()
    {
        if (_border == 0)
            return;
        long ends = (long)_border * _layout.RowStride + (long)_border * _layout.PixelStride; // rows above and the left end of the first row
        long between = 2L * _border * _layout.PixelStride; // the right end of a row and the left end of the next
        for (int n = 0; n < _n; n++)
        {
            DevicePtr<float> image = _start.At(n * _layout.ImageStride);
            _memory.Fill(image, ends, 0);
            for (int h = 1; h < _h; h++)
                _memory.Fill(image.At((_border + h) * _layout.RowStride - (long)_border * _layout.PixelStride), between, 0);
            _memory.Fill(image.At(_layout.ImageStride - ends), ends, 0);
        }
    }
}
