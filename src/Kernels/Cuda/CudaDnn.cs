using System.Globalization;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>cuDNN's convolutions on the compute stream, where cuDNN is there. Made at the first convolution; descriptors and algorithms are kept by geometry.</summary>
internal sealed class CudaDnn(CudaContext context) : IDisposable
{
    private readonly Dictionary<(Conv2DGeometry, ComputePrecision), CudnnConvolution> _convolutions = [];
    private readonly Lock _lock = new(); // a handle is not for two threads at once
    private readonly bool _exists = context.Options.UsesCudnn && NativeLibraries.OfProcess[NativeLibraries.Cudnn].IsFound;
    private cudnnHandle_t _handle;
    private cudnnActivationDescriptor_t _identity;
    private CUstream _stream; // that the handle works on
    private bool _isStarted;
    private string? _failure; // why it could not be started

    /// <summary>Who computes convolutions: "cuDNN 9.6.0", or "own kernels".</summary>
    public string Name => IsUsable ? string.Create(CultureInfo.InvariantCulture, $"cuDNN {Version / 10000}.{Version / 100 % 100}.{Version % 100}") : "own kernels";

    /// <summary>The same with the reason, and with what cuDNN did not take.</summary>
    public string Description
    {
        get
        {
            if (_failure is not null)
                return $"{Name}, as cuDNN could not be started: {_failure}";
            if (!_exists)
                return Name + (context.Options.UsesCudnn ? ", as cuDNN was not found" : ", as GRAFT_CUDA_CUDNN=off says");
            lock (_lock)
            {
                string[] refused = [.. _convolutions.Values.SelectMany(c => c.Refusals)];
                return refused.Length == 0 ? Name : string.Create(CultureInfo.InvariantCulture, $"{Name}, but {refused.Length} that it did not take by own kernels, such as {refused[0]}");
            }
        }
    }

    /// <summary>True where cuDNN is there and was not found broken.</summary>
    public bool IsUsable => _exists && _failure is null;

    private static long Version => (long)Cudnn.cudnnGetVersion();

    /// <summary>True where cuDNN may be asked: it is there, and its sizes, from 1 on and of 32 bits, suffice.</summary>
    public bool Takes(in Conv2DGeometry g) => IsUsable && g is { N: > 0, H: > 0, W: > 0, C: > 0, O: > 0 } && g.OutH > 0 && g.OutW > 0
        && (long)g.N * (g.H + g.Padding.Top + g.Padding.Bottom) * (g.W + g.Padding.Left + g.Padding.Right) * g.C <= int.MaxValue && (long)g.N * g.OutH * g.OutW * g.O <= int.MaxValue;

    /// <summary>result = beta result + one direction of a convolution with even padding.</summary>
    /// <param name="direction">Which; it says what the operands are.</param>
    /// <param name="precision">What it multiplies in; in 16 bits, all operands have 16.</param>
    /// <param name="g">The sizes.</param>
    /// <param name="first">x, or w for the input's gradient.</param>
    /// <param name="second">w, or dy for both gradients.</param>
    /// <param name="result">y, dx or dw.</param>
    /// <param name="beta">0 or 1.</param>
    /// <returns>False where cuDNN has no algorithm for it that is the same from run to run; nothing was written.</returns>
    /// <exception cref="CudaException">The work failed.</exception>
    public bool Run(CudnnDirection direction, ComputePrecision precision, in Conv2DGeometry g, nint first, nint second, nint result, float beta)
    {
        if (!Takes(g))
            return false;
        lock (_lock)
            return Start() && Get(g, precision).Run(direction, new CudnnOperands(first, second, result, beta));
    }

    /// <summary>y = convolution + b + residual in one call, of float32; y may lie where the residual does.</summary>
    /// <param name="precision">What it multiplies in: float32 or TF32.</param>
    /// <param name="g">The sizes; the padding is even.</param>
    /// <param name="x">The images.</param>
    /// <param name="w">The weight.</param>
    /// <param name="b">[O].</param>
    /// <param name="residual">As y, or Null.</param>
    /// <param name="y">The result.</param>
    /// <returns>False where cuDNN does not take it; nothing was written.</returns>
    public bool ForwardWithBias(ComputePrecision precision, in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (!Takes(g))
            return false;
        lock (_lock)
            return Start() && Get(g, precision).Run(CudnnDirection.ForwardWithBias, new CudnnOperands(x.Address, w.Address, y.Address, residual.IsNull ? 0 : 1) { Bias = b.Address, Residual = residual.Address });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CudnnConvolution convolution in _convolutions.Values)
            convolution.Dispose();
        _convolutions.Clear();
        if (_identity != default)
            Check.Ok(Cudnn.cudnnDestroyActivationDescriptor(_identity));
        if (_handle != default)
            Check.Ok(Cudnn.cudnnDestroy(_handle));
        (_handle, _stream, _identity) = (default, default, default);
    }

    /// <summary>To the stream of the context: another one while work is recorded.</summary>
    private void Follow()
    {
        CUstream stream = context.Stream.Handle;
        if (_stream == stream)
            return;
        Check.Ok(Cudnn.cudnnSetStream(_handle, stream));
        _stream = stream;
    }

    private CudnnConvolution Get(in Conv2DGeometry g, ComputePrecision precision)
    {
        if (!_convolutions.TryGetValue((g, precision), out CudnnConvolution? convolution))
            _convolutions.Add((g, precision), convolution = new CudnnConvolution(context, _handle, _identity, g, precision));
        return convolution;
    }

    /// <summary>Once; later it follows the stream. A cuDNN that cannot be started (one of its parts is missing, or the driver is too old) is done without.</summary>
    private bool Start()
    {
        context.Use();
        if (_isStarted)
            Follow();
        if (_isStarted || _failure is not null)
            return _isStarted;
        try
        {
            Check.Ok(Cudnn.cudnnCreate(out _handle));
            Follow();
            Check.Ok(Cudnn.cudnnCreateActivationDescriptor(out _identity));
            Check.Ok(Cudnn.cudnnSetActivationDescriptor(_identity, cudnnActivationMode_t.CUDNN_ACTIVATION_IDENTITY, cudnnNanPropagation_t.CUDNN_NOT_PROPAGATE_NAN, 0));
            _isStarted = true;
        }
        catch (CudaException e)
        {
            _failure = e.Message; // Description says it
        }
        return _isStarted;
    }
}
