using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>cuBLAS, cuDNN and the engine's own kernels on one GPU.</summary>
internal sealed class CudaKernelSet : KernelSet, IDisposable
{
    private const int Ampere = 80; // the first with TF32 and bfloat16

    private readonly CudaContext _context;
    private readonly CudaKernelSet? _exact; // that this one is another precision of
    private readonly Dictionary<ComputePrecision, CudaKernelSet> _others = [];
    private readonly CudaNarrowKernels? _narrow;

    /// <summary>The kernels of an opened GPU; disposing of them closes it.</summary>
    public CudaKernelSet(CudaContext context)
        : this(context, ComputePrecision.Float32, null)
    {
    }

    private CudaKernelSet(CudaContext context, ComputePrecision precision, CudaKernelSet? exact)
    {
        _narrow = precision.IsNarrow() ? new CudaNarrowKernels(context, precision) : null;
        (_context, Precision, _exact) = (context, precision, exact);
        var products = new CudaProducts(context, precision);
        var convolutions = new CudaConvolutions(context, precision);
        var affine = new CudaAffine(context, precision, ComputePrecision.Float32, ComputePrecision.Float32);
        Softmax = new CudaSoftmaxKernels(context);
        Unary = new CudaUnaryKernels(context);
        Binary = new CudaBinaryKernels(context);
        var reduce = new CudaReduceKernels(context);
        Reduce = reduce;
        Dropout = new CudaDropoutKernels(context);
        SoftmaxCrossEntropy = new CudaSoftmaxCrossEntropyKernels(context);
        CategoricalCrossEntropy = new CudaCategoricalCrossEntropyKernels(context);
        PointwiseLoss = new CudaPointwiseLossKernels(context);
        SgdStep = new CudaSgdStepKernels(context);
        RmsPropStep = new CudaRmsPropStepKernels(context);
        AdamStep = new CudaAdamStepKernels(context);
        Gradient = new CudaGradientKernels(context);
        AdagradStep = new CudaAdagradStepKernels(context);
        AdadeltaStep = new CudaAdadeltaStepKernels(context);
        AdamaxStep = new CudaAdamaxStepKernels(context);
        NadamStep = new CudaNadamStepKernels(context);
        var memory = new CudaMemoryKernels(context);
        Memory = memory;
        Dense = new CudaDenseKernels(affine, products, reduce);
        FrozenDense = new CudaFrozenDenseKernels(context, affine, Unary);
        NarrowDense = new CudaNarrowDenseKernels(context, Unary);
        MatMul = new CudaMatMulKernels(products, Memory);
        CausalAttention = new CudaCausalAttentionKernels(context, products, precision);
        LayerNorm = new CudaLayerNormKernels(context, reduce, reduce, ComputePrecision.Float32, ComputePrecision.Float32);
        Embedding = new CudaEmbeddingKernels(context, Memory);
        Concat = new CudaConcatKernels(context);
        Slice = new CudaSliceKernels(context, Memory);
        LastToken = new CudaLastTokenKernels(context);
        TokenChoice = new CudaTokenChoiceKernels(context);
        Permute = new CudaPermuteKernels(context);
        var pad = new CudaPad2DKernels(context);
        var padding = new EvenPadding(context, pad);
        var own = new OwnConv2D(context, reduce);
        Pad2D = pad;
        var weights = new CudaWeightProduct(context, products, reduce);
        var pointwise = new PointwiseConvolution(context, affine, products, weights, ComputePrecision.Float32);
        WinogradConvolution? winograd = precision == ComputePrecision.Float32 ? new WinogradConvolution(context) : null;
        Conv2D = new CudaConv2DKernels(context, convolutions, pointwise, winograd, precision == ComputePrecision.Float32 ? new PatchConvolution(context, products, weights) : null, own, reduce, padding);
        DepthwiseConv2D = new CudaDepthwiseConv2DKernels(context, reduce);
        FusedConv2D = new CudaFusedConv2DKernels(
            new FusedConvolution(context, convolutions, pointwise, own, new ConvolutionFinish(context, own, ComputePrecision.Float32), padding, sizeof(float)), winograd, memory);
        Pool2D = new CudaPool2DKernels(context);
        BatchNorm = new CudaBatchNormKernels(context);
        Upsample2D = new CudaUpsample2DKernels(context);
        Unfold = new CudaUnfoldKernels(context);
        Warp2D = new CudaWarp2DKernels(context);
        Sparsemax = new CudaSparsemaxKernels(context);
        Recurrent = new CudaRecurrentKernels(context, reduce, memory);
    }

