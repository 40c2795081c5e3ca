namespace Graft.Kernels.Cuda;

/// <summary>cuBLASLt, cuBLAS and cuDNN on numbers of 16 bits, and the engine's own kernels as they are compiled for them.</summary>
internal sealed class CudaNarrowKernels : NarrowKernels
{
    private readonly CudaContext _context;
    private readonly CudaRounding _rounding;
    private readonly CudaAddScaled _addScaled;
    private readonly CudaAffine _dense, _denseToFloat32;
    private readonly FusedConvolution _convolution;
    private readonly CudaBinaryKernels _binary;
    private readonly CudaSoftmaxKernels _softmax;
    private readonly CudaPermuteKernels _permute;

    /// <param name="context">The GPU.</param>
    /// <param name="precision">BFloat16 or Float16.</param>
    public CudaNarrowKernels(CudaContext context, ComputePrecision precision)
    {
        _context = context;
        _rounding = new CudaRounding(context, precision);
        _addScaled = new CudaAddScaled(context, precision);
        _dense = new CudaAffine(context, precision, precision, precision);
        _denseToFloat32 = new CudaAffine(context, precision, precision, ComputePrecision.Float32);
        var reduce = new CudaReduceKernels(context, precision);
        var pad = new CudaPad2DKernels(context, precision);
        var own = new OwnConv2D(context, reduce, precision);
        var exact = new CudaReduceKernels(context);
        var convolutions = new CudaConvolutions(context, precision, precision);
        CudaProducts products = new(context, precision, precision, precision), exactProducts = new(context, precision, precision);
        var pointwise = new PointwiseConvolution(context, _dense, products, new CudaWeightProduct(context, exactProducts, exact, sizeof(ushort)), precision);
        var finish = new ConvolutionFinish(context, own, precision);
        var padding = new EvenPadding(context, pad, sizeof(ushort));
        _convolution = new FusedConvolution(context, convolutions, pointwise, own, finish, padding, sizeof(ushort));
        Conv2D = new NarrowConv2DKernels(context, precision, convolutions, pointwise, finish, padding, reduce, exact);
        BatchNorm = new NarrowBatchNormKernels(new CudaBatchNormKernels(context, precision));
        Pool2D = new NarrowPool2DKernels(new CudaPool2DKernels(context, precision));
        Pad2D = new NarrowPad2DKernels(pad);
        Reduce = new NarrowReduceKernels(reduce);
        Unary = new NarrowUnaryKernels(new CudaUnaryKernels(context, precision));
        var matMul = new NarrowMatMulKernels(products, exactProducts);
        MatMul = matMul;
        TrainedDense = new TrainedDenseKernels(_dense, matMul, _rounding, reduce, exact, new CudaPadding(context, precision, precision, precision), new CudaPadding(context, precision));
        Dropout = new NarrowDropoutKernels(new CudaDropoutKernels(context, precision));
        LastToken = new NarrowLastTokenKernels(new CudaLastTokenKernels(context, precision));
        SoftmaxCrossEntropy = new NarrowSoftmaxCrossEntropyKernels(new CudaSoftmaxCrossEntropyKernels(context, precision));
        LayerNorm = new NarrowLayerNormKernels<ushort>(new CudaLayerNormKernels(context, reduce, exact, precision, precision));
        LayerNormOfFloat32 = new NarrowLayerNormKernels<float>(new CudaLayerNormKernels(context, reduce, exact, ComputePrecision.Float32, precision));
        CausalAttention = new NarrowCausalAttentionKernels(new CudaCausalAttentionKernels(context, new CudaProducts(context, precision), precision, precision));
        var copy = new CudaStridedCopy(context, precision);
        Concat = new NarrowConcatKernels(copy);
        Slice = new NarrowSliceKernels(context, copy);
        Upsample2D = new NarrowUpsample2DKernels(new CudaUpsample2DKernels(context, precision));
        DepthwiseConv2D = new NarrowDepthwiseConv2DKernels(new CudaDepthwiseConv2DKernels(context, exact, precision), reduce, exact);
        _binary = new CudaBinaryKernels(context, precision);
        _softmax = new CudaSoftmaxKernels(context, precision);
        _permute = new CudaPermuteKernels(context, precision);
    }

