using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>SIMD on the worker pool; needs nothing but the runtime.</summary>
internal sealed class CpuKernelSet : KernelSet
{
    public override string Name => "cpu";

    public override double MeasurePeakFlops() => FmaPeak.Measure();

    public override MemoryKernels Memory { get; } = new HostMemoryKernels();

    public override DenseKernels Dense { get; } = new CpuDenseKernels();

    public override FrozenDenseKernels FrozenDense { get; } = new CpuFrozenDenseKernels(GemmTile.Current);

    public override NarrowDenseKernels NarrowDense { get; } = new CpuNarrowDenseKernels(CpuNarrowDenseKernels.BestPath);

    public override Conv2DKernels Conv2D { get; } = new CpuConv2DKernels();

    public override DepthwiseConv2DKernels DepthwiseConv2D { get; } = new CpuDepthwiseConv2DKernels();

    public override FusedConv2DKernels FusedConv2D { get; } = new CpuFusedConv2DKernels(GemmTile.Current);

    public override Pool2DKernels Pool2D { get; } = new CpuPool2DKernels();

    public override BatchNormKernels BatchNorm { get; } = new CpuBatchNormKernels();

    public override Pad2DKernels Pad2D { get; } = new CpuPad2DKernels();

    public override Upsample2DKernels Upsample2D { get; } = new CpuUpsample2DKernels();

    public override UnfoldKernels Unfold { get; } = new CpuUnfoldKernels();

    public override Warp2DKernels Warp2D { get; } = new CpuWarp2DKernels();

    public override MatMulKernels MatMul { get; } = new CpuMatMulKernels();

    public override CausalAttentionKernels CausalAttention { get; } = new CpuCausalAttentionKernels();

    public override RecurrentKernels Recurrent { get; } = new CpuRecurrentKernels();

    public override SoftmaxKernels Softmax { get; } = new CpuSoftmaxKernels();

    public override SparsemaxKernels Sparsemax { get; } = new CpuSparsemaxKernels();

    public override LayerNormKernels LayerNorm { get; } = new CpuLayerNormKernels();

    public override EmbeddingKernels Embedding { get; } = new CpuEmbeddingKernels();

    public override UnaryKernels Unary { get; } = new CpuUnaryKernels();

    public override BinaryKernels Binary { get; } = new CpuBinaryKernels();

    public override ReduceKernels Reduce { get; } = new CpuReduceKernels();

    public override ConcatKernels Concat { get; } = new CpuConcatKernels();

    public override SliceKernels Slice { get; } = new CpuSliceKernels();

    public override LastTokenKernels LastToken { get; } = new CpuLastTokenKernels();

    public override TokenChoiceKernels TokenChoice { get; } = new CpuTokenChoiceKernels();

    public override PermuteKernels Permute { get; } = new CpuPermuteKernels();

    public override DropoutKernels Dropout { get; } = new CpuDropoutKernels();

    public override SoftmaxCrossEntropyKernels SoftmaxCrossEntropy { get; } = new CpuSoftmaxCrossEntropyKernels();

    public override CategoricalCrossEntropyKernels CategoricalCrossEntropy { get; } = new CpuCategoricalCrossEntropyKernels();

    public override PointwiseLossKernels PointwiseLoss { get; } = new CpuPointwiseLossKernels();

    public override SgdStepKernels SgdStep { get; } = new CpuSgdStepKernels();

    public override RmsPropStepKernels RmsPropStep { get; } = new CpuRmsPropStepKernels();

    public override AdamStepKernels AdamStep { get; } = new CpuAdamStepKernels();

    public override AdagradStepKernels AdagradStep { get; } = new CpuAdagradStepKernels();

    public override AdadeltaStepKernels AdadeltaStep { get; } = new CpuAdadeltaStepKernels();

    public override AdamaxStepKernels AdamaxStep { get; } = new CpuAdamaxStepKernels();

    public override NadamStepKernels NadamStep { get; } = new CpuNadamStepKernels();

    public override GradientKernels Gradient { get; } = new CpuGradientKernels();
}
