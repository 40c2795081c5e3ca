using System.Globalization;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>What of a convolution is computed.</summary>
internal enum CudnnDirection
{
    /// <summary>y of x and w.</summary>
    Forward,

    /// <summary>The same with bias and residual.</summary>
    ForwardWithBias,

    /// <summary>dx of w and dy.</summary>
    BackwardInput,

    /// <summary>dw of x and dy.</summary>
    BackwardWeight,
}

/// <summary>Addresses of a call.</summary>
/// <param name="First">x, or w for the input's gradient.</param>
/// <param name="Second">w, or dy for both gradients.</param>
/// <param name="Result">y, dx or dw.</param>
/// <param name="Beta">Factor of what is there, or of the residual.</param>
internal readonly record struct CudnnOperands(nint First, nint Second, nint Result, float Beta)
{
    /// <summary>[O], for <see cref="CudnnDirection.ForwardWithBias"/>.</summary>
    public nint Bias { get; init; }

    /// <summary>As y, or 0.</summary>
    public nint Residual { get; init; }
}

/// <summary>
/// Descriptors of one convolution, and for each direction the algorithms that cuDNN's heuristic names, the best first: those that give the same numbers in every run
/// and whose workspace is of a sane size. One that refuses when it is called is struck off, and the next one tried; calls that add to what is there have lists of their own.
/// </summary>
internal sealed unsafe class CudnnConvolution : IDisposable
{
    private const string NoAlgorithm = "no algorithm that is the same from run to run";
    private const int PrecomputedGemm = 1; // the one algorithm that has no activation after bias and residual
    private const int MostAlgorithms = 16; // 8 forward are the most of any version
    private const long MostWorkspace = 1L << 30;
    private const int WorkspaceAlignment = 256; // bytes; a block of whole multiples lies at one, wherever it is put

    private readonly CudaContext _context;
    private readonly cudnnHandle_t _handle;
    private readonly cudnnActivationDescriptor_t _identity;
    private readonly Conv2DGeometry _g;
    private readonly ComputePrecision _precision;
    private readonly cudnnTensorDescriptor_t _x, _y, _bias;
    private readonly cudnnFilterDescriptor_t _w;
    private readonly cudnnConvolutionDescriptor_t _convolution;
    private readonly Dictionary<(CudnnDirection Direction, bool Adds), Choice> _choices = [];
    private cudnnMathType_t? _math; // that an algorithm asked for last

