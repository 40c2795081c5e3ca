using Graft.Kernels;
using Graft.Layers;

namespace Graft.Importers.Onnx;

/// <content>The operators, and those of a single number.</content>
internal sealed partial class GraphImport
{
    private static readonly Dictionary<string, Action<GraphImport>> Operators = new()
    {
        ["Abs"] = g => g.Each(new Elementwise(UnaryFormula.Abs)),
        ["Add"] = g => g.AddBinary(BinaryFormula.Add),
        ["AveragePool"] = g => g.AddPool(PoolKind.Average),
        ["BatchNormalization"] = g => g.AddBatchNorm(),
        ["Cast"] = g => g.AddCast(),
        ["Celu"] = g => g.AddCelu(),
        ["Clip"] = g => g.AddClip(),
        ["Concat"] = g => g.AddConcat(),
        ["Conv"] = g => g.AddConv(),
        ["ConvTranspose"] = g => g.AddConvTranspose(),
        ["Div"] = g => g.AddBinary(BinaryFormula.Divide),
        ["Dropout"] = g => g.AddDropout(),
        ["Elu"] = g => g.Each(new ELU(g.Float("alpha", 1))),
        ["Erf"] = g => g.AddErf(),
        ["Exp"] = g => g.Each(new ActivationLayer(Activation.Exponential)),
        ["Flatten"] = g => g.AddFlatten(),
        ["Gather"] = g => g.AddGather(),
        ["Gelu"] = g => g.Each(new ActivationLayer(g.Text("approximate", "none") == "tanh" ? Activation.GeluTanh : Activation.Gelu)),
        ["Gemm"] = g => g.AddGemm(),
        ["GlobalAveragePool"] = g => g.AddGlobalPool(ReduceFormula.Mean),
        ["GlobalMaxPool"] = g => g.AddGlobalPool(ReduceFormula.Max),
        ["GRU"] = g => g.AddRecurrent(RecurrentKind.Gru),
        ["HardSigmoid"] = g => g.AddHardSigmoid(),
        ["HardSwish"] = g => g.Each(new ActivationLayer(Activation.HardSiLU)),
        ["Identity"] = g => g.Set(g.ValueAt(0)),
        ["InstanceNormalization"] = g => g.AddInstanceNorm(),
        ["LayerNormalization"] = g => g.AddLayerNorm(),
        ["LeakyRelu"] = g => g.Each(new LeakyReLU(g.Float("alpha", 0.01f))),
        ["Log"] = g => g.Each(new Elementwise(UnaryFormula.Log)),
        ["LogSoftmax"] = g => g.AddSoftmax(log: true),
        ["LSTM"] = g => g.AddRecurrent(RecurrentKind.Lstm),
        ["MatMul"] = g => g.AddMatMul(),
        ["Max"] = g => g.AddBinary(BinaryFormula.Maximum),
        ["MaxPool"] = g => g.AddPool(PoolKind.Max),
        ["Mean"] = g => g.AddMerge(new Average()),
        ["Min"] = g => g.AddBinary(BinaryFormula.Minimum),
        ["Mish"] = g => g.Each(new ActivationLayer(Activation.Mish)),
        ["Mul"] = g => g.AddBinary(BinaryFormula.Multiply),
        ["Neg"] = g => g.AddScaled(g.ValueAt(0), -1),
        ["Pad"] = g => g.AddPad(),
        ["Pow"] = g => g.AddPow(),
        ["PRelu"] = g => g.AddPRelu(),
        ["Reciprocal"] = g => g.Each(new Elementwise(UnaryFormula.Reciprocal)),
        ["ReduceMax"] = g => g.AddReduce(ReduceFormula.Max),
        ["ReduceMean"] = g => g.AddReduce(ReduceFormula.Mean),
        ["Relu"] = g => g.Each(new ReLU()),
        ["Reshape"] = g => g.AddReshape(),
        ["Resize"] = g => g.AddResize(),
        ["RNN"] = g => g.AddRecurrent(RecurrentKind.Simple),
        ["Selu"] = g => g.AddSelu(),
        ["Shape"] = g => g.AddShape(),
        ["Sigmoid"] = g => g.Each(new ActivationLayer(Activation.Sigmoid)),
        ["Slice"] = g => g.AddSlice(),
        ["Softmax"] = g => g.AddSoftmax(log: false),
        ["Softplus"] = g => g.Each(new ActivationLayer(Activation.Softplus)),
        ["Softsign"] = g => g.Each(new ActivationLayer(Activation.Softsign)),
        ["Split"] = g => g.AddSplit(),
        ["Sqrt"] = g => g.Each(new Elementwise(UnaryFormula.Sqrt)),
        ["Squeeze"] = g => g.AddSqueeze(),
        ["Sub"] = g => g.AddBinary(BinaryFormula.Subtract),
        ["Sum"] = g => g.AddMerge(new Add()),
        ["Tanh"] = g => g.Each(new ActivationLayer(Activation.Tanh)),
        ["ThresholdedRelu"] = g => g.Each(new ThresholdedReLU(g.Float("alpha", 1))),
        ["Transpose"] = g => g.AddTranspose(),
        ["Unsqueeze"] = g => g.AddUnsqueeze(),
        ["Upsample"] = g => g.AddResize(),
    };

