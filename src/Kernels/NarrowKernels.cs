namespace Graft.Kernels;

/// <summary>
/// Kernels on numbers of 16 bits, in the format of the set's <see cref="KernelSet.Precision"/>: they are widened where they are read and rounded to nearest where
/// they are written; arithmetic and sums are in float32. Formulas and shapes are those of the op of the same name; biases of convolutions, scales and shifts are float32. Inference plans run
/// them forward; what has kernels backward too serves training steps.
/// </summary>
/// <remarks>What an op has no kernel for here runs on float32, between <see cref="Widen"/> and <see cref="Round"/>.</remarks>
public abstract class NarrowKernels
{
    /// <summary>y [count] = beta y + x, rounded to nearest; beta is 0 (y is not read) or 1.</summary>
    public abstract void Round(DevicePtr<float> x, DevicePtr<ushort> y, long count, float beta = 0);

    /// <summary>y [count] = beta y + x; without beta it is x exactly.</summary>
    public abstract void Widen(DevicePtr<ushort> x, DevicePtr<float> y, long count, float beta = 0);

    /// <summary>y [count] = a + b, of float32 and 16 bits; y may be a.</summary>
    public abstract void Add(DevicePtr<float> a, DevicePtr<ushort> b, DevicePtr<float> y, long count);

    /// <summary>The routine behind <see cref="FusedConv2D"/>, for people.</summary>
    public abstract string ConvolutionRoutine { get; }

    /// <summary>The routine behind <see cref="Dense"/>, for people.</summary>
    public abstract string DenseRoutine { get; }

    /// <summary>As <see cref="FusedConv2DKernels.Run"/>, weights [O,R,S,C] as they are; the bias [O] comes as float32 and rounded, or both are Null.</summary>
    public abstract void FusedConv2D(
        in FusedConv2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<float> b, DevicePtr<ushort> roundedB, DevicePtr<ushort> residual, DevicePtr<ushort> y);

    /// <summary>As <see cref="FrozenDenseKernels.Run"/>, weights [K,O] as they are.</summary>
    public abstract void Dense(in FrozenDenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<ushort> b, DevicePtr<ushort> residual, DevicePtr<ushort> y);

    /// <summary>The same with a bias and results of float32, which no rounding has touched.</summary>
    public abstract void DenseToFloat32(in FrozenDenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<float> b, DevicePtr<float> y);

    /// <summary>True where <see cref="Conv2D"/> has a library that multiplies in 16 bits; without one, numbers are better left as float32.</summary>
    public abstract bool HasConvolutions { get; }

    /// <summary>Convolutions in training, forward and backward; biases are float32, and so are the gradients of weights and biases.</summary>
    public abstract Conv2DKernels<ushort> Conv2D { get; }

    /// <summary>Batch normalisation, forward and backward.</summary>
    public abstract BatchNormKernels<ushort> BatchNorm { get; }

    /// <summary>Pooling, forward and backward.</summary>
    public abstract Pool2DKernels<ushort> Pool2D { get; }

    /// <summary>Padding, forward and backward.</summary>
    public abstract Pad2DKernels<ushort> Pad2D { get; }

    /// <summary>Reductions forward, and backward those of sums and means.</summary>
    public abstract ReduceKernels<ushort> Reduce { get; }

    /// <summary>Dense layers in training, forward and backward; biases are float32, and so are the gradients of weights and biases. No extent is 0.</summary>
    public abstract DenseKernels<ushort> TrainedDense { get; }

    /// <summary>One product of whole matrices, a not transposed and no extent 0, forward and backward; the gradient of b is float32.</summary>
    public abstract MatMulKernels<ushort> MatMul { get; }

    /// <summary>Dropout, forward and backward.</summary>
    public abstract DropoutKernels<ushort> Dropout { get; }

    /// <summary>Rows of last tokens, forward and backward.</summary>
    public abstract LastTokenKernels<ushort> LastToken { get; }

    /// <summary>Cross-entropy from logits of 16 bits, forward and backward; labels and losses are float32.</summary>
    public abstract SoftmaxCrossEntropyKernels<ushort> SoftmaxCrossEntropy { get; }

    /// <summary>Functions of one number, forward and backward; y may be x.</summary>
    public abstract UnaryKernels<ushort> Unary { get; }

    /// <summary>As <see cref="MemoryKernels.Accumulate"/>: the sum is rounded once.</summary>
    public abstract void Accumulate(DevicePtr<ushort> source, DevicePtr<ushort> destination, long count, float beta);

    /// <summary>As <see cref="BinaryKernels.Forward"/>.</summary>
    public abstract void Binary(in BinaryGeometry g, DevicePtr<ushort> a, DevicePtr<ushort> b, DevicePtr<ushort> y);

    /// <summary>As <see cref="SoftmaxKernels.Forward"/>.</summary>
    public abstract void Softmax(in SoftmaxGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y);

    /// <summary>Layer normalisation, forward and backward; a plan leaves mean and rstd Null.</summary>
    public abstract LayerNormKernels<ushort, ushort> LayerNorm { get; }

    /// <summary>The same of numbers that are float32, as a sum along a residual path is.</summary>
    public abstract LayerNormKernels<float, ushort> LayerNormOfFloat32 { get; }

    /// <summary>True where <see cref="CausalAttention"/> takes heads of this width.</summary>
    public abstract bool TakesAttention(in CausalAttentionGeometry g);

    /// <summary>Attention where <see cref="TakesAttention"/>, forward and backward.</summary>
    public abstract CausalAttentionKernels<ushort> CausalAttention { get; }

    /// <summary>Depthwise convolutions, forward and backward; weights, biases and their gradients are float32.</summary>
    public abstract DepthwiseConv2DKernels<ushort> DepthwiseConv2D { get; }

    /// <summary>Larger images, forward and backward.</summary>
    public abstract Upsample2DKernels<ushort> Upsample2D { get; }

    /// <summary>Parts joined along an axis, forward and backward.</summary>
    public abstract ConcatKernels<ushort> Concat { get; }

    /// <summary>Ranges of an axis, forward and backward.</summary>
    public abstract SliceKernels<ushort> Slice { get; }

    /// <summary>As <see cref="PermuteKernels.Forward"/>.</summary>
    public abstract void Permute(in PermuteGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y);
}
