using Graft.Kernels;

namespace Graft.Tests.Kernels;

/// <summary>Blocks of a device's memory with numbers from the host, for tests that call kernels by address.</summary>
internal static class KernelBlocks
{
    /// <summary>Numbers of a seed, uniform in [from, to).</summary>
    public static float[] Numbers(int count, int seed, float from = -1, float to = 1)
    {
        var random = new Random(seed);
        var numbers = new float[count];
        for (int i = 0; i < count; i++)
            numbers[i] = from + random.NextSingle() * (to - from);
        return numbers;
    }

    /// <summary>A new block with these numbers.</summary>
    public static DevicePtr<float> New(MemoryKernels memory, float[] values)
    {
        var block = new DevicePtr<float>(memory.Allocate(sizeof(float) * (long)values.Length));
        memory.Upload<float>(values, block);
        return block;
    }

    /// <summary>The numbers of a block.</summary>
    public static float[] Read(MemoryKernels memory, DevicePtr<float> block, int count)
    {
        var values = new float[count];
        memory.Download(block, values.AsSpan());
        return values;
    }
}