    public override string ConvolutionRoutine => _convolution.Routine;

    public override string DenseRoutine => $"Dense by {_dense.Name}";

    public override bool HasConvolutions => _context.Dnn.IsUsable;

    public override Conv2DKernels<ushort> Conv2D { get; }

    public override BatchNormKernels<ushort> BatchNorm { get; }

    public override Pool2DKernels<ushort> Pool2D { get; }

    public override Pad2DKernels<ushort> Pad2D { get; }

    public override ReduceKernels<ushort> Reduce { get; }

    public override UnaryKernels<ushort> Unary { get; }

    public override DepthwiseConv2DKernels<ushort> DepthwiseConv2D { get; }

    public override Upsample2DKernels<ushort> Upsample2D { get; }

    public override ConcatKernels<ushort> Concat { get; }

    public override SliceKernels<ushort> Slice { get; }

    public override DenseKernels<ushort> TrainedDense { get; }

    public override MatMulKernels<ushort> MatMul { get; }

    public override DropoutKernels<ushort> Dropout { get; }

    public override LastTokenKernels<ushort> LastToken { get; }

    public override SoftmaxCrossEntropyKernels<ushort> SoftmaxCrossEntropy { get; }

    public override LayerNormKernels<ushort, ushort> LayerNorm { get; }

    public override LayerNormKernels<float, ushort> LayerNormOfFloat32 { get; }

    public override CausalAttentionKernels<ushort> CausalAttention { get; }

    public override void Round(DevicePtr<float> x, DevicePtr<ushort> y, long count, float beta) => _rounding.Round(x, y.Address, count, beta);

    public override void Widen(DevicePtr<ushort> x, DevicePtr<float> y, long count, float beta) => _rounding.Widen(x.Address, y, count, beta);

    public override void Add(DevicePtr<float> a, DevicePtr<ushort> b, DevicePtr<float> y, long count) => _rounding.Add(a, b.Address, y, count);

    public override void Accumulate(DevicePtr<ushort> source, DevicePtr<ushort> destination, long count, float beta)
    {
        if (beta == 0)
            _context.Copy(source.Address, destination.Address, count * sizeof(ushort));
        else
            _addScaled.Run(At(source), 1, At(destination), beta, count);
    }

    /// <inheritdoc/>
    /// <remarks>cuDNN's sums are rounded once more than an own kernel's before bias, residual and activation: it has them in 16 bits.</remarks>
    public override void FusedConv2D(in FusedConv2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<float> b, DevicePtr<ushort> roundedB, DevicePtr<ushort> residual, DevicePtr<ushort> y) =>
        _convolution.Run(g, At(x), At(w), b, roundedB.Address, At(residual), At(y));

    public override void Dense(in FrozenDenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<ushort> b, DevicePtr<ushort> residual, DevicePtr<ushort> y) =>
        _dense.Run(g, x.Address, w.Address, b.Address, residual.Address, y.Address);

    public override void DenseToFloat32(in FrozenDenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<float> b, DevicePtr<float> y) =>
        _denseToFloat32.Run(g, x.Address, w.Address, b.Address, 0, y.Address);

    public override void Binary(in BinaryGeometry g, DevicePtr<ushort> a, DevicePtr<ushort> b, DevicePtr<ushort> y) => _binary.Forward(g, At(a), At(b), At(y));

    public override void Softmax(in SoftmaxGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y) => _softmax.Forward(g, At(x), At(y));

    public override bool TakesAttention(in CausalAttentionGeometry g) => CudaCausalAttentionKernels.HasTiles(g);

    public override void Permute(in PermuteGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y) => _permute.Forward(g, At(x), At(y));

    /// <summary>The address, for kernels that know by their name what lies there.</summary>
    internal static DevicePtr<float> At(DevicePtr<ushort> numbers) => new(numbers.Address);
}
