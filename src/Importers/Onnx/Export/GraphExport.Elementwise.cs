using Graft.Inference;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Importers.Onnx;

/// <content>Functions of one number and of two, sums over axes, softmax.</content>
internal sealed partial class GraphExport
{
    private void AddUnary(TracedOp op, UnaryOp unary)
    {
        OnnxValue x = Value(op.Inputs[0]);
        string input = x.IsInteger ? Plain(op.Inputs[0]) : x.Name;
        bool nonNegative = unary.Formula is UnaryFormula.ReLU or UnaryFormula.ReLUMax or UnaryFormula.Sigmoid or UnaryFormula.Exp or UnaryFormula.Square or UnaryFormula.Abs;
        _values[op.Output] = new OnnxValue(Formula(unary.Formula, unary.Alpha, unary.Beta, input), x.Order) { IsNonNegative = nonNegative };
    }

    /// <summary>A formula of each number, as one node where ONNX has it.</summary>
    private string Formula(UnaryFormula formula, float alpha, float beta, string x)
    {
        string A(float value) => _graph.Scalar(value);
        switch (formula)
        {
            case UnaryFormula.ReLU: return Emit("Relu", [x]);
            case UnaryFormula.ReLUMax: return Emit("Clip", [x, A(0), A(alpha)]);
            case UnaryFormula.LeakyReLU: return Emit("LeakyRelu", [x], OnnxGraph.Attribute("alpha", alpha));
            case UnaryFormula.ELU: return Emit("Elu", [x], OnnxGraph.Attribute("alpha", alpha));
            case UnaryFormula.SELU: return Emit("Selu", [x]); // ONNX's defaults are the paper's numbers
            case UnaryFormula.HardSigmoid: return Emit("HardSigmoid", [x], OnnxGraph.Attribute("alpha", 1 / 6f), OnnxGraph.Attribute("beta", 0.5f));
            case UnaryFormula.HardSigmoidKeras2: return Emit("HardSigmoid", [x], OnnxGraph.Attribute("alpha", 0.2f), OnnxGraph.Attribute("beta", 0.5f));
            case UnaryFormula.SparseSigmoid: return Emit("HardSigmoid", [x], OnnxGraph.Attribute("alpha", 0.5f), OnnxGraph.Attribute("beta", 0.5f));
            case UnaryFormula.HardSiLU: return Emit("HardSwish", [x]);
            case UnaryFormula.Gelu: return Gelu(x, Emit("Erf", [Emit("Div", [x, A(MathF.Sqrt(2))])]));
            case UnaryFormula.GeluTanh: return Gelu(x, Emit("Tanh", [GeluInner(x)]));
            case UnaryFormula.SiLU: return Emit("Mul", [x, Emit("Sigmoid", [x])]);
            case UnaryFormula.Mish: return Emit("Mul", [x, Emit("Tanh", [Emit("Softplus", [x])])]);
            case UnaryFormula.Rsqrt: return Emit("Reciprocal", [Emit("Sqrt", [x])]);
            case UnaryFormula.Square: return Emit("Mul", [x, x]);
            case UnaryFormula.Negate: return Emit("Neg", [x]);
            case UnaryFormula.Scale: return Scaled(x, alpha, beta);
            case UnaryFormula.Clip: return Emit("Clip", [x, A(alpha), A(beta)]);
            case UnaryFormula.Threshold: return Threshold(x, alpha, beta);
            case UnaryFormula.NotEqual: return Emit("Cast", [Emit("Not", [Emit("Equal", [x, A(alpha)])])], OnnxGraph.Attribute("to", (long)OnnxType.Float));
            case UnaryFormula.Pow: return Emit("Pow", [x, A(alpha)]);
            case UnaryFormula.LogSigmoid: return Emit("Neg", [Emit("Softplus", [Emit("Neg", [x])])]);
            case UnaryFormula.TanhShrink: return Emit("Sub", [x, Emit("Tanh", [x])]);
            case UnaryFormula.SoftShrink: return Emit("Shrink", [x], OnnxGraph.Attribute("lambd", alpha), OnnxGraph.Attribute("bias", alpha));
            case UnaryFormula.HardShrink: return Emit("Shrink", [x], OnnxGraph.Attribute("lambd", alpha), OnnxGraph.Attribute("bias", 0f));
            case UnaryFormula.SquarePlus: return Emit("Mul", [Emit("Add", [x, Emit("Sqrt", [Emit("Add", [Emit("Mul", [x, x]), A(alpha)])])]), A(0.5f)]);
            case UnaryFormula.SparsePlus: return SparsePlus(x);
            default: return Emit(formula.ToString(), [x]); // Sigmoid, Tanh, Softplus, Softsign, Exp, Log, Sqrt, Abs, Reciprocal: the same words
        }
    }

