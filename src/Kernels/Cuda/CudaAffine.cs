namespace Graft.Kernels.Cuda;

/// <summary>What a dense layer computes forward: y = activation(x w + b + residual). By cuBLASLt in one kernel, or by cuBLAS and own kernels where that does not take it.</summary>
/// <param name="context">The GPU.</param>
/// <param name="precision">What products are computed in.</param>
/// <param name="factors">How x and w lie in memory: of 16 bits, or as float32 that is rounded first where the precision has 16.</param>
/// <param name="output">How b, residual and y lie in memory.</param>
internal sealed class CudaAffine(CudaContext context, ComputePrecision precision, ComputePrecision factors, ComputePrecision output)
{
    private readonly CudaRounding _rounding = new(context, precision);
    private readonly CudaBias _bias = new(context, output);
    private readonly CudaUnaryKernels _unary = new(context, output);
    private readonly GemmTypes _types = GemmTypes.Of(precision, output.IsNarrow());

    /// <summary>Who computes it.</summary>
    public string Name => context.BlasLt.Name + (precision == ComputePrecision.Float32 ? "" : $" in {precision.Word()}");

    /// <summary>True where the library applies an activation as the engine does.</summary>
    public bool Has(UnaryFormula activation) => context.BlasLt.Has(_types, activation);

    /// <summary>The output. Addresses are of the types above; those of b and residual may be 0, and y may be residual. w lies as [k,o], or turned as [o,k].</summary>
    public void Run(in FrozenDenseGeometry g, nint x, nint w, nint b, nint residual, nint y, bool isTurned = false)
    {
        bool rounds = precision.IsNarrow() && !factors.IsNarrow();
        using CudaScratch roundX = rounds ? _rounding.Round(new DevicePtr<float>(x), (long)g.M * g.K) : default, roundW = rounds ? _rounding.Round(new DevicePtr<float>(w), (long)g.K * g.O) : default;
        if (rounds)
            (x, w) = (roundX.Address, roundW.Address);
        bool isFused = g.Activation is { } wanted && Has(wanted);
        if (!context.BlasLt.Run(_types, g, isFused ? g.Activation : null, new LtOperands(x, w, b, residual, y), isTurned))
        {
            isFused = false;
            Multiply(g, x, w, residual, y, isTurned);
            _bias.Add(new DevicePtr<float>(y), new DevicePtr<float>(b), g.M, g.O);
        }
        if (!isFused && g.Activation is { } formula)
            _unary.Forward(new UnaryGeometry((long)g.M * g.O, formula), new DevicePtr<float>(y), new DevicePtr<float>(y));
    }

    private void Multiply(in FrozenDenseGeometry g, nint x, nint w, nint residual, nint y, bool isTurned)
    {
        if (residual != 0 && residual != y)
            context.Copy(residual, y, (long)g.M * g.O * (output.IsNarrow() ? sizeof(ushort) : sizeof(float)));
        context.Blas.Multiply(g.M, g.O, g.K, new CudaMatrices(new DevicePtr<float>(x), g.K), new CudaMatrices(new DevicePtr<float>(w), isTurned ? g.K : g.O, isTurned), new CudaMatrices(new DevicePtr<float>(y), g.O),
            residual == 0 ? 0 : 1, types: precision == ComputePrecision.Float32 ? null : _types);
    }
}
