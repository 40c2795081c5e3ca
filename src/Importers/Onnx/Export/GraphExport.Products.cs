using Graft.Inference;
using Graft.Ops;

namespace Graft.Importers.Onnx;

/// <content>Products with weights and of values, rows of tables, normalisation.</content>
internal sealed partial class GraphExport
{
    private bool _takesLast;

    private void AddDense(TracedOp op)
    {
        Tensor x = op.Inputs[0], kernel = op.Inputs[1];
        bool isMatrix = x.Shape.Rank == 2;
        OnnxValue? joined = isMatrix ? Value(x) : null;
        string input = joined?.Joined is not null ? joined.Name : Reader(op, x);
        string weight = joined?.Joined is { } features ? JoinedRows(Constant(kernel)!, features) : Plain(kernel);
        string[] bias = op.Inputs.Length > 2 ? [Plain(op.Inputs[2])] : [];
        if (isMatrix)
        {
            Define(op.Output, Emit("Gemm", [input, weight, .. bias]));
            return;
        }
        string product = Emit("MatMul", [input, weight]);
        Define(op.Output, bias.Length == 0 ? product : Emit("Add", [product, bias[0]]));
    }

    /// <summary>The rows of a kernel [F,O] in the order in which an image of other axes was joined to [N,F].</summary>
    private string JoinedRows(Tensor kernel, (Shape Features, int[] Order) joined)
    {
        var full = new Shape([.. joined.Features.Dims, kernel.Shape[1]]);
        return Weight(kernel, $"rows {string.Join(',', joined.Order)}", kernel.Shape, values => AxisPermutation.Of(values, full, [.. joined.Order, joined.Order.Length]));
    }

    private void AddMatMul(TracedOp op, MatMulOp product) =>
        Define(op.Output, Emit("MatMul", [Factor(op, op.Inputs[0], product.TransposeA, isFirst: true), Factor(op, op.Inputs[1], product.TransposeB, isFirst: false)]));

    private string Factor(TracedOp op, Tensor x, bool isTransposed, bool isFirst)
    {
        int rank = x.Shape.Rank;
        if (!isTransposed || rank < 2)
            return isFirst ? Reader(op, x) : Plain(x);
        int[] order = OnnxAxes.Identity(rank);
        (order[^1], order[^2]) = (rank - 2, rank - 1);
        return In(x, order);
    }

    /// <summary>What a product reads; where it makes the logits of a language model and those of the last token alone are asked for, the last row.</summary>
    private string Reader(TracedOp op, Tensor x)
    {
        string input = Plain(x);
        if (!_options.LastLogitsOnly || op.Output != _trace.Outputs[0] || x.Shape.Rank != 3)
            return input;
        _takesLast = true;
        return LastStep(input);
    }

    private string LastStep(string x) => Emit("Slice", [x, _graph.Integers(-1), _graph.Integers(long.MaxValue), _graph.Integers(1)]);

    private void AddEmbedding(TracedOp op) => Define(op.Output, Emit("Gather", [Plain(op.Inputs[1]), Indices(op.Inputs[0])], OnnxGraph.Attribute("axis", 0L)));

    private void AddLayerNorm(TracedOp op, LayerNormOp norm) => Define(op.Output, Emit(
        "LayerNormalization", [.. op.Inputs.Select(Plain)], OnnxGraph.Attribute("axis", -1L), OnnxGraph.Attribute("epsilon", norm.Epsilon)));

    /// <summary>BatchNormalization where the channels stand behind the batch, or can; else a product and a sum, which need no transpose.</summary>
    private void AddBatchNorm(TracedOp op, BatchNormOp norm)
    {
        Tensor x = op.Inputs[0];
        int rank = x.Shape.Rank;
        OnnxValue value = Value(x);
        int[] order = rank >= 4 ? OnnxAxes.ChannelsFirst(rank) : value.Order;
        if (rank < 2 || order[1] != rank - 1)
        {
            AddScaled(op, norm);
            return;
        }
        string[] inputs = [In(x, order), .. op.Inputs.Skip(1).Select(Plain)]; // gamma, beta, mean, variance: ONNX's order as well
        Define(op.Output, Emit("BatchNormalization", inputs, OnnxGraph.Attribute("epsilon", norm.Epsilon)), order);
    }

    private void AddScaled(TracedOp op, BatchNormOp norm)
    {
        float[] gamma = Numbers(op, 1), beta = Numbers(op, 2), mean = Numbers(op, 3), variance = Numbers(op, 4);
        float[] scale = [.. gamma.Select((g, c) => (float)(g / Math.Sqrt((double)variance[c] + norm.Epsilon)))];
        float[] shift = [.. beta.Select((b, c) => (float)(b - (double)mean[c] * scale[c]))];
        var shape = new Shape(scale.Length);
        string product = Emit("Mul", [Plain(op.Inputs[0]), _graph.Floats(Name("scale"), shape, () => scale)]);
        Define(op.Output, Emit("Add", [product, _graph.Floats(Name("shift"), shape, () => shift)]));
    }

    private float[] Numbers(TracedOp op, int input) => Constant(op.Inputs[input])?.ToArray() ?? throw Refuse(op, "its statistics are computed and not stored");
}
