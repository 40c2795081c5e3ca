using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>A convolution on numbers of 16 bits, with fused bias, residual and activation.</summary>
internal sealed class NarrowConvStep(ConvNode node, PackedConv packed, NarrowKernels kernels, Tensor arena) : PlanStep(node)
{
    private readonly FusedConv2DGeometry _g = node.Geometry(node.X.Border);
    private readonly DevicePtr<ushort> _x = node.X.NarrowIn(arena), _y = node.Output.NarrowIn(arena), _residual = node.Residual?.NarrowIn(arena) ?? DevicePtr<ushort>.Null;

    public override string Routine => kernels.ConvolutionRoutine + node.Epilogue(hasBias: !packed.Bias.IsNull);

    public override long Bytes => packed.Bytes + sizeof(ushort) * (node.X.Shape.Count + node.Output.Shape.Count + (node.Residual?.Shape.Count ?? 0));

    public override void Run() => kernels.FusedConv2D(_g, _x, packed.Narrow, packed.Bias, packed.NarrowBias, _residual, _y);
}

/// <summary>A dense layer on numbers of 16 bits, with fused bias, residual and activation; what only float32 reads, it writes as float32.</summary>
internal sealed class NarrowDenseStep(DenseNode node, RoundedDense packed, NarrowKernels kernels, Tensor arena) : PlanStep(node)
{
    private readonly FrozenDenseGeometry _g = new(node.Rows, node.Kernel.Shape[0], node.Kernel.Shape[1], node.Activation);
    private readonly DevicePtr<ushort> _x = node.X.NarrowIn(arena), _residual = node.Residual?.NarrowIn(arena) ?? DevicePtr<ushort>.Null;
    private readonly DevicePtr<float> _y = arena.Data.At(node.Output.Offset);

    public override string Routine => kernels.DenseRoutine + node.Epilogue();

    public override long Bytes => packed.Bytes + sizeof(ushort) * (node.X.Shape.Count + (node.Residual?.Shape.Count ?? 0)) + (node.Output.IsNarrow ? sizeof(ushort) : sizeof(float)) * node.Output.Shape.Count;

    public override void Run()
    {
        if (node.Output.IsNarrow)
            kernels.Dense(_g, _x, packed.Weights, packed.Bias, _residual, new DevicePtr<ushort>(_y.Address));
        else
            kernels.DenseToFloat32(_g, _x, packed.Weights, node.Bias?.Data ?? DevicePtr<float>.Null, _y);
    }
}

/// <summary>An op of the graph on numbers of 16 bits.</summary>
internal sealed class NarrowOpStep(OpNode node, NarrowKernels kernels, string precision, Tensor arena) : PlanStep(node)
{
    private readonly NarrowCall _call = new(kernels, [.. node.Inputs.Select(v => v.Shape)], [.. node.Inputs.Select(v => v.Root.Constant?.Data.Address ?? v.NarrowIn(arena).Address)],
        node.Output.Shape, node.Output.NarrowIn(arena).Address);

    public override string Routine => $"{node.Op.Name} in {precision}";

    public override long Bytes => node.Inputs.Sum(i => (i.Root.Constant is null ? sizeof(ushort) : sizeof(float)) * i.Shape.Count) + sizeof(ushort) * node.Output.Shape.Count;

    public override void Run() => node.Op.ForwardNarrow(_call);
}

/// <summary>Float32 to 16 bits, or back.</summary>
internal sealed class ConvertStep(ConvertNode node, NarrowKernels kernels, string precision, Tensor arena) : PlanStep(node)
{
    private readonly DevicePtr<float> _x = arena.Data.At(node.Inputs[0].Offset), _y = arena.Data.At(node.Output.Offset);

    public override string Routine => node.Output.IsNarrow ? $"float32 to {precision}" : $"{precision} to float32";

    public override long Bytes => (sizeof(ushort) + sizeof(float)) * node.Output.Shape.Count;

    public override void Run()
    {
        if (node.Output.IsNarrow)
            kernels.Round(_x, new DevicePtr<ushort>(_y.Address), node.Output.Shape.Count);
        else
            kernels.Widen(new DevicePtr<ushort>(_x.Address), _y, node.Output.Shape.Count);
    }
}
