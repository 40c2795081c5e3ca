using Graft.Kernels;
using Graft.Layers;

namespace Graft.Importers.Onnx;

/// <content>Sums and products of two values, or of a value and numbers of the file.</content>
internal sealed partial class GraphImport
{
    private static readonly float s_root = MathF.Sqrt(2);

    private void AddBinary(BinaryFormula formula)
    {
        if (_node.Inputs.Count == 1)
            Set(ValueAt(0)); // Max and Min of one
        else if (_node.Inputs.Count > 2)
            AddMerge(formula == BinaryFormula.Maximum ? new Maximum() : new Minimum());
        else if (ConstantAt(1) is { } right)
            WithConstant(formula, ValueAt(0), right, isSecond: true);
        else if (ConstantAt(0) is { } left)
            WithConstant(formula, ValueAt(1), left, isSecond: false);
        else if (formula == BinaryFormula.Multiply && TryGelu(ValueAt(0), ValueAt(1)))
            return;
        else
            OfTwo(formula);
    }

    private void OfTwo(BinaryFormula formula)
    {
        switch (formula)
        {
            case BinaryFormula.Add: AddMerge(new Add()); break;
            case BinaryFormula.Subtract: AddMerge(new Subtract()); break;
            case BinaryFormula.Multiply: AddMerge(new Multiply()); break;
            case BinaryFormula.Maximum: AddMerge(new Maximum()); break;
            case BinaryFormula.Minimum: AddMerge(new Minimum()); break;
            default:
                ImportedValue divisor = Plain(ValueAt(1));
                Merge(new Multiply(), [ValueAt(0), divisor with { Node = Aid(new Elementwise(UnaryFormula.Reciprocal), divisor.Node) }]);
                break;
        }
    }

    private void AddMerge(Layer layer)
    {
        foreach (int i in Enumerable.Range(0, _node.Inputs.Count).Where(i => ConstantAt(i) is not null))
            throw Refuse($"joins '{_node.Inputs[i]}', a constant, with several computed values, which is not known");
        Merge(layer, [.. Enumerable.Range(0, _node.Inputs.Count).Select(ValueAt)]);
    }

    /// <summary>Joins values in one order of axes; fewer axes are filled up with extents of 1 in front, behind the samples.</summary>
    private void Merge(Layer layer, ImportedValue[] values)
    {
        if (values.Length == 1)
        {
            Set(values[0]);
            return;
        }
        int rank = values.Max(v => v.Rank);
        foreach (ImportedValue less in values.Where(v => v.Rank < rank))
            throw Refuse($"joins tensors of {rank} and of {less.Rank} axes; the sample axis of the second would meet another axis of the first. Unsqueeze it in the model");
        ImportedValue[] plain = Array.ConvertAll(values, Plain);
        int[] order = (plain.FirstOrDefault(v => !OnnxAxes.IsIdentity(v.Order)) ?? plain[0]).Order;
        Set(new ImportedValue(Apply(layer, [.. plain.Select(v => As(v, order))]), order));
    }

    private void WithConstant(BinaryFormula formula, ImportedValue x, ImportedConstant constant, bool isSecond)
    {
        if (constant.Single is float number && constant.Dims.Length <= x.Rank)
            WithNumber(formula, x, number, isSecond);
        else if (formula is BinaryFormula.Maximum or BinaryFormula.Minimum || (formula == BinaryFormula.Divide && !isSecond))
            throw Refuse($"takes a constant [{string.Join(',', constant.Dims)}]; a single number is known here");
        else
            WithNumbers(formula, Plain(x), constant, isSecond);
    }

    private void WithNumber(BinaryFormula formula, ImportedValue x, float number, bool isSecond)
    {
        switch (formula)
        {
            case BinaryFormula.Add when x.Erf == ErfPart.Erf && x.Factor == 1 && number == 1: Set(x with { Erf = ErfPart.OnePlusErf }); break;
            case BinaryFormula.Add: Shift(x, number); break;
            case BinaryFormula.Subtract when isSecond: Shift(x, -number); break;
            case BinaryFormula.Subtract: Shift(x with { Factor = -x.Factor }, number); break;
            case BinaryFormula.Multiply: AddScaled(x, number); break;
            case BinaryFormula.Divide when isSecond: AddScaled(x, 1 / number); break;
            case BinaryFormula.Divide:
                ImportedValue divisor = Plain(x);
                Set(divisor with { Node = Apply(new Elementwise(UnaryFormula.Reciprocal), divisor.Node), Factor = number });
                break;
            case BinaryFormula.Maximum when number == 0: Each(x, new ReLU()); break;
            case BinaryFormula.Maximum: Each(x, new Elementwise(UnaryFormula.Clip, number, float.MaxValue)); break;
            default: Each(x, new Elementwise(UnaryFormula.Clip, float.MinValue, number)); break;
        }
    }

