using System.Runtime.CompilerServices;
using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>cuBLAS and the engine's own kernels on one GPU. Not all ops are written yet: see <see cref="IsComplete"/>.</summary>
internal sealed class CudaKernelSet : KernelSet, IDisposable
{
    /// <summary>
    /// True once every op of <see cref="KernelSet"/> has its CUDA kernels. Until then a GPU is used only where it is asked for: a model with an op that
    /// lacks them would fail in its first step.
    /// </summary>
    public const bool IsComplete = false;

    private readonly CudaContext _context;

    /// <summary>The kernels of an opened GPU; disposing of them closes it.</summary>
    public CudaKernelSet(CudaContext context)
    {
        _context = context;
        Softmax = new CudaSoftmaxKernels(context);
        Unary = new CudaUnaryKernels(context);
        Binary = new CudaBinaryKernels(context);
        Reduce = new CudaReduceKernels(context);
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
        Memory = new CudaMemoryKernels(context);
        Dense = new CudaDenseKernels(context, Reduce);
        FrozenDense = new CudaFrozenDenseKernels(context, Unary);
    }

    public override string Name => $"cuda:{_context.Info.Index}";

    /// <summary>The GPU.</summary>
    public CudaContext Context => _context;

    public override MemoryKernels Memory { get; }

    public override DenseKernels Dense { get; }

    public override FrozenDenseKernels FrozenDense { get; }

    public override NarrowDenseKernels NarrowDense => throw Missing();

    public override Conv2DKernels Conv2D => throw Missing();

    public override DepthwiseConv2DKernels DepthwiseConv2D => throw Missing();

    public override FusedConv2DKernels FusedConv2D => throw Missing();

    public override Pool2DKernels Pool2D => throw Missing();

    public override BatchNormKernels BatchNorm => throw Missing();

    public override Pad2DKernels Pad2D => throw Missing();

    public override Upsample2DKernels Upsample2D => throw Missing();

    public override MatMulKernels MatMul => throw Missing();

    public override CausalAttentionKernels CausalAttention => throw Missing();

    public override SoftmaxKernels Softmax { get; }

    public override LayerNormKernels LayerNorm => throw Missing();

    public override EmbeddingKernels Embedding => throw Missing();

    public override UnaryKernels Unary { get; }

    public override BinaryKernels Binary { get; }

    public override ReduceKernels Reduce { get; }

    public override ConcatKernels Concat => throw Missing();

    public override SliceKernels Slice => throw Missing();

    public override LastTokenKernels LastToken => throw Missing();

    public override PermuteKernels Permute => throw Missing();

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

    private MissingKernelException Missing([CallerMemberName] string op = "") => new(
        $"{op} has no CUDA kernel yet: models that use it run on the processor (--device cpu, GRAFT_DEVICE=cpu, or model.MoveTo(Device.Cpu)). docs/cuda.md lists the ops that have one.");
}
