using Graft.Kernels;
using Graft.Layers;

namespace Graft.Importers.Onnx;

/// <content>Dense layers and resizing.</content>
internal sealed partial class GraphImport
{
    private void AddGemm()
    {
        ImportedValue x = ValueAt(0);
        ImportedConstant weight = Weights(1, "weights");
        if (Integer("transA", 0) != 0 || weight.Dims.Length != 2 || x.Rank != 2 || x.Order[0] != 0)
            throw Refuse($"multiplies {x.Rank} axes, or a transposed first matrix, by [{string.Join(',', weight.Dims)}]; [N,F] by weights is known");
        bool isTurned = Integer("transB", 0) != 0;
        float alpha = Float("alpha", 1), beta = Float("beta", 1);
        (int inputs, int outputs) = isTurned ? (weight.Dims[1], weight.Dims[0]) : (weight.Dims[0], weight.Dims[1]);
        float[] kernel = isTurned ? AxisPermutation.Of(weight.Floats, new Shape(weight.Dims), [1, 0]) : weight.Floats;
        float[]? bias = Has(2) ? Broadcast(Weights(2, "bias"), outputs) : Bias(2, outputs, 2, channelsLast: true);
        AddDense(x, alpha == 1 ? kernel : Array.ConvertAll(kernel, k => alpha * k), inputs, outputs, beta == 1 || bias is null ? bias : Array.ConvertAll(bias, b => beta * b));
    }

    private float[] Broadcast(ImportedConstant bias, int outputs) => bias.Count == outputs ? bias.Floats
        : bias.Single is float one ? [.. Enumerable.Repeat(one, outputs)] : throw Refuse($"adds [{string.Join(',', bias.Dims)}] to {outputs} outputs");

    private void AddMatMul()
    {
        ImportedConstant? weight = ConstantAt(1);
        if (weight is null || weight.Dims.Length != 2 || ConstantAt(0) is not null)
            throw Refuse($"multiplies '{_node.Inputs[0]}' by '{_node.Inputs[1]}'; a computed value times weights [in,out] is known, neither the other way round nor two computed values");
        ImportedValue x = ValueAt(0);
        AddDense(x, weight.Floats, weight.Dims[0], weight.Dims[1], Bias(2, weight.Dims[1], x.Rank, channelsLast: true));
    }

    /// <summary>A dense layer over the last axis; behind an image that was flattened in the file's order, its rows are exchanged.</summary>
    private void AddDense(ImportedValue x, float[] kernel, int inputs, int outputs, float[]? bias)
    {
        var layer = new Dense(outputs) { UseBias = bias is not null };
        Node node;
        if (x is { JoinedFrom: { } image, Factor: 1 })
        {
            // Row i of the file is place i of the image in its order; the node's order has the axes otherwise.
            var dims = new Shape([.. image.Dims.Skip(1), outputs]);
            int[] turn = [.. OnnxAxes.Between([.. image.Order.Skip(1).Select(a => a - 1)], OnnxAxes.Identity(image.Rank - 1)), image.Rank - 1];
            if (dims.Count == kernel.Length)
                kernel = AxisPermutation.Of(kernel, dims, turn);
            node = Apply(layer, Aid(new Flatten(), image.Node));
        }
        else
        {
            node = Apply(layer, As(x, OnnxAxes.Identity(x.Rank)));
        }
        if (kernel.Length != layer.Parameters[0].Shape.Count)
            throw Refuse($"multiplies samples of {layer.Parameters[0].Shape[0]} features by weights for {inputs}");
        Fill(layer, "kernel", kernel);
        if (bias is not null)
            Fill(layer, "bias", bias);
        Set(new ImportedValue(node, OnnxAxes.Identity(node.Shape.Rank + 1)));
    }

    private void AddResize()
    {
        ImportedValue x = Plain(ValueAt(0));
        int[] dims = x.Dims, sizes = ResizedTo(dims);
        int[] order = x.Rank >= 3 && sizes[1] == dims[1] ? OnnxAxes.ChannelsFirst(x.Rank) : OnnxAxes.Identity(x.Rank);
        if (x.Rank is < 3 or > 5 || sizes[0] != Samples || sizes[Array.IndexOf(order, x.Rank - 1)] != dims[Array.IndexOf(order, x.Rank - 1)])
            throw Refuse($"makes [{string.Join(',', sizes.Skip(1))}] of samples [{string.Join(',', dims.Skip(1))}]; the places of images, volumes and sequences are resized here");
        int[] places = [.. Enumerable.Range(1, x.Rank - 2).Select(a => Array.IndexOf(order, a))];
        int[] factors = [.. places.Select(p => sizes[p] % dims[p] == 0 ? sizes[p] / dims[p] : 0)];
        string mode = Text("mode", "nearest"), rule = Text("coordinate_transformation_mode", _node.Op == "Upsample" || _file.Opset < 11 ? "asymmetric" : "half_pixel");
        string rounding = Text("nearest_mode", rule == "asymmetric" && _file.Opset < 11 ? "floor" : "round_prefer_floor");
        Layer layer = mode switch
        {
            "nearest" when !factors.Contains(0) && (rule == "half_pixel" || (rule == "asymmetric" && rounding == "floor")) => factors.Length switch
            {
                1 => new UpSampling1D(factors[0]),
                2 => new UpSampling2D(factors[0], factors[1]),
                _ => new UpSampling3D(factors[0], factors[1], factors[2]),
            },
            "linear" when factors.Length == 2 && rule is "half_pixel" or "pytorch_half_pixel" => factors.Contains(0) ? new Resizing(sizes[places[0]], sizes[places[1]])
                : new UpSampling2D(factors[0], factors[1]) { Interpolation = UpsampleKind.Bilinear },
            _ => throw Refuse($"has mode {mode}, coordinates {rule}, rounding {rounding}, factors {string.Join('x', factors.Select(f => f == 0 ? "broken" : $"{f}"))}; known are whole factors by nearest (half_pixel, or asymmetric and floor), and linear of images by half_pixel"),
        };
        Set(new ImportedValue(Apply(layer, As(x, order)), order));
    }

    /// <summary>The extents behind it, from sizes or from factors.</summary>
    private int[] ResizedTo(int[] dims)
    {
        if (Has(3))
            return [.. Weights(3, "sizes").Integers!.Select((s, i) => dims[i] == Samples ? Samples : checked((int)s))];
        int input = _node.Op == "Upsample" || _file.Opset < 11 ? 1 : 2; // 0 x, 1 roi since operator set 11
        float[] scales = Has(input) ? Weights(input, "scales").Floats : [.. _node.Attribute("scales")?.Floats ?? throw Refuse("has neither sizes nor scales")];
        return scales.Length == dims.Length ? [.. dims.Select((d, i) => d == Samples ? (scales[i] == 1 ? Samples : throw Refuse("scales the samples")) : (int)MathF.Floor(d * scales[i]))]
            : throw Refuse($"has {scales.Length} scales for {dims.Length} axes");
    }
}
