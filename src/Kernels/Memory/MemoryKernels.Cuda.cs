using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Graft.Kernels.Cuda;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels;

/// <summary>A GPU's memory, in the order of its compute stream.</summary>
internal sealed class CudaMemoryKernels(CudaContext context) : MemoryKernels
{
    private readonly CudaAddScaled _addScaled = new(context);
    private readonly KernelFunction _copyTogether = new(context, "CopyTogether.cu", "copy_together");

    public override bool IsOneToOne => context.Options.IsOneToOne || context.Recording is not null; // what recorded work takes must not serve others in between

    public override nint Allocate(long bytes) => context.Memory.Allocate(bytes);

    public override void Free(nint block) => context.Memory.Free(block);

    public override void Trim() => context.Memory.Trim();

    public override void WhenShort(Action giveBack) => context.Memory.WhenShort += giveBack;

    public override void Upload<T>(ReadOnlySpan<T> source, DevicePtr<T> destination) =>
        context.Transfers.Upload(MemoryMarshal.AsBytes(source), destination.Address);

    public override void Download<T>(DevicePtr<T> source, Span<T> destination) =>
        context.Transfers.Download(source.Address, MemoryMarshal.AsBytes(destination));

    public override void Download<T>(DevicePtr<T> source, Span<T> destination, Action meanwhile) =>
        context.Transfers.Download(source.Address, MemoryMarshal.AsBytes(destination), meanwhile);

    public override PendingNumber Request(DevicePtr<float> source) => context.Transfers.Request(source.Address);

    /// <summary>Nothing: the host cannot address a GPU's memory.</summary>
    public override Span<float> HostSpan(DevicePtr<float> block, int count) => [];

    public override void Copy<T>(DevicePtr<T> source, DevicePtr<T> destination, long count) => context.Copy(source.Address, destination.Address, count * Unsafe.SizeOf<T>());

    /// <summary>One launch, a block for each array: a copy of a few hundred bytes costs as much as a kernel.</summary>
    public override void CopyTogether(ReadOnlySpan<(DevicePtr<float> Source, long Count)> arrays, DevicePtr<float> destination)
    {
        if (arrays.Length < 2)
        {
            base.CopyTogether(arrays, destination);
            return;
        }
        var entries = new CopyEntry[arrays.Length];
        long at = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = new CopyEntry(arrays[i].Source, arrays[i].Count, at);
            at += arrays[i].Count;
        }
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes<CopyEntry>(entries);
        using var table = new CudaScratch(context, bytes.Length);
        context.Transfers.Upload(bytes, table.Address);
        _copyTogether.Launch(entries.Length, KernelFunction.Threads, table.Address, destination);
    }

    public override void Accumulate(DevicePtr<float> source, DevicePtr<float> destination, long count, float beta)
    {
        if (beta == 0)
            Copy(source, destination, count);
        else
            _addScaled.Run(source, 1, destination, beta, count);
    }

    public override void Fill(DevicePtr<float> destination, long count, float value)
    {
        if (count == 0)
            return;
        context.Use();
        Check.Ok(Driver.cuMemsetD32Async((ulong)destination.Address, BitConverter.SingleToUInt32Bits(value), (nuint)count, context.Stream.Handle));
    }
}

/// <summary>A row of the table, laid out as CopyEntry of CopyTogether.cu.</summary>
/// <param name="Source">The array.</param>
/// <param name="Count">Its numbers.</param>
/// <param name="First">Where it goes.</param>
internal readonly record struct CopyEntry(DevicePtr<float> Source, long Count, long First);
