namespace Graft.Kernels;

/// <summary>Work of a device that was noted down and is handed in as a whole: the host's cost of many small kernels is paid once. A CUDA graph.</summary>
/// <remarks>
/// Addresses and numbers are those of the recording; what lies at the addresses may change. Whoever holds it gives it back before the memory that it
/// works on, and records anew when that moves.
/// </remarks>
public abstract class RecordedWork : IDisposable
{
    /// <summary>Kernels, copies and fills that a launch runs.</summary>
    public abstract int Count { get; }

    /// <summary>Runs it, in order with all other work of the device.</summary>
    public abstract void Launch();

    /// <summary>Gives it back; what was launched before still runs.</summary>
    public abstract void Dispose();
}
