namespace Graft.Kernels;

/// <summary>
/// All routines of one backend: one property an op, so that the compiler asks each backend for each op. There are three:
/// Reference (plain loops, the specification), Cpu (SIMD, threaded) and Cuda.
/// </summary>
public abstract class KernelSet
{
    /// <summary>Plain loops on the host: what the others are tested against.</summary>
    public static KernelSet Reference { get; } = new ReferenceKernelSet();

    /// <summary>Vectorised and threaded, on the host.</summary>
    public static KernelSet Cpu { get; } = new CpuKernelSet();

    /// <summary>The kernels of a GPU.</summary>
    /// <param name="index">Its number in the order of the driver, from 0.</param>
    /// <exception cref="Cuda.CudaUnavailableException">CUDA cannot be used on this machine, or there is no such GPU; the message is the diagnosis.</exception>
    public static KernelSet OpenCuda(int index) => new CudaKernelSet(Cuda.CudaContext.Open(index));

    /// <summary>Name for people: "reference", "cpu", "cuda:0".</summary>
    public abstract string Name { get; }

    /// <summary>Which libraries or kernels of its own do the work, where that depends on the machine; empty where it does not.</summary>
    public virtual string Routines => "";

    /// <summary>What products are computed in.</summary>
    public virtual ComputePrecision Precision => ComputePrecision.Float32;

    /// <summary>The same kernels on the same device, with products in another precision; see <see cref="ComputePrecision"/>.</summary>
    /// <exception cref="GraftException">The device does not compute in it; the message says what does.</exception>
    public virtual KernelSet In(ComputePrecision precision) => precision == ComputePrecision.Float32 ? this : throw new GraftException(
        $"{Name} computes in float32 alone, not in {precision.Word()}: that takes an NVIDIA GPU (--device cuda, GRAFT_DEVICE=cuda, model.MoveTo(Device.Cuda())). Leave the precision at float32 here.");

    /// <summary>Kernels on numbers of 16 bits, forward and, for what trains so, backward, of a set whose <see cref="Precision"/> has them.</summary>
    /// <exception cref="NotSupportedException">The set's numbers are float32.</exception>
    public virtual NarrowKernels Narrow => throw new NotSupportedException($"{Name} in {Precision.Word()} has no kernels on numbers of 16 bits; ask for them by In(BFloat16) or In(Float16).");

    /// <summary>Runs work, and records it where the device launches recorded work as a whole (<see cref="RecordedWork"/>).</summary>
    /// <param name="work">Does the same each time, on blocks that stay where they are, and gives back what it takes.</param>
    /// <param name="obstacle">Why nothing was recorded; empty where something was, or where the device records nothing.</param>
    /// <returns>Null where nothing was recorded.</returns>
    public virtual RecordedWork? RunAndRecord(Action work, out string obstacle)
    {
        obstacle = "";
        work();
        return null;
    }

    /// <summary>True where the device may record work. Its calls then return before the work is done.</summary>
    public virtual bool Records => false;

    /// <summary>
    /// The most operations a second that multiply-adds reach on this device now, measured in some milliseconds: what shares of the peak refer to.
    /// 0 where nothing is known.
    /// </summary>
    public virtual double MeasurePeakFlops() => 0;

    /// <summary>Blocks and copies.</summary>
    public abstract MemoryKernels Memory { get; }

    /// <summary>Fully connected layer.</summary>
    public abstract DenseKernels Dense { get; }

    /// <summary>Fully connected layer with frozen, packed weights and a fused epilogue.</summary>
    public abstract FrozenDenseKernels FrozenDense { get; }

    /// <summary>The same with weights of 16 or 8 bits.</summary>
    public abstract NarrowDenseKernels NarrowDense { get; }

    /// <summary>Two-dimensional convolution.</summary>
    public abstract Conv2DKernels Conv2D { get; }

    /// <summary>Convolution of each channel by filters of its own.</summary>
    public abstract DepthwiseConv2DKernels DepthwiseConv2D { get; }

