using Graft.Inference;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Importers.Onnx;

/// <content>
/// Volumes: the engine computes them as slices side by side, ONNX has operators of three axes. Where the ops of a slice stand between views of volumes, one such
/// operator is written in the place of all.
/// </content>
internal sealed partial class GraphExport
{
    private const int VolumeRank = 5; // [N,D,H,W,C]

    // The kernel of slices [O,R,S,T C] as that of volumes [O,C,T,R,S].
    private string VolumeKernel(Tensor slices, int depth)
    {
        Shape w = slices.Shape;
        var full = new Shape(w[0], w[1], w[2], depth, w[3] / depth);
        return Weight(Constant(slices)!, "volume", new Shape(w[0], full[4], depth, w[1], w[2]), values => AxisPermutation.Of(values, full, [0, 4, 3, 1, 2]));
    }

    private bool Came<T>(Tensor tensor, out TracedOp op, out T kind)
        where T : Op
    {
        kind = null!;
        if (_producers.TryGetValue(tensor, out op!) && op.Op is T found)
            kind = found;
        return kind is not null;
    }

    /// <summary>The volume whose slices a tensor [N D,H,W,C] holds.</summary>
    private Tensor? VolumeOf(Tensor slices) =>
        Came(slices, out TracedOp view, out ReshapeOp _) && view.Inputs[0].Shape is { Rank: VolumeRank } v && slices.Shape.Dims[1..].SequenceEqual(v.Dims[2..]) ? view.Inputs[0] : null;

    /// <summary>The volume that a result is viewed as, and nothing else.</summary>
    private Tensor? ViewedAsVolume(Tensor result) => IsReadOnlyBy(result, r => r.Op is ReshapeOp && r.Output.Shape.Rank == VolumeRank) ? _readers[result][0].Output : null;

    private bool TryAddVolumeConv(TracedOp op, Conv2DOp conv)
    {
        if (!Came(op.Inputs[0], out TracedOp view, out ReshapeOp _) || !Came(view.Inputs[0], out TracedOp source, out UnfoldOp unfold) || unfold.Axis != 1
            || unfold.Groups != conv.Groups || source.Output.Shape.Rank != VolumeRank || !IsWeight(op.Inputs[1]) || ViewedAsVolume(op.Output) is not { } result)
            return false;
        Shape w = op.Inputs[1].Shape;
        Padding2D p = conv.Padding;
        string y = Emit("Conv", [Planes(source.Inputs[0]), VolumeKernel(op.Inputs[1], unfold.Window), .. op.Inputs.Skip(2).Select(Plain)],
            OnnxGraph.Attribute("kernel_shape", unfold.Window, w[1], w[2]), OnnxGraph.Attribute("strides", unfold.Stride, conv.StrideH, conv.StrideW),
            OnnxGraph.Attribute("dilations", unfold.Dilation, conv.DilationH, conv.DilationW), OnnxGraph.Attribute("group", (long)conv.Groups),
            OnnxGraph.Attribute("pads", unfold.Front, p.Top, p.Left, unfold.Back, p.Bottom, p.Right));
        Define(result, y, OnnxAxes.ChannelsFirst(VolumeRank));
        return true;
    }

