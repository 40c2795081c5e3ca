namespace Graft.Kernels;

/// <summary>The specification: one thread, plain loops, sums in double where the order would matter.</summary>
internal sealed class ReferenceKernelSet : KernelSet
{
    public override string Name => "reference";

    public override MemoryKernels Memory { get; } = new HostMemoryKernels();

    public override DenseKernels Dense { get; } = new ReferenceDenseKernels();

    public override Conv2DKernels Conv2D { get; } = new ReferenceConv2DKernels();

    public override DepthwiseConv2DKernels DepthwiseConv2D { get; } = new ReferenceDepthwiseConv2DKernels();

    public override Pool2DKernels Pool2D { get; } = new ReferencePool2DKernels();

    public override BatchNormKernels BatchNorm { get; } = new ReferenceBatchNormKernels();

    public override Pad2DKernels Pad2D { get; } = new ReferencePad2DKernels();

    public override MatMulKernels MatMul { get; } = new ReferenceMatMulKernels();

    public override SoftmaxKernels Softmax { get; } = new ReferenceSoftmaxKernels();

    public override LayerNormKernels LayerNorm { get; } = new ReferenceLayerNormKernels();

    public override EmbeddingKernels Embedding { get; } = new ReferenceEmbeddingKernels();
}
