using Graft.Inference;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Importers.Onnx;

/// <content>Convolutions, pooling, padding and up-sampling of images, all in planes.</content>
internal sealed partial class GraphExport
{
    private void AddConv(TracedOp op, Conv2DOp conv)
    {
        if (TryAddVolumeConv(op, conv))
            return;
        (string x, Padding2D border) = Bordered(op.Inputs[0]);
        string weight = In(op.Inputs[1], OnnxAxes.ChannelsFirst(4)); // [O,R,S,I] -> [O,I,R,S]
        Shape w = op.Inputs[1].Shape;
        string y = Emit("Conv", [x, weight, .. op.Inputs.Skip(2).Select(Plain)],
            OnnxGraph.Attribute("kernel_shape", w[1], w[2]), OnnxGraph.Attribute("strides", conv.StrideH, conv.StrideW),
            OnnxGraph.Attribute("dilations", conv.DilationH, conv.DilationW), OnnxGraph.Attribute("group", (long)conv.Groups), Pads(Sum(border, conv.Padding)));
        Define(op.Output, y, OnnxAxes.ChannelsFirst(4));
    }

    private void AddDepthwise(TracedOp op, DepthwiseConv2DOp conv)
    {
        (string x, Padding2D border) = Bordered(op.Inputs[0]);
        Tensor kernel = Constant(op.Inputs[1]) ?? throw Refuse(op, "its weights are computed and not stored");
        Shape w = kernel.Shape; // [R,S,C,M] -> [C M,1,R,S]
        string weight = Weight(kernel, "depthwise", new Shape(w[2] * w[3], 1, w[0], w[1]), values => AxisPermutation.Of(values, w, [2, 3, 0, 1]));
        string y = Emit("Conv", [x, weight, .. op.Inputs.Skip(2).Select(Plain)],
            OnnxGraph.Attribute("kernel_shape", w[0], w[1]), OnnxGraph.Attribute("strides", conv.StrideH, conv.StrideW),
            OnnxGraph.Attribute("dilations", conv.DilationH, conv.DilationW), OnnxGraph.Attribute("group", (long)w[2]), Pads(Sum(border, conv.Padding)));
        Define(op.Output, y, OnnxAxes.ChannelsFirst(4));
    }

    private void AddTransposed(TracedOp op, Conv2DTransposeOp conv)
    {
        string x = Planes(op.Inputs[0]), weight = In(op.Inputs[1], OnnxAxes.ChannelsFirst(4)); // [I,R,S,O] -> [I,O,R,S]
        Shape from = op.Inputs[0].Shape, to = op.Output.Shape, w = op.Inputs[1].Shape;
        Padding2D p = conv.Padding;
        int extraH = OutputPadding(from[1], to[1], w[1], conv.StrideH, conv.DilationH, p.Top + p.Bottom), extraW = OutputPadding(from[2], to[2], w[2], conv.StrideW, conv.DilationW, p.Left + p.Right);
        string y = Emit("ConvTranspose", [x, weight],
            OnnxGraph.Attribute("kernel_shape", w[1], w[2]), OnnxGraph.Attribute("strides", conv.StrideH, conv.StrideW), OnnxGraph.Attribute("dilations", conv.DilationH, conv.DilationW),
            OnnxGraph.Attribute("output_padding", extraH, extraW), Pads(p));
        Define(op.Output, y, OnnxAxes.ChannelsFirst(4));
    }

    /// <summary>ONNX: output = stride (input - 1) + output_padding + dilation (filter - 1) + 1 - pads.</summary>
    private static int OutputPadding(int input, int output, int filter, int stride, int dilation, int pads) => output - (stride * (input - 1) + dilation * (filter - 1) + 1 - pads);

    private void AddPool(TracedOp op, Pool2DOp pool)
    {
        if (TryAddVolumePool(op, pool))
            return;
        (string x, Padding2D border) = Bordered(op.Inputs[0]);
        ProtoMessage[] attributes =
        [
            OnnxGraph.Attribute("kernel_shape", pool.Filter.Height, pool.Filter.Width), OnnxGraph.Attribute("strides", pool.Strides.Height, pool.Strides.Width), Pads(Sum(border, pool.Padding)),
            .. CountsPadding(pool),
        ];
        bool nonNegative = _values.TryGetValue(op.Inputs[0], out OnnxValue? image) && image.IsNonNegative;
        _values[op.Output] = new OnnxValue(Emit(PoolName(pool), [x], attributes), OnnxAxes.ChannelsFirst(4)) { IsNonNegative = nonNegative };
    }

