using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>Fully connected layers: the heads on VGG16 and ResNet50, and the four products of GPT-2, forward; the head's gradients.</summary>
public class DenseBench : OpBench
{
    private protected override IReadOnlyList<OpCase> Cases { get; } =
    [
        .. new[]
        {
            ("square", 1024, 1024, 1024), ("VGG16 head", 20, 8192, 256), ("ResNet50 top", 32, 2048, 1000), ("GPT-2 qkv", 512, 768, 2304),
            ("GPT-2 projection", 512, 768, 768), ("GPT-2 up", 512, 768, 3072), ("GPT-2 down", 512, 3072, 768), ("GPT-2 qkv", 1, 768, 2304), ("GPT-2 logits", 1, 768, 50257),
        }.Select(s => Forward(s.Item1, new DenseGeometry(s.Item2, s.Item3, s.Item4))),
        .. Gradients("VGG16 head", new DenseGeometry(20, 8192, 256)),
    ];

    private static OpCase Forward(string name, DenseGeometry g)
    {
        Shape x = new(g.N, g.I), w = new(g.I, g.O), b = new(g.O), y = new(g.N, g.O);
        return new OpCase(Name(name, g), g.Flops, Bytes(g))
        {
            Batch = g.N,
            CheckedBatch = Math.Min(g.N, 4),
            Graft = (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", (long)n * g.I), weight = work.Input("w", w.Count), bias = work.Input("b", g.O), output = work.Output((long)n * g.O);
                DenseGeometry of = g with { N = n };
                return () => set.Dense.Forward(of, input, weight, bias, output);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Plain("x", x, Numbers.Of("x", x.Count)).Weight("w", w, Numbers.Of("w", w.Count)).Weight("b", b, Numbers.Of("b", g.O));
                peer.Graph.Node("Gemm", "y", ["x", "w", "b"]);
                return peer.Open("y", y);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor input = peer.Plain(x, Numbers.Of("x", x.Count)), weight = peer.Plain(w, Numbers.Of("w", w.Count)), bias = peer.Plain(b, Numbers.Of("b", g.O));
                return peer.Open(() => torch.addmm(bias, input, weight, 1, 1));
            },
        };
    }

    private static IEnumerable<OpCase> Gradients(string name, DenseGeometry g)
    {
        yield return new OpCase($"{Name(name, g)} gradient of x", g.Flops, Bytes(g))
        {
            Batch = g.N,
            Graft = (set, work, n) =>
            {
                DevicePtr<float> upstream = work.Input("dy", (long)n * g.O), weight = work.Input("w", (long)g.I * g.O), output = work.Output((long)n * g.I);
                DenseGeometry of = g with { N = n };
                return () => set.Dense.BackwardInput(of, upstream, weight, output, 0);
            },
        };
        yield return new OpCase($"{Name(name, g)} gradient of w", g.Flops, Bytes(g))
        {
            Batch = g.N,
            CheckedBatch = g.N, // the gradient sums over the samples
            Graft = (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", (long)n * g.I), upstream = work.Input("dy", (long)n * g.O), output = work.Output((long)g.I * g.O);
                DenseGeometry of = g with { N = n };
                return () => set.Dense.BackwardWeight(of, input, upstream, output, 0);
            },
        };
    }

    private static string Name(string name, DenseGeometry g) => $"{name} {g.N}x{g.I}x{g.O}";

    private static double Bytes(DenseGeometry g) => 4.0 * ((double)g.N * g.I + (double)g.I * g.O + (double)g.N * g.O);
}
