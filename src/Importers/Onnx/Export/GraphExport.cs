using Graft.Autograd;
using Graft.Inference;
using Graft.Layers;
using Graft.Ops;

namespace Graft.Importers.Onnx;

/// <summary>
/// Writes the ops of a model as nodes of ONNX. The model is traced as for a plan, so that every layer is written whose ops are known here; what it makes of
/// weights alone is computed beforehand.
/// </summary>
/// <remarks>
/// ONNX wants channels behind the batch, the model has them last. A value thus may lie in another order of its axes than the model's, and what looks at each number
/// alone is written in the order it comes in: transposes stand where they must and nowhere else, and those of weights are done here.
/// </remarks>
internal sealed partial class GraphExport : IDisposable
{
    private readonly Model _model;
    private readonly OnnxExportOptions _options;
    private readonly SymbolicTrace _trace;
    private readonly Dictionary<Tensor, TracedOp> _producers;
    private readonly Tape _folding;
    private readonly Dictionary<Tensor, OnnxValue> _values = [];
    private readonly Dictionary<Tensor, Tensor> _folded = [];
    private readonly Dictionary<Tensor, string> _parameters;
    private readonly Dictionary<Tensor, List<TracedOp>> _readers = [];
    private readonly HashSet<Tensor> _passedBy = []; // between values that one node makes at once
    private OnnxGraph _graph = new();
    private HashSet<Tensor> _wanted = [];
    private string _layer = "";

    public GraphExport(Model model, OnnxExportOptions options)
    {
        (_model, _options) = (model, options);
        if (options.Opset is < OnnxExportOptions.OldestOpset or > OnnxExportOptions.NewestOpset)
            throw new GraftException($"ONNX export: opset {options.Opset} is not written; {OnnxExportOptions.OldestOpset} to {OnnxExportOptions.NewestOpset} are.");
        if (options.BatchSize < 1)
            throw new GraftException($"ONNX export: the batch size is {options.BatchSize}; it is 1 or more, or null for any.");
        if (FirstDynamic(model) is { } dynamic)
            throw new GraftException($"ONNX export: layer '{dynamic.Name}' ({dynamic.ClassName}) {(dynamic.IsCustom ? "is dynamic; an ONNX graph is the same for all inputs. Put another layer in its place, or cut the model before it." : "is stateful; an ONNX graph remembers nothing from one run to the next. Build it without Stateful, with its states as inputs and outputs.")}");
        _trace = new SymbolicTrace(model, options.BatchSize);
        _folding = new Tape(model.Device);
        _parameters = model.NamedParameters().DistinctBy(p => p.Parameter).ToDictionary(p => p.Parameter.Value, p => p.Path);
        _producers = _trace.Ops.ToDictionary(o => o.Output);
        foreach (TracedOp op in _trace.Ops)
        {
            foreach (Tensor input in op.Inputs.Distinct())
            {
                if (!_readers.TryGetValue(input, out List<TracedOp>? readers))
                    _readers[input] = readers = [];
                readers.Add(op);
            }
        }
    }

    /// <summary>Writes all nodes. The writer asks for the numbers of weights, and so serves until this is disposed of.</summary>
    /// <exception cref="GraftException">An op of a layer cannot be expressed.</exception>
    public OnnxModelWriter Build()
    {
        CheckCache();
        AddInputs();
        _wanted = Wanted();
        foreach (TracedOp op in _trace.Ops)
        {
            if (!_wanted.Contains(op.Output) || _values.ContainsKey(op.Output) || _passedBy.Contains(op.Output) || op.IsConstant)
                continue;
            _layer = op.Layer;
            if (!TryFold(op))
                Add(op);
        }
        AddOutputs();
        _graph.DropUnread();
        return new OnnxModelWriter(_graph, _model.Name, _options.Opset, Metadata());
    }

    public void Dispose()
    {
        _folding.Dispose();
        _trace.Dispose();
    }

    private static Layer? FirstDynamic(Layer layer) => !layer.IsDynamic ? null : layer.Inner.Select(FirstDynamic).FirstOrDefault(l => l is not null) ?? layer;

    /// <summary>What the outputs depend on.</summary>
    private HashSet<Tensor> Wanted()
    {
        HashSet<Tensor> wanted = [.. _trace.Outputs];
        for (int i = _trace.Ops.Count - 1; i >= 0; i--)
        {
            if (wanted.Contains(_trace.Ops[i].Output))
                wanted.UnionWith(_trace.Ops[i].Inputs);
        }
        return wanted;
    }

    /// <summary>Computes what is made of weights alone.</summary>
    private bool TryFold(TracedOp op)
    {
        if (!op.Op.IsPure || !Array.TrueForAll(op.Inputs, IsWeight) || !Array.TrueForAll(_trace.Of(op.Output), e => e.IsFixed))
            return false;
        _folded[op.Output] = _folding.Run(op.Op, Array.ConvertAll(op.Inputs, t => Constant(t)!));
        return true;
    }

    private void Add(TracedOp op)
    {
        switch (op.Op)
        {
            case UnaryOp unary: AddUnary(op, unary); break;
            case BinaryOp binary: AddBinary(op, binary); break;
            case ReduceOp reduce: AddReduce(op, reduce); break;
            case SoftmaxOp softmax: AddSoftmax(op, softmax); break;
            case SparsemaxOp: AddSparsemax(op); break;
            case DenseOp: AddDense(op); break;
            case MatMulOp product: AddMatMul(op, product); break;
            case EmbeddingOp: AddEmbedding(op); break;
            case LayerNormOp norm: AddLayerNorm(op, norm); break;
            case BatchNormOp norm: AddBatchNorm(op, norm); break;
            case Conv2DOp conv: AddConv(op, conv); break;
            case DepthwiseConv2DOp conv: AddDepthwise(op, conv); break;
            case Conv2DTransposeOp conv: AddTransposed(op, conv); break;
            case Pool2DOp pool: AddPool(op, pool); break;
            case Pad2DOp pad: AddPad(op, pad); break;
            case Upsample2DOp upsample: AddUpsample(op, upsample); break;
            case UnfoldOp unfold: AddUnfold(op, unfold); break;
            case FoldOp fold: AddFold(op, fold); break;
            case ConcatOp concat: AddConcat(op, concat); break;
            case SliceOp slice: AddSlice(op, slice); break;
            case PermuteOp permute: AddPermute(op, permute); break;
            case ReshapeOp: AddReshape(op); break;
            case CausalAttentionOp attention: AddAttention(op, attention); break;
            case LastTokenOp last: AddLastToken(op, last); break;
            case RecurrentOp recurrent: AddRecurrent(op, recurrent); break;
            default: throw Refuse(op, "there is no operator of ONNX that it is written as");
        }
    }

    private GraftException Refuse(TracedOp op, string reason) =>
        new($"ONNX export: layer '{op.Layer}' of model '{_model.Name}' runs the op {op.Op.Name}, which cannot be written: {reason}. Put another layer in its place, or cut the model before it.");
}