    private static string PoolName(Pool2DOp pool) => pool.Kind == PoolKind.Max ? "MaxPool" : "AveragePool";

    private static ProtoMessage[] CountsPadding(Pool2DOp pool) => pool.Kind == PoolKind.Max ? [] : [OnnxGraph.Attribute("count_include_pad", pool.CountPadding ? 1L : 0L)];

    /// <summary>Zeros around an image; left to the window behind where that has zeros of its own.</summary>
    private void AddPad(TracedOp op, Pad2DOp pad)
    {
        if (TryAddVolumePad(op, pad))
            return;
        OnnxValue x = Value(op.Inputs[0]);
        // ONNX's padding never wins a maximum; a written zero does, unless nothing in the image is below it.
        bool merges = IsReadOnlyBy(op.Output, r => r.Inputs[0] == op.Output && r.Op is Conv2DOp or DepthwiseConv2DOp || (r.Op is Pool2DOp { Kind: PoolKind.Max } pool && x.IsNonNegative && Merges(pool, pad.Padding)));
        if (merges)
            _values[op.Output] = new OnnxValue(Planes(op.Inputs[0]), OnnxAxes.ChannelsFirst(4)) { Border = pad.Padding, IsNonNegative = x.IsNonNegative };
        else
            Define(op.Output, Pad(In(op.Inputs[0], x.Order), x.Order, pad.Padding), x.Order);
    }

    // Runtimes refuse padding that reaches the window.
    private static bool Merges(Pool2DOp pool, Padding2D border)
    {
        Padding2D all = Sum(pool.Padding, border);
        return Math.Max(all.Top, all.Bottom) < pool.Filter.Height && Math.Max(all.Left, all.Right) < pool.Filter.Width;
    }

    /// <summary>An image in planes, and the zeros that its reader has to put around it.</summary>
    private (string Name, Padding2D Border) Bordered(Tensor image) =>
        _values.TryGetValue(image, out OnnxValue? value) && value.Border != Padding2D.None ? (value.Name, value.Border) : (Planes(image), Padding2D.None);

    private OnnxValue Padded(Tensor image, OnnxValue value)
    {
        var padded = new OnnxValue(Pad(value.Name, value.Order, value.Border), value.Order) { IsNonNegative = value.IsNonNegative };
        return _values[image] = padded;
    }

    private string Pad(string x, int[] order, Padding2D border)
    {
        int[] before = OnnxAxes.Arrange([0, border.Top, border.Left, 0], order), after = OnnxAxes.Arrange([0, border.Bottom, border.Right, 0], order);
        return Emit("Pad", [x, _graph.Integers([.. before.Concat(after).Select(p => (long)p)])]);
    }

    private void AddUpsample(TracedOp op, Upsample2DOp upsample)
    {
        if (!TryAddVolumeUpsample(op, upsample))
            Define(op.Output, Resize(Planes(op.Inputs[0]), upsample.Kind, upsample.Factor.Height, upsample.Factor.Width), OnnxAxes.ChannelsFirst(4));
    }

    private string Resize(string x, UpsampleKind kind, params int[] factors)
    {
        string scales = _graph.Floats(Name("scales"), new Shape(2 + factors.Length), () => [1, 1, .. factors.Select(f => (float)f)]);
        ProtoMessage[] how = kind == UpsampleKind.Nearest
            ? [OnnxGraph.Attribute("mode", "nearest"), OnnxGraph.Attribute("coordinate_transformation_mode", "asymmetric"), OnnxGraph.Attribute("nearest_mode", "floor")]
            : [OnnxGraph.Attribute("mode", "linear"), OnnxGraph.Attribute("coordinate_transformation_mode", "half_pixel")];
        return Emit("Resize", [x, "", scales], how);
    }

    private static ProtoMessage Pads(Padding2D p) => OnnxGraph.Attribute("pads", p.Top, p.Left, p.Bottom, p.Right);

    private static Padding2D Sum(Padding2D a, Padding2D b) => new(a.Top + b.Top, a.Bottom + b.Bottom, a.Left + b.Left, a.Right + b.Right);
}
