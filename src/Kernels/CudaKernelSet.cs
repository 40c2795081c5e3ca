using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>cuBLAS, cuDNN and the engine's own kernels on one GPU.</summary>
internal sealed class CudaKernelSet : KernelSet, IDisposable
{
    private readonly CudaContext _context;

    /// <summary>The kernels of an opened GPU; disposing of them closes it.</summary>
    public CudaKernelSet(CudaContext context)
    {
        _context = context;
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
        Dense = new CudaDenseKernels(context, reduce);
        FrozenDense = new CudaFrozenDenseKernels(context, Unary);
        NarrowDense = new CudaNarrowDenseKernels(context, Unary);
        MatMul = new CudaMatMulKernels(context, Memory);
        CausalAttention = new CudaCausalAttentionKernels(context);
        LayerNorm = new CudaLayerNormKernels(context, Reduce);
        Embedding = new CudaEmbeddingKernels(context, Memory);
        Concat = new CudaConcatKernels(context);
        Slice = new CudaSliceKernels(context, Memory);
        LastToken = new CudaLastTokenKernels(context, Memory);
        TokenChoice = new CudaTokenChoiceKernels(context);
        Permute = new CudaPermuteKernels(context);
        var pad = new CudaPad2DKernels(context);
        var padding = new EvenPadding(context, pad);
        var convolution = new OwnConv2D(context, reduce);
        Pad2D = pad;
        Conv2D = new CudaConv2DKernels(context, convolution, reduce, padding);
        DepthwiseConv2D = new CudaDepthwiseConv2DKernels(context, reduce);
        FusedConv2D = new CudaFusedConv2DKernels(context, convolution, padding, memory);
        Pool2D = new CudaPool2DKernels(context);
        BatchNorm = new CudaBatchNormKernels(context);
        Upsample2D = new CudaUpsample2DKernels(context);
        Unfold = new CudaUnfoldKernels(context);
        Warp2D = new CudaWarp2DKernels(context);
        Sparsemax = new CudaSparsemaxKernels(context);
        Recurrent = new CudaRecurrentKernels(context, reduce, memory);
    }

    public override string Name => $"cuda:{_context.Info.Index}";

    public override string Routines => $"convolutions by {_context.Dnn.Description}";

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

    /// <summary>Gives the GPU's memory, modules and context back.</summary>
    public void Dispose() => _context.Dispose();
}
