using System.Globalization;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>
/// Dense layers by cuBLASLt on the compute stream: product, residual, bias and activation in one kernel. Made at the first one; descriptors and algorithms are kept by geometry.
/// </summary>
/// <remarks>
/// An activation is used once it has shown that it is the engine's (<see cref="LtActivationCheck"/>): a NaN has to stay NaN, and GELU has to have float32's digits. Else it is left to an own
/// kernel. The workspace is one block for all: they follow one another on the stream.
/// </remarks>
internal sealed class CudaBlasLt(CudaContext context) : IDisposable
{
    /// <summary>Bytes of workspace that an algorithm may have.</summary>
    public const int Workspace = 32 << 20;

    private readonly Dictionary<LtGeometry, LtMatmul> _products = [];
    private readonly Dictionary<(GemmTypes, UnaryFormula), bool> _activations = [];
    private readonly Lock _lock = new(); // descriptors hold the bias of a call
    private cublasLtHandle_t _handle;
    private nint _workspace;
    private string? _failure; // why it could not be started

    /// <summary>Who computes dense layers: "cuBLASLt 12.6.0", or "cuBLAS and own kernels".</summary>
    public string Name => IsUsable ? string.Create(CultureInfo.InvariantCulture, $"cuBLASLt {Version / 10000}.{Version / 100 % 100}.{Version % 100}") : "cuBLAS and own kernels";

    /// <summary>The same with the reason, and with what cuBLASLt did not take.</summary>
    public string Description
    {
        get
        {
            if (_failure is not null)
                return $"{Name}, as cuBLASLt could not be started: {_failure}";
            if (!IsUsable)
                return $"{Name}, as GRAFT_CUDA_CUBLASLT=off says";
            lock (_lock)
            {
                string[] refused = [.. _products.Values.Select(p => p.Refusal).OfType<string>()];
                string[] own = [.. _activations.Where(a => !a.Value).Select(a => a.Key.Item2.ToString()).Distinct()];
                string more = refused.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", but {refused.Length} that it did not take by cuBLAS and own kernels, such as {refused[0]}");
                return Name + more + (own.Length == 0 ? "" : $", {string.Join(" and ", own)} by an own kernel, as cuBLASLt's is not the same function");
            }
        }
    }

    private bool IsUsable => context.Options.UsesCublasLt && _failure is null;

    private static long Version => (long)CublasLt.cublasLtGetVersion();

    /// <summary>y [m,o] = activation(x [m,k] w [k,o] + residual + b), row-major and dense.</summary>
    /// <param name="types">Of x and w, and of residual, b and y.</param>
    /// <param name="g">The sizes; its activation is not looked at.</param>
    /// <param name="activation">ReLU or GeluTanh; null for none.</param>
    /// <param name="o">The operands.</param>
    /// <param name="isTurned">True where w lies as [o,k].</param>
    /// <returns>False where cuBLASLt does not take it; nothing was written.</returns>
    /// <exception cref="CudaException">The work failed.</exception>
    public bool Run(in GemmTypes types, in FrozenDenseGeometry g, UnaryFormula? activation, in LtOperands o, bool isTurned = false)
    {
        if (!IsUsable || g.M == 0 || g.O == 0 || g.K == 0)
            return false;
        lock (_lock)
            return Start() && Get(new LtGeometry(types, g.M, g.K, g.O, Epilogue(o.Bias, activation), o.Alignment, isTurned)).Run(o, _workspace);
    }

    /// <summary>True where cuBLASLt's form of an activation may be used. The first time, it is tried out.</summary>
    public bool Has(GemmTypes types, UnaryFormula activation)
    {
        if (activation is not (UnaryFormula.ReLU or UnaryFormula.GeluTanh) || !IsUsable)
            return false;
        lock (_lock)
        {
            if (!_activations.TryGetValue((types, activation), out bool isSame))
                _activations.Add((types, activation), isSame = context.Apart(() => LtActivationCheck.Passes(context, this, types, activation)));
            return isSame;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (LtMatmul product in _products.Values)
            product.Dispose();
        _products.Clear();
        if (_handle != default)
            Check.Ok(CublasLt.cublasLtDestroy(_handle));
        if (_workspace != 0)
            context.Memory.Free(_workspace);
        (_handle, _workspace) = (default, 0);
    }

    private LtMatmul Get(in LtGeometry g)
    {
        if (!_products.TryGetValue(g, out LtMatmul? product))
            _products.Add(g, product = new LtMatmul(context, _handle, g));
        return product;
    }

    private static cublasLtEpilogue_t Epilogue(nint bias, UnaryFormula? activation)
    {
        cublasLtEpilogue_t function = activation switch
        {
            UnaryFormula.ReLU => cublasLtEpilogue_t.CUBLASLT_EPILOGUE_RELU,
            UnaryFormula.GeluTanh => cublasLtEpilogue_t.CUBLASLT_EPILOGUE_GELU,
            null => 0,
            _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "cuBLASLt has ReLU and GeluTanh."),
        };
        if (bias != 0)
            return function | cublasLtEpilogue_t.CUBLASLT_EPILOGUE_BIAS;
        return function == 0 ? cublasLtEpilogue_t.CUBLASLT_EPILOGUE_DEFAULT : function;
    }

    /// <summary>Once. A cuBLASLt that cannot be started is done without.</summary>
    private bool Start()
    {
        context.Use();
        if (_handle != default)
            return true;
        if (_workspace == 0)
            _workspace = context.Memory.AllocateApart(Workspace);
        cublasStatus_t status = CublasLt.cublasLtCreate(out cublasLtHandle_t handle);
        if (status == cublasStatus_t.CUBLAS_STATUS_SUCCESS)
        {
            _handle = handle;
            return true;
        }
        _failure = string.Create(CultureInfo.InvariantCulture, $"{Check.Text(Cublas.cublasGetStatusName(status))} ({(int)status})"); // Description says it
        return false;
    }
}

/// <summary>Addresses of a dense layer.</summary>
/// <param name="X">[m,k].</param>
/// <param name="W">[k,o].</param>
/// <param name="Bias">[o], or 0.</param>
/// <param name="Residual">[m,o], or 0; may be y.</param>
/// <param name="Y">[m,o].</param>
internal readonly record struct LtOperands(nint X, nint W, nint Bias, nint Residual, nint Y)
{
    private const int Most = 256;

    /// <summary>Bytes that all matrices are aligned to, up to 256: a power of two.</summary>
    public int Alignment
    {
        get
        {
            nint all = X | W | Residual | Y | Most;
            return (int)(all & -all);
        }
    }
}