    public override string Name => $"cuda:{_context.Info.Index}";

    public override string Routines => $"convolutions by {_context.Dnn.Description}; dense layers by {_context.BlasLt.Description}";

    public override ComputePrecision Precision { get; }

    public override NarrowKernels Narrow => _narrow ?? base.Narrow;

    /// <summary>The GPU.</summary>
    public CudaContext Context => _context;

    public override bool Records => true;

    public override RecordedWork? RunAndRecord(Action work, out string obstacle) => CudaGraph.RunAndRecord(_context, work, out obstacle);

    public override MemoryKernels Memory { get; }

    public override DenseKernels Dense { get; }

    public override FrozenDenseKernels FrozenDense { get; }

    public override NarrowDenseKernels NarrowDense { get; }

    public override Conv2DKernels Conv2D { get; }

    public override DepthwiseConv2DKernels DepthwiseConv2D { get; }

    public override FusedConv2DKernels FusedConv2D { get; }

    public override Pool2DKernels Pool2D { get; }

    public override BatchNormKernels BatchNorm { get; }

    public override Pad2DKernels Pad2D { get; }

    public override Upsample2DKernels Upsample2D { get; }

    public override UnfoldKernels Unfold { get; }

    public override Warp2DKernels Warp2D { get; }

    public override MatMulKernels MatMul { get; }

    public override CausalAttentionKernels CausalAttention { get; }

    public override RecurrentKernels Recurrent { get; }

    public override SoftmaxKernels Softmax { get; }

    public override SparsemaxKernels Sparsemax { get; }

    public override LayerNormKernels LayerNorm { get; }

    public override EmbeddingKernels Embedding { get; }

    public override UnaryKernels Unary { get; }

    public override BinaryKernels Binary { get; }

    public override ReduceKernels Reduce { get; }

    public override ConcatKernels Concat { get; }

    public override SliceKernels Slice { get; }

    public override LastTokenKernels LastToken { get; }

    public override TokenChoiceKernels TokenChoice { get; }

    public override PermuteKernels Permute { get; }

    public override DropoutKernels Dropout { get; }

    public override SoftmaxCrossEntropyKernels SoftmaxCrossEntropy { get; }

    public override CategoricalCrossEntropyKernels CategoricalCrossEntropy { get; }

    public override PointwiseLossKernels PointwiseLoss { get; }

    public override SgdStepKernels SgdStep { get; }

    public override RmsPropStepKernels RmsPropStep { get; }

    public override AdamStepKernels AdamStep { get; }

    public override AdagradStepKernels AdagradStep { get; }

    public override AdadeltaStepKernels AdadeltaStep { get; }

    public override AdamaxStepKernels AdamaxStep { get; }

    public override NadamStepKernels NadamStep { get; }

    public override GradientKernels Gradient { get; }

    public override KernelSet In(ComputePrecision precision)
    {
        if (_exact is not null)
            return _exact.In(precision);
        if (precision == ComputePrecision.Float32)
            return this;
        Demand(precision, _context.Info);
        lock (_others)
        {
            if (!_others.TryGetValue(precision, out CudaKernelSet? other))
                _others.Add(precision, other = new CudaKernelSet(_context, precision, this));
            return other;
        }
    }

    /// <summary>Throws where a GPU does not compute in a precision: its libraries would do so in another, or not at all.</summary>
    internal static void Demand(ComputePrecision precision, CudaDeviceInfo gpu)
    {
        if (precision is ComputePrecision.TF32 or ComputePrecision.BFloat16 && gpu.Capability < Ampere)
            throw new GraftException($"cuda:{gpu.Index} does not compute in {precision.Word()}: that takes compute capability 8.0 (Ampere) or later, {gpu.Name} has {gpu.Major}.{gpu.Minor}. Take float32 or fp16.");
    }

    /// <summary>Gives the GPU's memory, modules and context back.</summary>
    public void Dispose() => _context.Dispose();
}
