using Graft.Kernels;

namespace Graft.Bench.Suite;

/// <summary>The memory of one run: inputs filled by name, and the output.</summary>
/// <param name="memory">Where the kernels run.</param>
internal sealed class Workspace(MemoryKernels memory) : IDisposable
{
    private readonly List<nint> _blocks = [];
    private readonly List<IDisposable> _owned = [];
    private DevicePtr<float> _output;
    private int _outputCount;

    /// <summary>An input with its numbers.</summary>
    public DevicePtr<float> Input(string name, long count, double low = -1, double high = 1) => Upload<float>(Numbers.Of(name, count, low, high));

    /// <summary>Whole numbers from 0 to below <paramref name="end"/>.</summary>
    public DevicePtr<int> Ids(string name, int count, int end) => Upload<int>(Numbers.Ids(name, count, end));

    /// <summary>Numbers that the case brings itself.</summary>
    public DevicePtr<T> Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var block = new DevicePtr<T>(Allocate((long)values.Length * System.Runtime.CompilerServices.Unsafe.SizeOf<T>()));
        memory.Upload(values, block);
        return block;
    }

    /// <summary>Memory for what is neither read before it is written nor compared.</summary>
    public DevicePtr<float> Scratch(long count) => new(Allocate(count * sizeof(float)));

    /// <summary>The same for numbers of 16 bits.</summary>
    public DevicePtr<ushort> NarrowScratch(long count) => new(Allocate(count * sizeof(ushort)));

    /// <summary>Makes the result of what a run left, where that is of another type; it is no part of the run.</summary>
    public Action? BeforeResult { get; set; }

    /// <summary>Memory for the result.</summary>
    public DevicePtr<float> Output(long count)
    {
        _outputCount = checked((int)count);
        return _output = Scratch(count);
    }

    /// <summary>What is compared, where a run changes its input in place.</summary>
    public DevicePtr<float> InPlace(DevicePtr<float> values, long count)
    {
        _outputCount = checked((int)count);
        return _output = values;
    }

    /// <summary>Something that a run needs beside memory; it is given back before the memory is.</summary>
    public T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    /// <summary>The result of the last run.</summary>
    public float[] Result()
    {
        BeforeResult?.Invoke();
        var result = new float[_outputCount];
        memory.Download(_output, result.AsSpan());
        return result;
    }

    public void Dispose()
    {
        foreach (IDisposable owned in _owned)
            owned.Dispose();
        _owned.Clear();
        foreach (nint block in _blocks)
            memory.Free(block);
        _blocks.Clear();
    }

    private nint Allocate(long bytes)
    {
        nint block = memory.Allocate(bytes);
        _blocks.Add(block);
        return block;
    }
}