    private void Each(ImportedValue x, Layer layer)
    {
        x = Plain(x);
        Set(x with { Node = Apply(layer, x.Node) });
    }

    /// <summary>Notes a factor, which becomes a layer where nothing else takes it up.</summary>
    private void AddScaled(ImportedValue x, float factor) => Set(x with { Factor = x.Factor * factor });

    private void Shift(ImportedValue x, float number)
    {
        float factor = x.Factor;
        x = Plain(x with { Factor = 1 });
        Set(x with { Node = Apply(new Rescaling(factor, number), x.Node) });
    }

    private void WithNumbers(BinaryFormula formula, ImportedValue x, ImportedConstant constant, bool isSecond)
    {
        int missing = x.Rank - constant.Dims.Length;
        int[] dims = missing < 0 ? [] : [.. Enumerable.Repeat(1, missing), .. constant.Dims]; // of the file's axes
        if (missing < 0 || dims[Array.IndexOf(x.Order, 0)] != 1 || dims.Where((d, i) => d != 1 && d != x.Dims[i]).Any())
            throw Refuse($"takes a constant [{string.Join(',', constant.Dims)}] with samples {x.Node.Shape}, which it does not fit");
        int[] varying = [.. Enumerable.Range(0, x.Rank).Where(i => dims[i] > 1)];
        if (varying.Length == 1)
            OfAxis(formula, x, varying[0], constant.Floats, isSecond);
        else if (formula is BinaryFormula.Add || (formula is BinaryFormula.Subtract && isSecond))
            OfPlaces(x, dims, formula == BinaryFormula.Add ? Array.ConvertAll(constant.Floats, f => -f) : constant.Floats);
        else
            throw Refuse($"takes a constant [{string.Join(',', constant.Dims)}] that differs along several axes; it may be added or subtracted, else it differs along one axis");
    }

    /// <summary>A factor or summand for each position of one axis, which becomes the last.</summary>
    private void OfAxis(BinaryFormula formula, ImportedValue x, int axis, float[] numbers, bool isSecond)
    {
        int[] order = x.Order[axis] == x.Rank - 1 ? x.Order : OnnxAxes.Between([.. OnnxAxes.Identity(x.Rank).Where(a => a != axis), axis], OnnxAxes.Identity(x.Rank));
        Rescaling layer = formula switch
        {
            BinaryFormula.Add => new Rescaling([1], numbers),
            BinaryFormula.Subtract when isSecond => new Rescaling([1], Array.ConvertAll(numbers, n => -n)),
            BinaryFormula.Subtract => new Rescaling([-1], numbers),
            BinaryFormula.Multiply => new Rescaling(numbers, [0]),
            _ => new Rescaling(Array.ConvertAll(numbers, n => 1 / n), [0]),
        };
        Set(new ImportedValue(Apply(layer, As(x, order)), order));
    }

    /// <summary>Subtracts a number of its own for each place, by the layer that subtracts means.</summary>
    private void OfPlaces(ImportedValue x, int[] dims, float[] numbers)
    {
        int[] axes = [.. Enumerable.Range(1, x.Rank - 1).Where(a => dims[Array.IndexOf(x.Order, a)] > 1)];
        float[] turned = AxisPermutation.Of(numbers, new Shape(dims), OnnxAxes.Between(x.Order, OnnxAxes.Identity(x.Rank)));
        Set(x with { Node = Apply(new Normalization { Axes = axes, Mean = turned, Variance = [1] }, x.Node) });
    }

    private void AddPow()
    {
        float power = Weights(1, "exponent").Single ?? throw Refuse("takes a single number as exponent");
        Each(power switch
        {
            2 => new Elementwise(UnaryFormula.Square),
            0.5f => new Elementwise(UnaryFormula.Sqrt),
            _ => new Elementwise(UnaryFormula.Pow, power),
        });
    }

    // ----- GELU, x / 2 (1 + erf(x / sqrt(2))) -----

    private void AddErf()
    {
        ImportedValue x = ValueAt(0);
        const float Near = 1e-6f;
        Set(x.Erf == ErfPart.None && x.JoinedFrom is null && MathF.Abs(x.Factor * s_root - 1) < Near ? x with { Factor = 1, Erf = ErfPart.Erf }
            : throw Refuse("is known as a part of GELU, x / 2 (1 + erf(x / sqrt(2))), alone"));
    }

    private bool TryGelu(ImportedValue a, ImportedValue b)
    {
        (ImportedValue erf, ImportedValue x) = a.Erf == ErfPart.OnePlusErf ? (a, b) : (b, a);
        if (erf.Erf != ErfPart.OnePlusErf || x.Erf != ErfPart.None || erf.Node != x.Node || !erf.Order.AsSpan().SequenceEqual(x.Order))
            return false;
        Set(x with { Node = Apply(new ActivationLayer(Activation.Gelu), x.Node), Factor = 2 * erf.Factor * x.Factor });
        return true;
    }
}
