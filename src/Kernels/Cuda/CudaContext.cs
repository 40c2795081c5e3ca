using System.Globalization;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>
/// One GPU: its primary context, which other libraries of the process share, the stream that all kernels run on in order, memory, modules,
/// cuBLAS and cuDNN. May be used from any thread; work of two threads runs in the order in which they hand it in.
/// </summary>
internal sealed class CudaContext : IDisposable
{
    private readonly int _device;
    private readonly CUcontext _context;
    private readonly CudaStream _stream;
    private readonly Lock _recordingLock = new();
    private CudaStream? _recordingStream; // made when work is first recorded
    private volatile CudaRecording? _recording;

    private CudaContext(CudaDeviceInfo info, CudaOptions options)
    {
        (Info, Options) = (info, options);
        Check.Ok(Driver.cuDeviceGet(out _device, info.Index));
        Check.Ok(Driver.cuDevicePrimaryCtxRetain(out _context, _device));
        Use();
        _stream = new CudaStream();
        Memory = new CudaMemoryPool(this, _device);
        Transfers = new CudaTransfers(this);
        Checks = new CudaChecks(this);
        Modules = new KernelModules(this);
        Blas = new CudaBlas(this);
        BlasLt = new CudaBlasLt(this);
        Dnn = new CudaDnn(this);
        Tickets = new CudaTickets(this);
    }

    /// <summary>The GPU, as its driver describes it.</summary>
    public CudaDeviceInfo Info { get; }

    /// <summary>How it is used.</summary>
    public CudaOptions Options { get; }

    /// <summary>Where kernels run, one after the other; while this thread records work, where it is noted down.</summary>
    public CudaStream Stream => Recording?.Stream ?? _stream;

    /// <summary>What this thread records; null where it records nothing.</summary>
    public CudaRecording? Recording => _recording is { IsMine: true } own ? own : null;

    /// <summary>Its memory.</summary>
    public CudaMemoryPool Memory { get; }

    /// <summary>Copies from and to the host.</summary>
    public CudaTransfers Transfers { get; }

    /// <summary>Answers of kernels that nobody waits for.</summary>
    public CudaChecks Checks { get; }

    /// <summary>The engine's own kernels.</summary>
    public KernelModules Modules { get; }

    /// <summary>Products of matrices.</summary>
    public CudaBlas Blas { get; }

    /// <summary>Dense layers by cuBLASLt, where it takes them.</summary>
    public CudaBlasLt BlasLt { get; }

    /// <summary>Convolutions by cuDNN, where it is there.</summary>
    public CudaDnn Dnn { get; }

    /// <summary>Counters of kernels whose last block joins what the others have.</summary>
    public CudaTickets Tickets { get; }

    /// <summary>Opens a GPU.</summary>
    /// <param name="index">Number in the order of the driver.</param>
    /// <param name="options">How it is used; null asks the environment.</param>
    /// <exception cref="CudaUnavailableException">CUDA cannot be used here, or there is no such GPU; the message is the diagnosis.</exception>
    public static CudaContext Open(int index, CudaOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        CudaDiagnosis found = CudaDiagnosis.Found;
        if (!found.IsUsable)
            throw new CudaUnavailableException(found.ToString().TrimEnd());
        if (index >= found.Devices.Count)
            throw new CudaUnavailableException(string.Create(CultureInfo.InvariantCulture, $"There is no GPU cuda:{index}: this machine has {found.Devices.Count}, numbered from 0.\n{found}").TrimEnd());
        return new CudaContext(found.Devices[index], options ?? CudaOptions.Read(Environment.GetEnvironmentVariable));
    }

    /// <summary>Makes the context current on this thread; every entry from the engine begins with it, as .NET moves work between threads.</summary>
    public void Use() => Check.Ok(Driver.cuCtxSetCurrent(_context));

    /// <summary>Copies bytes within the device, in the order of the stream.</summary>
    public void Copy(nint from, nint to, long bytes)
    {
        if (bytes == 0)
            return;
        Use();
        Check.Ok(Driver.cuMemcpyDtoDAsync_v2((ulong)to, (ulong)from, (nuint)bytes, Stream.Handle));
    }

    /// <summary>Makes numbers 0, of 16 or 32 bits, in the order of the stream.</summary>
    public void Clear(nint at, long bytes)
    {
        if (bytes == 0)
            return;
        Use();
        Check.Ok(Driver.cuMemsetD16Async((ulong)at, 0, (nuint)(bytes / sizeof(ushort)), Stream.Handle));
    }

    /// <summary>Does work that is no part of what this thread records, while that runs for the first time: a library's routine is tried out.</summary>
    public T Apart<T>(Func<T> work)
    {
        if (Recording is not { Stream: null } recording)
            return work();
        _recording = null;
        try
        {
            return work();
        }
        finally
        {
            _recording = recording;
        }
    }

    /// <summary>Records work of this thread; another that wants to record waits.</summary>
    /// <exception cref="CudaException">This thread records already.</exception>
    public T Record<T>(Func<CudaRecording, T> work)
    {
        lock (_recordingLock)
        {
            if (Recording is not null)
                throw new CudaException("Work that is being recorded into a CUDA graph records work of its own; record the whole or the part.");
            Use();
            try
            {
                return work(_recording = new CudaRecording(this, _recordingStream ??= new CudaStream()));
            }
            finally
            {
                _recording = null;
            }
        }
    }

    /// <summary>Waits for all work handed in so far.</summary>
    public void Synchronize()
    {
        Use();
        if (Recording is { Stream: not null } recording)
            recording.Refuse("it waits for the GPU");
        Stream.Synchronize();
    }

    /// <summary>Gives everything back, in the reverse order of its making.</summary>
    public void Dispose()
    {
        Synchronize();
        Tickets.Dispose();
        Dnn.Dispose();
        BlasLt.Dispose();
        Blas.Dispose();
        Modules.Dispose();
        Checks.Dispose();
        Transfers.Dispose();
        Memory.Dispose();
        _recordingStream?.Dispose();
        _stream.Dispose();
        Check.Ok(Driver.cuCtxSetCurrent(default));
        Check.Ok(Driver.cuDevicePrimaryCtxRelease_v2(_device));
    }
}