    private string Scaled(string x, float factor, float summand)
    {
        string y = factor == 1 ? x : Emit("Mul", [x, _graph.Scalar(factor)]);
        return summand != 0 ? Emit("Add", [y, _graph.Scalar(summand)]) : factor == 1 ? Emit("Identity", [x]) : y;
    }

    // x above alpha, at most beta; 0 up to alpha
    private string Threshold(string x, float alpha, float beta)
    {
        string above = beta >= 0 ? Emit("ThresholdedRelu", [x], OnnxGraph.Attribute("alpha", alpha)) : x;
        string bounded = float.IsFinite(beta) && beta < float.MaxValue ? Emit("Min", [above, _graph.Scalar(beta)]) : above;
        return beta >= 0 ? bounded : Emit("Where", [Emit("Greater", [x, _graph.Scalar(alpha)]), bounded, _graph.Scalar(0)]); // the zeros are above such a bound
    }

    // x / 2 (1 + ..), in the form that ONNX Runtime joins to one op
    private string Gelu(string x, string inner) => Emit("Mul", [Emit("Mul", [x, _graph.Scalar(0.5f)]), Emit("Add", [inner, _graph.Scalar(1)])]);

    // sqrt(2 / pi) (x + 0.044715 x^3)
    private string GeluInner(string x)
    {
        string cube = Emit("Mul", [Emit("Pow", [x, _graph.Scalar(3)]), _graph.Scalar(0.044715f)]);
        return Emit("Mul", [Emit("Add", [x, cube]), _graph.Scalar(MathF.Sqrt(2 / MathF.PI))]);
    }

    // 0 up to -1, (x + 1)^2 / 4 to 1, x from there on
    private string SparsePlus(string x)
    {
        string next = Emit("Add", [x, _graph.Scalar(1)]), inner = Emit("Mul", [Emit("Mul", [next, next]), _graph.Scalar(0.25f)]);
        string upper = Emit("Where", [Emit("Less", [x, _graph.Scalar(1)]), inner, x]);
        return Emit("Where", [Emit("Greater", [x, _graph.Scalar(-1)]), upper, _graph.Scalar(0)]);
    }

