using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>The batched products of GPT-2's attention: 12 heads of 64 numbers, 64 and 512 tokens.</summary>
public class MatMulBench : OpBench
{
    private protected override IReadOnlyList<OpCase> Cases { get; } =
    [
        Of("GPT-2 scores 64 tokens", 12, 64, 64, 64, transposeB: true), Of("GPT-2 scores 512 tokens", 12, 512, 512, 64, transposeB: true),
        Of("GPT-2 mix 64 tokens", 12, 64, 64, 64, transposeB: false), Of("GPT-2 mix 512 tokens", 12, 512, 64, 512, transposeB: false),
        Of("square 1024", 1, 1024, 1024, 1024, transposeB: false),
    ];

    private static OpCase Of(string name, int batch, int m, int n, int k, bool transposeB)
    {
        MatMulGeometry Geometry(int count) => new(m, n, k, false, transposeB, [.. Enumerable.Range(0, count)], [.. Enumerable.Range(0, count)], count, count);
        MatMulGeometry g = Geometry(batch);
        Shape a = new(batch, m, k), b = transposeB ? new(batch, n, k) : new(batch, k, n), y = new(batch, m, n);
        return new OpCase($"{name} {batch}x{m}x{n}x{k}", g.Flops, 4.0 * (a.Count + b.Count + y.Count))
        {
            Batch = batch,
            Graft = (set, work, count) =>
            {
                MatMulGeometry of = Geometry(count);
                DevicePtr<float> left = work.Input("a", a.Count / batch * count), right = work.Input("b", b.Count / batch * count), output = work.Output(y.Count / batch * count);
                return () => set.MatMul.Forward(of, left, right, output);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Plain("a", a, Numbers.Of("a", a.Count)).Plain("b", b, Numbers.Of("b", b.Count));
                if (transposeB)
                    peer.Graph.Node("Transpose", "turned", ["b"], OnnxGraph.Attribute("perm", 0, 2, 1)); // fused into the product by the runtime
                peer.Graph.Node("MatMul", "y", ["a", transposeB ? "turned" : "b"]);
                return peer.Open("y", y);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor left = peer.Plain(a, Numbers.Of("a", a.Count)), right = peer.Plain(b, Numbers.Of("b", b.Count));
                return peer.Open(() => torch.matmul(left, transposeB ? right.transpose(1, 2) : right));
            },
        };
    }
}
