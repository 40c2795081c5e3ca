using System.Runtime.InteropServices;

namespace Graft.Kernels;

/// <summary>The host's own memory, which the Reference and Cpu sets share.</summary>
internal sealed unsafe class HostMemoryKernels : MemoryKernels
{
    private const int Alignment = 64; // one cache line, one Vector512

    public override nint Allocate(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), Alignment);

    public override void Free(nint block) => NativeMemory.AlignedFree((void*)block);

    public override void Upload<T>(ReadOnlySpan<T> source, DevicePtr<T> destination) =>
        source.CopyTo(new Span<T>(destination.Pointer, source.Length));

    public override void Download<T>(DevicePtr<T> source, Span<T> destination) =>
        new ReadOnlySpan<T>(source.Pointer, destination.Length).CopyTo(destination);

    public override Span<float> HostSpan(DevicePtr<float> block, int count) => new(block.Pointer, count);

    public override void Copy<T>(DevicePtr<T> source, DevicePtr<T> destination, long count) =>
        NativeMemory.Copy(source.Pointer, destination.Pointer, (nuint)count * (nuint)sizeof(T));

    public override void Accumulate(DevicePtr<float> source, DevicePtr<float> destination, long count, float beta)
    {
        if (beta == 0)
        {
            Copy(source, destination, count);
            return;
        }
        float* from = source.Pointer, to = destination.Pointer;
        for (long i = 0; i < count; i++)
            to[i] += from[i];
    }

    public override void Fill(DevicePtr<float> destination, long count, float value)
    {
        const int Step = 1 << 30; // a span holds at most int.MaxValue elements
        for (long i = 0; i < count; i += Step)
            new Span<float>(destination.Pointer + i, (int)Math.Min(Step, count - i)).Fill(value);
    }
}