    /// <summary>Numbers are float32 here; bytes and ids that come in are whole numbers among them.</summary>
    private void AddCast()
    {
        ImportedValue x = ValueAt(0);
        var to = (OnnxType)Integer("to", 0);
        bool isFloat = to is OnnxType.Float or OnnxType.Half or OnnxType.Double or OnnxType.BFloat16;
        Set(isFloat || x.Node.Layer is InputLayer ? x : throw Refuse($"rounds computed values to {to}, which no layer does"));
    }

    private void AddDropout()
    {
        if (_node.Outputs.Count > 1)
            OneOutput();
        Set(ValueAt(0));
    }

    private void AddClip()
    {
        float low = Bound("min", 1, float.MinValue), high = Bound("max", 2, float.MaxValue);
        Each(low == 0 ? high == float.MaxValue ? new ReLU() : new ReLU { MaxValue = high } : new Elementwise(UnaryFormula.Clip, low, high));
    }

    // An attribute up to operator set 10, an input since.
    private float Bound(string name, int input, float otherwise) =>
        Has(input) ? Weights(input, name).Single ?? throw Refuse($"takes a single number as {name}") : Float(name, otherwise);

    private void AddCelu()
    {
        if (Float("alpha", 1) != 1)
            throw Refuse($"has alpha {Float("alpha", 1)}; 1 alone is known");
        Each(new ActivationLayer(Activation.CELU));
    }

    private void AddSelu()
    {
        const float Alpha = 1.67326324f, Gamma = 1.05070098f, Near = 1e-5f; // Klambauer et al. 2017
        if (MathF.Abs(Float("alpha", Alpha) - Alpha) > Near || MathF.Abs(Float("gamma", Gamma) - Gamma) > Near)
            throw Refuse($"has alpha {Float("alpha", Alpha)} and gamma {Float("gamma", Gamma)}; those of the paper, {Alpha} and {Gamma}, are known");
        Each(new ActivationLayer(Activation.SELU));
    }

    private void AddHardSigmoid() => Each(new ActivationLayer(HardSigmoid(Float("alpha", 0.2f), Float("beta", 0.5f))
        ?? throw Refuse($"has alpha {Float("alpha", 0.2f)} and beta {Float("beta", 0.5f)}; known are alpha 0.2, 1/6 and 0.5, with beta 0.5")));

    private static Activation? HardSigmoid(float alpha, float beta)
    {
        const float Near = 1e-6f;
        return beta != 0.5f ? null : MathF.Abs(alpha - 0.2f) < Near ? Activation.HardSigmoidKeras2 : MathF.Abs(alpha - 1 / 6f) < Near ? Activation.HardSigmoid
            : alpha == 0.5f ? Activation.SparseSigmoid : null;
    }

    private void AddSoftmax(bool log)
    {
        const int OfOneAxis = 13; // before, all axes from the one named on were joined
        ImportedValue x = Plain(ValueAt(0));
        int axis = Axis(Integer("axis", _file.Opset >= OfOneAxis ? -1 : 1), x.Rank);
        int[] axes = [.. x.Order[axis..(_file.Opset >= OfOneAxis ? axis + 1 : x.Rank)].Where(a => a == 0 || x.Node.Shape[a - 1] > 1)];
        if (axes.Length == 0)
            axes = [x.Order[axis]];
        if (axes.Contains(0))
            throw Refuse("runs over the axis of samples");
        bool isLast = axes is [var only] && only == x.Rank - 1;
        if (log && !isLast)
        {
            int[] order = [.. OnnxAxes.Identity(x.Rank).Where(a => a != axis), axis];
            order = OnnxAxes.Between(order, OnnxAxes.Identity(x.Rank)); // the axis last
            if (axes.Length > 1)
                throw Refuse("takes the logarithm over several axes, which is not known");
            Set(new ImportedValue(Apply(new ActivationLayer(Activation.LogSoftmax), As(x, order)), order));
            return;
        }
        Set(x with { Node = Apply(log ? new ActivationLayer(Activation.LogSoftmax) : isLast ? new Softmax() : new Softmax(axes), x.Node) });
    }

    private void AddPRelu()
    {
        ImportedValue x = Plain(ValueAt(0));
        ImportedConstant slope = Weights(1, "slope");
        int[] dims = [.. Enumerable.Repeat(1, x.Rank - slope.Dims.Length), .. slope.Dims]; // of the file's axes
        if (dims.Length != x.Rank || dims[Array.IndexOf(x.Order, 0)] != 1)
            throw Refuse($"has slopes [{string.Join(',', slope.Dims)}] for samples {x.Node.Shape}");
        int[] shared = [.. Enumerable.Range(1, x.Rank - 1).Where(a => dims[Array.IndexOf(x.Order, a)] == 1)];
        var layer = new PReLU(shared);
        Node y = Apply(layer, x.Node);
        int[] turn = OnnxAxes.Between(x.Order, OnnxAxes.Identity(x.Rank));
        Fill(layer, "alpha", AxisPermutation.Of(slope.Floats, new Shape(dims), turn));
        Set(x with { Node = y });
    }
}
