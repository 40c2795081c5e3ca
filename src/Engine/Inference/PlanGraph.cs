using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>Numbers that flow through a plan, and where in the arena they lie.</summary>
internal sealed class PlanValue(Shape shape)
{
    /// <summary>Shape with the batch axis.</summary>
    public Shape Shape { get; } = shape;

    /// <summary>The step that computes them; null for an input of the model, a view and a constant.</summary>
    public PlanNode? Producer { get; set; }

    /// <summary>A parameter, or a number that a layer brought along; null for what is computed.</summary>
    public Tensor? Constant { get; init; }

    /// <summary>The value whose numbers these are under another shape.</summary>
    public PlanValue? ViewOf { get; init; }

    /// <summary>The value that these are with a border of zeros, as long as nobody needs them in memory like that.</summary>
    public (PlanValue Image, Padding2D Border)? PaddingOf { get; set; }

    /// <summary>How often the graph reads them.</summary>
    public int Readers { get; set; }

    /// <summary>True where they are read after the plan has run.</summary>
    public bool IsResult { get; set; }

    /// <summary>True where every number is known to be 0 or more.</summary>
    public bool IsNonNegative { get; set; }

    /// <summary>Rows and columns of zeros kept around every image in memory.</summary>
    public int Border { get; set; }

    /// <summary>Floats left free behind every pixel, so that neighbouring pixels do not meet in one cache set; see <see cref="SpreadPixels"/>.</summary>
    public int Gap { get; set; }

    /// <summary>True where they have 16 bits in memory; a view has those of its root.</summary>
    public bool IsNarrow { get; set; }

    /// <summary>Where in the arena they lie.</summary>
    public ArenaSlot? Slot { get; set; }

    /// <summary>The value that owns the memory.</summary>
    public PlanValue Root => ViewOf?.Root ?? this;

    /// <summary>How an image [N,H,W,C] lies in memory.</summary>
    public ImageLayout Layout => LayoutIn(Border);

    /// <summary>Floats of memory, border and gaps included.</summary>
    public long Floats => Border == 0 && Gap == 0 ? (IsNarrow ? (Shape.Count + 1) / 2 : Shape.Count) : Shape[0] * Layout.ImageStride;

    /// <summary>Floats from the beginning of the arena to the first number.</summary>
    public long Offset => Root.Slot!.Offset + (Border == 0 ? 0 : Layout.BorderOffset(Border));

    /// <summary>Address of the first number, of 16 bits.</summary>
    public DevicePtr<ushort> NarrowIn(Tensor arena) => new(arena.Data.At(Offset).Address);

    /// <summary>How it would lie in a border of so many rows and columns.</summary>
    public ImageLayout LayoutIn(int border) => ImageLayout.Bordered(Shape[1], Shape[2], Shape[3] + Gap, border);
}

/// <summary>A step before it has memory: it reads values and makes one.</summary>
internal abstract class PlanNode
{
    /// <summary>Paths of the layers whose work it does.</summary>
    public List<string> Layers { get; } = [];

    /// <summary>What it reads, constants included.</summary>
    public List<PlanValue> Inputs { get; } = [];

    /// <summary>True where no trainable parameter is behind it: its output is the same for a sample in every epoch.</summary>
    public bool IsFrozen { get; init; }

    /// <summary>Multiplications and additions of the direct algorithm; 0 where memory is the limit.</summary>
    public abstract long Flops { get; }

    /// <summary>What it makes.</summary>
    public required PlanValue Output { get; set; }
}

/// <summary>An op of the graph, run as it is.</summary>
internal sealed class OpNode(Op op) : PlanNode
{
    public Op Op { get; } = op;

    /// <summary>True where it reads and makes numbers of 16 bits.</summary>
    public bool IsNarrow { get; set; }

    public override long Flops => Op.Flops([.. Inputs.Select(i => i.Shape)]);
}

/// <summary>Float32 to 16 bits or back, whichever the output is not.</summary>
internal sealed class ConvertNode : PlanNode
{
    public override long Flops => 0;
}

/// <summary>Frozen weights with all that is fused into their step. Inputs: x, then the residual if there is one.</summary>
internal abstract class FusedNode : PlanNode
{
    public PlanValue X => Inputs[0];

    public PlanValue? Residual => Inputs.Count > 1 ? Inputs[1] : null;

    /// <summary>True once an activation is fused: nothing more can be.</summary>
    public abstract bool HasActivation { get; }
}

/// <summary>A dense layer.</summary>
internal sealed class DenseNode(Tensor kernel, Tensor? bias) : FusedNode
{
    /// <summary>[in,out].</summary>
    public Tensor Kernel { get; } = kernel;

    /// <summary>[out], or null.</summary>
    public Tensor? Bias { get; } = bias;

    public UnaryFormula? Activation { get; set; }

    public override bool HasActivation => Activation is not null;

    public override long Flops => new DenseGeometry(Rows, Kernel.Shape[0], Kernel.Shape[1]).Flops;

    /// <summary>What is fused into it, for people.</summary>
    public string Epilogue() => (Bias is null ? "" : " + bias") + (Residual is null ? "" : " + residual") + (Activation is null ? "" : $" + {Activation}");

    /// <summary>Rows of x.</summary>
    public int Rows => checked((int)(X.Shape.Count / X.Shape[-1]));
}

/// <summary>A convolution.</summary>
internal sealed class ConvNode(FrozenConv conv) : FusedNode
{
    public FrozenConv Conv { get; set; } = conv;

    public FusedActivation Activation { get; set; }

    public override bool HasActivation => Activation != FusedActivation.None;

    public override long Flops => Geometry(0).Flops; // a border changes none of the sizes that count

    public ConvAlgorithm Algorithm { get; set; }

    /// <summary>True where the output is the largest of every 2 x 2 pixels; see <see cref="FusePooling"/>.</summary>
    public bool MaxPool { get; set; }

    /// <summary>What is fused into it, for people.</summary>
    public string Epilogue(bool hasBias) => (hasBias ? " + bias" : "") + (Residual is null ? "" : " + residual") + (Activation == FusedActivation.None ? "" : $" + {Activation}") + (MaxPool ? " + max pool" : "");

    /// <summary>Sizes and layouts with a border of so many rows and columns around x.</summary>
    public FusedConv2DGeometry Geometry(int border)
    {
        Shape x = X.Shape;
        FusedConv2DGeometry g = Conv.Geometry(x[0], x[1], x[2]) with { Activation = Activation, MaxPool = MaxPool, Output = Output.Layout, Input = X.LayoutIn(border), InputBorder = border };
        return Residual is null ? g : g with { Residual = Residual.Layout };
    }
}