    private static string Operator(BinaryFormula formula) => formula switch
    {
        BinaryFormula.Add => "Add",
        BinaryFormula.Subtract => "Sub",
        BinaryFormula.Multiply => "Mul",
        BinaryFormula.Divide => "Div",
        BinaryFormula.Maximum => "Max",
        BinaryFormula.Minimum => "Min",
        BinaryFormula.PReLU => "PRelu",
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "No such formula."),
    };

    private void AddBinary(TracedOp op, BinaryOp binary)
    {
        int rank = op.Output.Shape.Rank;
        OnnxValue[] computed = [.. op.Inputs.Where(t => !IsWeight(t) && t.Shape.Rank == rank).Select(Value)];
        bool lowerRank = Array.Exists(op.Inputs, t => !IsWeight(t) && t.Shape.Rank < rank);
        int[] order = lowerRank || computed.Length == 0 ? OnnxAxes.Identity(rank) : (computed.FirstOrDefault(v => !OnnxAxes.IsIdentity(v.Order)) ?? computed[0]).Order;
        string a = Operand(op.Inputs[0], order), b = Operand(op.Inputs[1], order);
        Define(op.Output, Emit(Operator(binary.Formula), [a, b]), order);
    }

    /// <summary>A tensor of as many axes or fewer, so that it is broadcast as the model has it.</summary>
    private string Operand(Tensor tensor, int[] order)
    {
        int missing = order.Length - tensor.Shape.Rank;
        if (missing == 0)
            return In(tensor, order);
        if (OnnxAxes.IsIdentity(order))
            return Plain(tensor);
        Tensor constant = Constant(tensor)!; // what is computed has all axes, or the order is the model's
        var full = new Shape([.. Enumerable.Repeat(1, missing), .. constant.Shape.Dims]);
        var arranged = new Shape(OnnxAxes.Arrange(full, order));
        return Weight(constant, $"full {string.Join(',', order)}", arranged, values => AxisPermutation.Of(values, full, order));
    }

    private void AddReduce(TracedOp op, ReduceOp reduce)
    {
        Tensor x = op.Inputs[0];
        int rank = x.Shape.Rank;
        int[] axes = reduce.Axes.Count == 0 ? OnnxAxes.Identity(rank) : [.. reduce.Axes.Select(a => ShapeCheck.Axis(reduce.Name, x.Shape, a)).Order()];
        OnnxValue value = Value(x);
        int[] order = value.IsInteger ? OnnxAxes.Identity(rank) : value.Order;
        string input = In(x, order);
        int[] rest = [.. Enumerable.Range(0, rank).Except(axes)];
        int[] after = reduce.KeepDims ? order : [.. order.Where(a => !axes.Contains(a)).Select(a => Array.IndexOf(rest, a))];
        // Over all places of an image in planes: the operators that runtimes know best.
        if (rank == 4 && axes.AsSpan().SequenceEqual([1, 2]) && order.AsSpan().SequenceEqual(OnnxAxes.ChannelsFirst(4)) && reduce.Formula is ReduceFormula.Mean or ReduceFormula.Max)
        {
            string pooled = Emit(reduce.Formula == ReduceFormula.Mean ? "GlobalAveragePool" : "GlobalMaxPool", [input]);
            Define(op.Output, reduce.KeepDims ? pooled : Emit("Flatten", [pooled]), after);
            return;
        }
        Define(op.Output, Reduce(reduce.Formula, input, [.. axes.Select(a => (long)Array.IndexOf(order, a)).Order()], reduce.KeepDims), after);
    }

    private string Reduce(ReduceFormula formula, string x, long[] axes, bool keepDims)
    {
        const int AxesAreInputs = 18; // of all but ReduceSum, which has them so since 13
        ProtoMessage keep = OnnxGraph.Attribute("keepdims", keepDims ? 1L : 0L);
        return formula == ReduceFormula.Sum || _options.Opset >= AxesAreInputs ? Emit($"Reduce{formula}", [x, _graph.Integers(axes)], keep)
            : Emit($"Reduce{formula}", [x], OnnxGraph.Attribute("axes", axes), keep);
    }

    private void AddSoftmax(TracedOp op, SoftmaxOp softmax)
    {
        OnnxValue x = Value(op.Inputs[0]);
        long axis = Array.IndexOf(x.Order, x.Order.Length - 1);
        Define(op.Output, Emit(softmax.Log ? "LogSoftmax" : "Softmax", [x.Name], OnnxGraph.Attribute("axis", axis)), x.Order);
    }

    /// <summary>Martins and Astudillo 2016, algorithm 1: with z sorted downwards, as many count as have 1 + k z_k above the sum of the first k.</summary>
    private void AddSparsemax(TracedOp op)
    {
        string x = Plain(op.Inputs[0]);
        int width = op.Inputs[0].Shape[-1];
        string sorted = _graph.Free(Name("sorted"));
        _graph.Node("TopK", Name("TopK"), [x, _graph.Integers(width)], [sorted, _graph.Free(Name("places"))], OnnxGraph.Attribute("axis", -1L));
        string sums = Emit("CumSum", [sorted, _graph.Integer(-1)]), ranks = _graph.Floats(Name("ranks"), new Shape(width), () => [.. Enumerable.Range(1, width).Select(k => (float)k)]);
        string counts = Emit("Greater", [Emit("Add", [Emit("Mul", [sorted, ranks]), _graph.Scalar(1)]), sums]);
        string support = Reduce(ReduceFormula.Sum, Emit("Cast", [counts], OnnxGraph.Attribute("to", (long)OnnxType.Int64)), [-1], keepDims: true);
        string sum = Emit("GatherElements", [sums, Emit("Sub", [support, _graph.Integer(1)])], OnnxGraph.Attribute("axis", -1L));
        string threshold = Emit("Div", [Emit("Sub", [sum, _graph.Scalar(1)]), Emit("Cast", [support], OnnxGraph.Attribute("to", (long)OnnxType.Float))]);
        Define(op.Output, Emit("Relu", [Emit("Sub", [x, threshold])]));
    }
}