    /// <summary>Convolution with frozen, packed weights and a fused epilogue, for inference plans.</summary>
    public abstract FusedConv2DKernels FusedConv2D { get; }

    /// <summary>Maximum and average over windows.</summary>
    public abstract Pool2DKernels Pool2D { get; }

    /// <summary>Normalisation by the statistics of a batch.</summary>
    public abstract BatchNormKernels BatchNorm { get; }

    /// <summary>Zeros around an image.</summary>
    public abstract Pad2DKernels Pad2D { get; }

    /// <summary>Larger images by a whole factor.</summary>
    public abstract Upsample2DKernels Upsample2D { get; }

    /// <summary>Windows along an axis as channels, and back.</summary>
    public abstract UnfoldKernels Unfold { get; }

    /// <summary>Images resampled by an affine map each.</summary>
    public abstract Warp2DKernels Warp2D { get; }

    /// <summary>Batched matrix product.</summary>
    public abstract MatMulKernels MatMul { get; }

    /// <summary>Self-attention in which a token sees those before it.</summary>
    public abstract CausalAttentionKernels CausalAttention { get; }

    /// <summary>Recurrent layers over all steps.</summary>
    public abstract RecurrentKernels Recurrent { get; }

    /// <summary>Softmax and its logarithm over the last axis.</summary>
    public abstract SoftmaxKernels Softmax { get; }

    /// <summary>The projection of rows onto the simplex.</summary>
    public abstract SparsemaxKernels Sparsemax { get; }

    /// <summary>Normalisation by the statistics of a row.</summary>
    public abstract LayerNormKernels LayerNorm { get; }

    /// <summary>Rows of a table by number.</summary>
    public abstract EmbeddingKernels Embedding { get; }

    /// <summary>Functions of one number.</summary>
    public abstract UnaryKernels Unary { get; }

    /// <summary>Functions of two numbers, with broadcasting.</summary>
    public abstract BinaryKernels Binary { get; }

    /// <summary>Sums, means, largest and smallest over axes.</summary>
    public abstract ReduceKernels Reduce { get; }

    /// <summary>Arrays joined along an axis.</summary>
    public abstract ConcatKernels Concat { get; }

    /// <summary>A range of an axis.</summary>
    public abstract SliceKernels Slice { get; }

    /// <summary>The row of the last token of each sequence.</summary>
    public abstract LastTokenKernels LastToken { get; }

    /// <summary>The next token by its logits.</summary>
    public abstract TokenChoiceKernels TokenChoice { get; }

    /// <summary>Axes in another order.</summary>
    public abstract PermuteKernels Permute { get; }

    /// <summary>Random zeros.</summary>
    public abstract DropoutKernels Dropout { get; }

    /// <summary>Cross-entropy over classes, from logits.</summary>
    public abstract SoftmaxCrossEntropyKernels SoftmaxCrossEntropy { get; }

    /// <summary>Cross-entropy over classes, from probabilities.</summary>
    public abstract CategoricalCrossEntropyKernels CategoricalCrossEntropy { get; }

    /// <summary>Losses of one number against one label.</summary>
    public abstract PointwiseLossKernels PointwiseLoss { get; }

    /// <summary>One step of gradient descent.</summary>
    public abstract SgdStepKernels SgdStep { get; }

    /// <summary>One step of RMSprop.</summary>
    public abstract RmsPropStepKernels RmsPropStep { get; }

    /// <summary>One step of Adam, AMSGrad or AdamW.</summary>
    public abstract AdamStepKernels AdamStep { get; }

    /// <summary>One step of Adagrad.</summary>
    public abstract AdagradStepKernels AdagradStep { get; }

    /// <summary>One step of Adadelta.</summary>
    public abstract AdadeltaStepKernels AdadeltaStep { get; }

    /// <summary>One step of Adamax.</summary>
    public abstract AdamaxStepKernels AdamaxStep { get; }

    /// <summary>One step of Nadam.</summary>
    public abstract NadamStepKernels NadamStep { get; }

    /// <summary>Norms, clipping and decay of gradients.</summary>
    public abstract GradientKernels Gradient { get; }
}
