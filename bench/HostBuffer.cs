using Graft.Kernels;

namespace Graft.Bench;

/// <summary>Aligned memory with numbers in -1..1 for a bench, given back at its end.</summary>
public sealed class HostBuffer : IDisposable
{
    public HostBuffer(long count)
    {
        Data = new DevicePtr<float>(KernelSet.Cpu.Memory.Allocate(count * sizeof(float)));
        var random = new Random(1);
        var values = new float[count];
        foreach (ref float v in values.AsSpan())
            v = (float)(random.NextDouble() * 2 - 1);
        KernelSet.Cpu.Memory.Upload<float>(values, Data);
    }

    public DevicePtr<float> Data { get; }

    public void Dispose() => KernelSet.Cpu.Memory.Free(Data.Address);
}