    private bool TryAddVolumeTransposed(TracedOp op, FoldOp fold)
    {
        if (fold.Axis != 1 || !Came(op.Inputs[0], out TracedOp view, out ReshapeOp _) || !Came(view.Inputs[0], out TracedOp slices, out Conv2DTransposeOp conv)
            || !IsWeight(slices.Inputs[1]) || VolumeOf(slices.Inputs[0]) is not { } volume)
            return false;
        Shape x = volume.Shape, y = op.Output.Shape, w = slices.Inputs[1].Shape;
        Padding2D p = conv.Padding;
        int full = fold.Stride * (x[1] - 1) + fold.Dilation * (fold.Window - 1) + 1, back = Math.Max(0, full - fold.Front - y[1]);
        int[] extra =
        [
            y[1] - (full - fold.Front - back), OutputPadding(x[2], y[2], w[1], conv.StrideH, conv.DilationH, p.Top + p.Bottom),
            OutputPadding(x[3], y[3], w[2], conv.StrideW, conv.DilationW, p.Left + p.Right),
        ];
        Define(op.Output, Emit("ConvTranspose", [Planes(volume), VolumeKernel(slices.Inputs[1], fold.Window)],
            OnnxGraph.Attribute("kernel_shape", fold.Window, w[1], w[2]), OnnxGraph.Attribute("strides", fold.Stride, conv.StrideH, conv.StrideW),
            OnnxGraph.Attribute("dilations", fold.Dilation, conv.DilationH, conv.DilationW), OnnxGraph.Attribute("output_padding", [.. extra.Select(e => (long)e)]),
            OnnxGraph.Attribute("pads", fold.Front, p.Top, p.Left, back, p.Bottom, p.Right)), OnnxAxes.ChannelsFirst(VolumeRank));
        return true;
    }

    /// <summary>The op over slices and the volume behind it, where an op over depths [N,D,H W,C] follows it.</summary>
    private bool IsSecondOverVolume<T>(TracedOp op, out T slices, out Tensor volume, out Tensor result)
        where T : Op
    {
        (slices, volume, result) = (null!, null!, null!);
        if (!Came(op.Inputs[0], out TracedOp view, out ReshapeOp _))
            return false;
        Tensor before = view.Inputs[0];
        if (before.Shape.Rank == VolumeRank && Came(before, out TracedOp volumeView, out ReshapeOp _))
            before = volumeView.Inputs[0];
        if (!Came(before, out TracedOp first, out slices) || VolumeOf(first.Inputs[0]) is not { } found || ViewedAsVolume(op.Output) is not { } after)
            return false;
        (volume, result) = (found, after);
        return true;
    }

    private bool TryAddVolumePool(TracedOp op, Pool2DOp depth)
    {
        if (depth.Filter.Width != 1 || !IsSecondOverVolume(op, out Pool2DOp slices, out Tensor volume, out Tensor result) || slices.Kind != depth.Kind || slices.CountPadding != depth.CountPadding)
            return false;
        Padding2D p = slices.Padding, d = depth.Padding;
        ProtoMessage[] attributes =
        [
            OnnxGraph.Attribute("kernel_shape", depth.Filter.Height, slices.Filter.Height, slices.Filter.Width),
            OnnxGraph.Attribute("strides", depth.Strides.Height, slices.Strides.Height, slices.Strides.Width), OnnxGraph.Attribute("pads", d.Top, p.Top, p.Left, d.Bottom, p.Bottom, p.Right),
            .. CountsPadding(depth),
        ];
        Define(result, Emit(PoolName(depth), [Planes(volume)], attributes), OnnxAxes.ChannelsFirst(VolumeRank));
        return true;
    }

    private bool TryAddVolumePad(TracedOp op, Pad2DOp depth)
    {
        if (depth.Padding is not { Left: 0, Right: 0 } d || !IsSecondOverVolume(op, out Pad2DOp slices, out Tensor volume, out Tensor result))
            return false;
        Padding2D p = slices.Padding;
        int[] order = Value(volume).Order, before = OnnxAxes.Arrange([0, d.Top, p.Top, p.Left, 0], order), after = OnnxAxes.Arrange([0, d.Bottom, p.Bottom, p.Right, 0], order);
        Define(result, Emit("Pad", [In(volume, order), _graph.Integers([.. before.Concat(after).Select(n => (long)n)])]), order);
        return true;
    }

    private bool TryAddVolumeUpsample(TracedOp op, Upsample2DOp depth)
    {
        if (depth is not { Kind: UpsampleKind.Nearest, Factor.Width: 1 } || !IsSecondOverVolume(op, out Upsample2DOp slices, out Tensor volume, out Tensor result) || slices.Kind != UpsampleKind.Nearest)
            return false;
        Define(result, Resize(Planes(volume), slices.Kind, depth.Factor.Height, slices.Factor.Height, slices.Factor.Width), OnnxAxes.ChannelsFirst(VolumeRank));
        return true;
    }
}
