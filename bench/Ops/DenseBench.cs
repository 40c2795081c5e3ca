using BenchmarkDotNet.Attributes;
using Graft.Kernels;

namespace Graft.Bench.Ops;

/// <summary>The head of the VGG16 program: batch 20, 8192 features, 256 units; and a square product.</summary>
[ShortRunJob]
public class DenseBench
{
    private DenseGeometry _geometry;
    private HostBuffer _x = null!, _w = null!, _b = null!, _y = null!;

    /// <summary>Rows, inputs, outputs.</summary>
    [Params("20x8192x256", "1024x1024x1024")]
    public string Size { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        int[] size = [.. Size.Split('x').Select(int.Parse)];
        _geometry = new DenseGeometry(size[0], size[1], size[2]);
        _x = new HostBuffer((long)size[0] * size[1]);
        _w = new HostBuffer((long)size[1] * size[2]);
        _b = new HostBuffer(size[2]);
        _y = new HostBuffer((long)size[0] * size[2]);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (HostBuffer buffer in new[] { _x, _w, _b, _y })
            buffer.Dispose();
    }

    [Benchmark]
    public void Forward() => KernelSet.Cpu.Dense.Forward(_geometry, _x.Data, _w.Data, _b.Data, _y.Data);

    [Benchmark]
    public void BackwardWeight() => KernelSet.Cpu.Dense.BackwardWeight(_geometry, _x.Data, _y.Data, _w.Data, 0);
}
