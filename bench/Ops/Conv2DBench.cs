using BenchmarkDotNet.Attributes;
using Graft.Kernels;

namespace Graft.Bench.Ops;

/// <summary>Convolutions of real networks, batch 8; GFLOP/s = the geometry's FLOPs over the mean time.</summary>
[ShortRunJob]
public class Conv2DBench
{
    private Conv2DGeometry _geometry;
    private HostBuffer _x = null!, _w = null!, _b = null!, _y = null!;

    /// <summary>Layer by name.</summary>
    [Params("stem 7x7/2 3-64", "3x3 56² 64", "3x3 28² 128", "3x3 14² 256", "1x1 14² 1024-256")]
    public string Layer { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        _geometry = Layer switch
        {
            "stem 7x7/2 3-64" => new(8, 224, 224, 3, 64, 7, 7, 2, 2, 1, 1, Padding2D.All(3), 1),
            "3x3 56² 64" => new(8, 56, 56, 64, 64, 3, 3, 1, 1, 1, 1, Padding2D.All(1), 1),
            "3x3 28² 128" => new(8, 28, 28, 128, 128, 3, 3, 1, 1, 1, 1, Padding2D.All(1), 1),
            "3x3 14² 256" => new(8, 14, 14, 256, 256, 3, 3, 1, 1, 1, 1, Padding2D.All(1), 1),
            _ => new(8, 14, 14, 1024, 256, 1, 1, 1, 1, 1, 1, Padding2D.None, 1),
        };
        Conv2DGeometry g = _geometry;
        _x = new HostBuffer((long)g.N * g.H * g.W * g.C);
        _w = new HostBuffer((long)g.O * g.R * g.S * g.C);
        _b = new HostBuffer(g.O);
        _y = new HostBuffer((long)g.N * g.OutH * g.OutW * g.O);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (HostBuffer buffer in new[] { _x, _w, _b, _y })
            buffer.Dispose();
    }

    [Benchmark]
    public void Forward() => KernelSet.Cpu.Conv2D.Forward(_geometry, _x.Data, _w.Data, _b.Data, _y.Data);

    [Benchmark]
    public void BackwardInput() => KernelSet.Cpu.Conv2D.BackwardInput(_geometry, _y.Data, _w.Data, _x.Data, 0);

    [Benchmark]
    public void BackwardWeight() => KernelSet.Cpu.Conv2D.BackwardWeight(_geometry, _x.Data, _y.Data, _w.Data, 0);
}