    public CudnnConvolution(CudaContext context, cudnnHandle_t handle, cudnnActivationDescriptor_t identity, in Conv2DGeometry g, ComputePrecision precision)
    {
        (_context, _handle, _identity, _g, _precision) = (context, handle, identity, g, precision);
        try
        {
            Tensor(out _x, g.N, g.H, g.W, g.C);
            Tensor(out _y, g.N, g.OutH, g.OutW, g.O);
            Tensor(out _bias, 1, 1, 1, g.O);
            Check.Ok(Cudnn.cudnnCreateFilterDescriptor(out _w));
            Check.Ok(Cudnn.cudnnSetFilter4dDescriptor(_w, NumberType, cudnnTensorFormat_t.CUDNN_TENSOR_NHWC, g.O, g.GroupC, g.R, g.S));
            Check.Ok(Cudnn.cudnnCreateConvolutionDescriptor(out _convolution));
            Check.Ok(Cudnn.cudnnSetConvolution2dDescriptor(_convolution, g.Padding.Top, g.Padding.Left, g.StrideH, g.StrideW, g.DilationH, g.DilationW,
                cudnnConvolutionMode_t.CUDNN_CROSS_CORRELATION, cudnnDataType_t.CUDNN_DATA_FLOAT));
            Check.Ok(Cudnn.cudnnSetConvolutionGroupCount(_convolution, g.Groups));
            // Before the heuristic is asked: algorithm, workspace and math type belong together. Allowing conversions would let float32 become fp16, with its small range. By default, 16 bits are
            // converted to float32 and multiplied without tensor cores.
            Check.Ok(Cudnn.cudnnSetConvolutionMathType(_convolution, IsExact ? cudnnMathType_t.CUDNN_FMA_MATH : precision.IsNarrow() ? cudnnMathType_t.CUDNN_TENSOR_OP_MATH : cudnnMathType_t.CUDNN_DEFAULT_MATH));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What cuDNN did not take, with the reason. Of bias and residual in the same call, the sums may still be cuDNN's.</summary>
    public IEnumerable<string> Refusals => from choice in _choices
        where choice.Value.WasRefused
        orderby choice.Key
        select $"{choice.Key.Direction} of {_g.O} filters {_g.R}x{_g.S} on {_g.H}x{_g.W}x{_g.C}{(IsExact ? "" : $" in {_precision.Word()}")}{(choice.Key.Adds ? " with beta 1" : "")} ({choice.Value.Reason})";

    /// <summary>Runs the best algorithm that takes it.</summary>
    /// <returns>False where none does.</returns>
    /// <exception cref="CudaOutOfMemoryException">cuDNN could not get memory of its own, even after all that was kept had been given back.</exception>
    public bool Run(CudnnDirection direction, in CudnnOperands operands)
    {
        if (!_choices.TryGetValue((direction, operands.Beta != 0), out Choice? choice))
            _choices.Add((direction, operands.Beta != 0), choice = new Choice(_context.Options.FindsAlgorithms ? Find(direction, operands) : List(direction)));
        for (int i = 0; i < choice.Candidates.Count;)
        {
            Candidate candidate = choice.Candidates[i];
            cudnnStatus_t status = Call(direction, operands, candidate);
            if (IsShort(status))
            {
                GiveBack();
                status = Call(direction, operands, candidate);
            }
            if (status == cudnnStatus_t.CUDNN_STATUS_SUCCESS)
                return true;
            if (IsShort(status))
                throw _context.Memory.OutOfMemoryOf("cuDNN");
            if (!IsRefusal(status))
                Check.Ok(status, string.Create(CultureInfo.InvariantCulture, $"cuDNN {direction}, algorithm {candidate.Algorithm}, {_g}"));
            choice.Reason = string.Create(CultureInfo.InvariantCulture, $"algorithm {candidate.Algorithm}: {Check.Text(Cudnn.cudnnGetErrorString(status))} ({(int)status})");
            if (status == cudnnStatus_t.CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER)
                i++; // the addresses of this call do not suit it, those of the next may
            else
                choice.Candidates.RemoveAt(i);
        }
        choice.WasRefused = true;
        return false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_convolution != default)
            Check.Ok(Cudnn.cudnnDestroyConvolutionDescriptor(_convolution));
        if (_w != default)
            Check.Ok(Cudnn.cudnnDestroyFilterDescriptor(_w));
        foreach (cudnnTensorDescriptor_t tensor in (ReadOnlySpan<cudnnTensorDescriptor_t>)[_x, _y, _bias])
        {
            if (tensor != default)
                Check.Ok(Cudnn.cudnnDestroyTensorDescriptor(tensor));
        }
    }

    /// <summary>Wrong or unsupported arguments and failures inside the library, before any work: another algorithm may do. Failed work is none.</summary>
    private static bool IsRefusal(cudnnStatus_t status) => status is >= cudnnStatus_t.CUDNN_STATUS_BAD_PARAM and < cudnnStatus_t.CUDNN_STATUS_EXECUTION_FAILED;

    /// <summary>Memory, of the host or of the GPU, that cuDNN takes by itself.</summary>
    private static bool IsShort(cudnnStatus_t status) =>
        status is cudnnStatus_t.CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED or cudnnStatus_t.CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;

    /// <summary>Nothing while work is noted down: giving back waits.</summary>
    private void GiveBack()
    {
        if (_context.Recording is not { Stream: not null })
            _context.Memory.GiveBack();
    }

    private bool IsExact => _precision == ComputePrecision.Float32;

    /// <summary>Of all operands.</summary>
    private cudnnDataType_t NumberType => _precision switch
    {
        ComputePrecision.BFloat16 => cudnnDataType_t.CUDNN_DATA_BFLOAT16,
        ComputePrecision.Float16 => cudnnDataType_t.CUDNN_DATA_HALF,
        _ => cudnnDataType_t.CUDNN_DATA_FLOAT,
    };

    private void Tensor(out cudnnTensorDescriptor_t tensor, int n, int h, int w, int c)
    {
        Check.Ok(Cudnn.cudnnCreateTensorDescriptor(out tensor));
        Check.Ok(Cudnn.cudnnSetTensor4dDescriptor(tensor, cudnnTensorFormat_t.CUDNN_TENSOR_NHWC, NumberType, n, c, h, w));
    }

    private List<Candidate> List(CudnnDirection direction)
    {
        var candidates = new List<Candidate>();
        cudnnConvolutionAlgoPerf* all = stackalloc cudnnConvolutionAlgoPerf[MostAlgorithms];
        cudnnStatus_t status = Ask(direction, all, out int count);
        if (IsShort(status))
        {
            GiveBack();
            status = Ask(direction, all, out count);
        }
        if (IsShort(status))
            throw _context.Memory.OutOfMemoryOf("cuDNN");
        if (status != cudnnStatus_t.CUDNN_STATUS_SUCCESS)
        {
            if (!IsRefusal(status))
                Check.Ok(status, $"cuDNN's algorithms for {direction}, {_g}");
            return candidates;
        }
        long most = Math.Min(MostWorkspace, _context.Info.Memory / 8);
        for (int i = 0; i < count; i++)
        {
            bool serves = all[i].Status == cudnnStatus_t.CUDNN_STATUS_SUCCESS && all[i].Determinism == cudnnDeterminism_t.CUDNN_DETERMINISTIC
                && (direction != CudnnDirection.ForwardWithBias || all[i].Algo == PrecomputedGemm);
            if (!serves)
                continue;
            SetMath(all[i].MathType);
            if (WorkspaceOf(direction, all[i].Algo, out nuint bytes) == cudnnStatus_t.CUDNN_STATUS_SUCCESS && (long)bytes <= most)
                candidates.Add(new Candidate(all[i].Algo, all[i].MathType, bytes));
        }
        return candidates;
    }

    private cudnnStatus_t Ask(CudnnDirection direction, cudnnConvolutionAlgoPerf* all, out int count) => direction switch
    {
        CudnnDirection.BackwardInput => Cudnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(_handle, _w, _y, _convolution, _x, MostAlgorithms, out count, all),
        CudnnDirection.BackwardWeight => Cudnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(_handle, _x, _y, _convolution, _w, MostAlgorithms, out count, all),
        _ => Cudnn.cudnnGetConvolutionForwardAlgorithm_v7(_handle, _x, _w, _convolution, _y, MostAlgorithms, out count, all),
    };

    /// <summary>The math type that the heuristic named with an algorithm; exact float32 has one alone.</summary>
    private void SetMath(cudnnMathType_t math)
    {
        if (IsExact || math == _math)
            return; // a changed descriptor may make cuDNN look for its kernel anew
        Check.Ok(Cudnn.cudnnSetConvolutionMathType(_convolution, math));
        _math = math;
    }

    private cudnnStatus_t WorkspaceOf(CudnnDirection direction, int algorithm, out nuint bytes) => direction switch
    {
        CudnnDirection.BackwardInput => Cudnn.cudnnGetConvolutionBackwardDataWorkspaceSize(_handle, _w, _y, _convolution, _x, algorithm, out bytes),
        CudnnDirection.BackwardWeight => Cudnn.cudnnGetConvolutionBackwardFilterWorkspaceSize(_handle, _x, _y, _convolution, _w, algorithm, out bytes),
        _ => Cudnn.cudnnGetConvolutionForwardWorkspaceSize(_handle, _x, _w, _convolution, _y, algorithm, out bytes),
    };

    /// <summary>The same algorithms, the fastest on these operands first: each runs some times into a result of its own.</summary>
    private List<Candidate> Find(CudnnDirection direction, CudnnOperands operands) => _context.Apart(() =>
    {
        const int Runs = 3;
        long count = direction switch
        {
            CudnnDirection.BackwardInput => (long)_g.N * _g.H * _g.W * _g.C,
            CudnnDirection.BackwardWeight => (long)_g.O * _g.R * _g.S * _g.GroupC,
            _ => (long)_g.N * _g.OutH * _g.OutW * _g.O,
        };
        using var result = new CudaScratch(_context, count * (_precision.IsNarrow() ? sizeof(ushort) : sizeof(float)));
        using var watch = new CudaStopwatch(_context);
        CudnnOperands tried = operands with { Result = result.Address, Beta = operands.Residual == 0 ? 0 : operands.Beta };
        return List(direction).Select(c => (Candidate: c, Seconds: Time(c))).OrderBy(c => c.Seconds).Select(c => c.Candidate).ToList();

        double Time(Candidate candidate)
        {
            cudnnStatus_t status = Call(direction, tried, candidate);
            return status == cudnnStatus_t.CUDNN_STATUS_SUCCESS ? watch.Seconds(() => status = Call(direction, tried, candidate), Runs) : double.PositiveInfinity;
        }
    });

    private cudnnStatus_t Call(CudnnDirection direction, in CudnnOperands operands, Candidate candidate)
    {
        using CudaScratch workspace = candidate.Bytes > 0 ? new CudaScratch(_context, (long)(candidate.Bytes + WorkspaceAlignment - 1) / WorkspaceAlignment * WorkspaceAlignment) : default;
        SetMath(candidate.Math);
        return Call(direction, operands, candidate, workspace.Address);
    }

    private cudnnStatus_t Call(CudnnDirection direction, in CudnnOperands o, Candidate c, nint workspace) => direction switch
    {
        CudnnDirection.BackwardInput => Cudnn.cudnnConvolutionBackwardData(_handle, 1f, _w, o.First, _y, o.Second, _convolution, c.Algorithm, workspace, c.Bytes, o.Beta, _x, o.Result),
        CudnnDirection.BackwardWeight => Cudnn.cudnnConvolutionBackwardFilter(_handle, 1f, _x, o.First, _y, o.Second, _convolution, c.Algorithm, workspace, c.Bytes, o.Beta, _w, o.Result),
        CudnnDirection.Forward => Cudnn.cudnnConvolutionForward(_handle, 1f, _x, o.First, _w, o.Second, _convolution, c.Algorithm, workspace, c.Bytes, o.Beta, _y, o.Result),
        // A residual is asked for even where its factor is 0.
        _ => Cudnn.cudnnConvolutionBiasActivationForward(_handle, 1f, _x, o.First, _w, o.Second, _convolution, c.Algorithm, workspace, c.Bytes, o.Beta, _y,
            o.Residual == 0 ? o.Result : o.Residual, _bias, o.Bias, _identity, _y, o.Result),
    };

    /// <summary>The algorithms that are left, the best first.</summary>
    private sealed class Choice(List<Candidate> candidates)
    {
        public List<Candidate> Candidates { get; } = candidates;

        /// <summary>Of the last refusal.</summary>
        public string Reason { get; set; } = NoAlgorithm;

        /// <summary>True once none took a call.</summary>
        public bool WasRefused { get; set; }
    }

    private readonly record struct Candidate(int Algorithm, cudnnMathType_t Math, nuint Bytes);
}
