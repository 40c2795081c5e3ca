using Graft.Kernels;
using Graft.Kernels.Cpu;

namespace Graft.Bench.Ops;

/// <summary>
/// Every algorithm of the fused convolution on the layers of VGG16 (150x150, batch 20) and ResNet50 (224x224, batch 32): milliseconds,
/// GFLOP/s counted as the direct algorithm's, and their share of the multiply-add peak measured just before. One thread is
/// timed by the processor time that it got, so that other work on the machine counts little; several by the fastest run by the clock.
/// </summary>
internal static unsafe class FusedConv2DBench
{
    private const double SecondsPerRow = 0.4;

    private sealed record Layer(string Network, FusedConv2DGeometry Geometry, int Times, bool Residual = false);

    /// <summary>Prints a line for each layer and algorithm, and the sums.</summary>
    /// <returns>0; 2 where the arguments are not understood.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        try
        {
            ConvolutionOptions options = ConvolutionOptions.Parse(arguments);
            Layer[] layers = [.. Layers().Where(l => options.Wants(l.Network))];
            if (layers.Length == 0)
                throw new GraftException($"'{options.Network}' is none of {string.Join(", ", Layers().Select(l => l.Network).Distinct())}; usage: {ConvolutionOptions.Usage}");
            Run(layers, options.Batch);
            return 0;
        }
        catch (GraftException e)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }
    }

    private static void Run(Layer[] layers, int batch)
    {
        int threads = CpuThreads.Count;
        Console.WriteLine($"Tile {GemmTile.Current.Rows}x{GemmTile.Current.Columns}. GFLOP/s of the direct algorithm, on one thread; '*' is what Choose takes; 'x3' behind a layer: the network has three of them.");
        Console.WriteLine($"layer                                        algorithm       ms x1   GFLOP/s   % of peak    ms x{threads}   gain");
        var chosen = new Dictionary<string, (double One, double All, double Best)>();
        foreach (Layer each in layers)
        {
            Layer layer = batch == 0 ? each : each with { Geometry = each.Geometry with { N = batch } };
            double best = double.MaxValue;
            foreach (ConvAlgorithm algorithm in Enum.GetValues<ConvAlgorithm>().Where(a => KernelSet.Cpu.FusedConv2D.Supports(a, layer.Geometry)))
            {
                (double one, double all) = Row(layer, algorithm, threads);
                best = Math.Min(best, one);
                if (algorithm != KernelSet.Cpu.FusedConv2D.Choose(layer.Geometry))
                    continue;
                (double sumOne, double sumAll, double sumBest) = chosen.GetValueOrDefault(layer.Network);
                chosen[layer.Network] = (sumOne + layer.Times * one, sumAll + layer.Times * all, sumBest);
            }
            (double a, double b, double c) = chosen.GetValueOrDefault(layer.Network);
            chosen[layer.Network] = (a, b, c + layer.Times * best);
        }
        foreach ((string network, (double one, double all, double best)) in chosen)
            Console.WriteLine($"{network}: all convolutions as chosen {one:f0} ms on one thread, {all:f0} ms on {threads}; the best of each layer {best:f0} ms");
    }

    private static (double One, double All) Row(Layer layer, ConvAlgorithm algorithm, int threads)
    {
        FusedConv2DGeometry g = layer.Geometry;
        FusedConv2DKernels kernels = KernelSet.Cpu.FusedConv2D;
        long border = g.Input.BorderOffset(g.InputBorder);
        using var x = new HostBuffer(g.N * g.Input.ImageStride);
        using var w = new HostBuffer((long)g.O * g.R * g.S * g.C);
        using var packed = new HostBuffer(kernels.PackedSize(g, algorithm));
        using var b = new HostBuffer(g.O);
        using var residual = new HostBuffer(layer.Residual ? g.N * g.Residual.ImageStride : 1);
        using var y = new HostBuffer(g.N * g.Output.ImageStride);
        kernels.Pack(g, algorithm, w.Data, packed.Data);
        void Once() => kernels.Run(g, algorithm, x.Data.At(border), packed.Data, b.Data, layer.Residual ? residual.Data : default, y.Data);

        double peak = GemmBench.Peak();
        CpuThreads.Count = 1;
        double one = g.Flops / GemmBench.OneThread(g.Flops, SecondsPerRow, Once) / 1e6;
        CpuThreads.Count = threads;
        double all = threads == 1 ? one : g.Flops / GemmBench.Best(g.Flops, SecondsPerRow, Once) / 1e6;
        string mark = algorithm == kernels.Choose(g) ? "*" : "";
        string name = $"{layer.Network} {g.H}x{g.W} {g.C}->{g.O} {g.R}x{g.S}{(g.StrideH > 1 ? $" /{g.StrideH}" : "")} x{layer.Times}";
        double rate = g.Flops / one / 1e6;
        Console.WriteLine($"{name,-44} {algorithm + mark,-12} {one,8:f2} {rate,9:f0} {100 * rate / peak,9:f0} % {all,9:f2} {one / all,6:f2}");
        return (one, all);
    }

    private static IEnumerable<Layer> Layers()
    {
        static FusedConv2DGeometry Conv(int n, int size, int c, int o, int filter, int stride = 1) =>
            new FusedConv2DGeometry(n, size, size, c, o, filter, filter, stride, stride, 1, 1, Padding2D.All(filter / 2)) { Activation = FusedActivation.ReLU }
                .WithInputBorder(filter / 2);
        foreach ((int size, int c, int o, int times) in new[]
        {
            (150, 3, 64, 1), (150, 64, 64, 1), (75, 64, 128, 1), (75, 128, 128, 1), (37, 128, 256, 1), (37, 256, 256, 2),
            (18, 256, 512, 1), (18, 512, 512, 2), (9, 512, 512, 3),
        })
            yield return new Layer("VGG16", Conv(20, size, c, o, 3), times);

        yield return new Layer("ResNet50", Conv(32, 224, 3, 64, 7, 2), 1);
        foreach ((int size, int before, int c, int blocks, int stride) in new[] { (56, 64, 64, 3, 1), (28, 256, 128, 4, 2), (14, 512, 256, 6, 2), (7, 1024, 512, 3, 2) })
        {
            yield return new Layer("ResNet50", Conv(32, size * stride, before, c, 1, stride), 1);
            yield return new Layer("ResNet50", Conv(32, size * stride, before, 4 * c, 1, stride) with { Activation = FusedActivation.None }, 1);
            yield return new Layer("ResNet50", Conv(32, size, 4 * c, c, 1), blocks - 1);
            yield return new Layer("ResNet50", Conv(32, size, c, c, 3), blocks);
            yield return new Layer("ResNet50", Conv(32, size, c, 4 * c, 1), blocks, Residual: true);
        }
    }
}
