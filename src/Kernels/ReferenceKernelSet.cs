namespace Graft.Kernels;

/// <summary>The specification: one thread, plain loops, sums in double where the order would matter.</summary>
internal sealed class ReferenceKernelSet : KernelSet
{
    public override string Name => "reference";

    public override MemoryKernels Memory { get; } = new HostMemoryKernels();

    public override DenseKernels Dense { get; } = new ReferenceDenseKernels();

    public override FrozenDenseKernels FrozenDense { get; } = new ReferenceFrozenDenseKernels();

    public override NarrowDenseKernels NarrowDense { get; } = new ReferenceNarrowDenseKernels();

    public override Conv2DKernels Conv2D { get; } = new ReferenceConv2DKernels();

    public override DepthwiseConv2DKernels DepthwiseConv2D { get; } = new ReferenceDepthwiseConv2DKernels();

    public override FusedConv2DKernels FusedConv2D { get; } = new ReferenceFusedConv2DKernels();

    public override Pool2DKernels Pool2D { get; } = new ReferencePool2DKernels();

    public override BatchNormKernels BatchNorm { get; } = new ReferenceBatchNormKernels();

    public override Pad2DKernels Pad2D { get; } = new ReferencePad2DKernels();

    public override Upsample2DKernels Upsample2D { get; } = new ReferenceUpsample2DKernels();

    public override UnfoldKernels Unfold { get; } = new ReferenceUnfoldKernels();

    public override Warp2DKernels Warp2D { get; } = new ReferenceWarp2DKernels();

    public override MatMulKernels MatMul { get; } = new ReferenceMatMulKernels();

    public override CausalAttentionKernels CausalAttention { get; } = new ReferenceCausalAttentionKernels();

    public override RecurrentKernels Recurrent { get; } = new ReferenceRecurrentKernels();

    public override SoftmaxKernels Softmax { get; } = new ReferenceSoftmaxKernels();

    public override SparsemaxKernels Sparsemax { get; } = new ReferenceSparsemaxKernels();

    public override LayerNormKernels LayerNorm { get; } = new ReferenceLayerNormKernels();

    public override EmbeddingKernels Embedding { get; } = new ReferenceEmbeddingKernels();

    public override UnaryKernels Unary { get; } = new ReferenceUnaryKernels();

    public override BinaryKernels Binary { get; } = new ReferenceBinaryKernels();

    public override ReduceKernels Reduce { get; } = new ReferenceReduceKernels();

    public override ConcatKernels Concat { get; } = new ReferenceConcatKernels();

    public override SliceKernels Slice { get; } = new ReferenceSliceKernels();

    public override LastTokenKernels LastToken { get; } = new ReferenceLastTokenKernels();

    public override TokenChoiceKernels TokenChoice { get; } = new ReferenceTokenChoiceKernels();

    public override PermuteKernels Permute { get; } = new ReferencePermuteKernels();

    public override DropoutKernels Dropout { get; } = new ReferenceDropoutKernels();

    public override SoftmaxCrossEntropyKernels SoftmaxCrossEntropy { get; } = new ReferenceSoftmaxCrossEntropyKernels();

    public override CategoricalCrossEntropyKernels CategoricalCrossEntropy { get; } = new ReferenceCategoricalCrossEntropyKernels();

    public override PointwiseLossKernels PointwiseLoss { get; } = new ReferencePointwiseLossKernels();

    public override SgdStepKernels SgdStep { get; } = new ReferenceSgdStepKernels();

    public override RmsPropStepKernels RmsPropStep { get; } = new ReferenceRmsPropStepKernels();

    public override AdamStepKernels AdamStep { get; } = new ReferenceAdamStepKernels();

    public override AdagradStepKernels AdagradStep { get; } = new ReferenceAdagradStepKernels();

    public override AdadeltaStepKernels AdadeltaStep { get; } = new ReferenceAdadeltaStepKernels();

    public override AdamaxStepKernels AdamaxStep { get; } = new ReferenceAdamaxStepKernels();

    public override NadamStepKernels NadamStep { get; } = new ReferenceNadamStepKernels();

    public override GradientKernels Gradient { get; } = new ReferenceGradientKernels();
}
