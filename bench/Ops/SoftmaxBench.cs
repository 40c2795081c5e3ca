using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>Softmax: the top of ResNet50, the attention and the vocabulary of GPT-2.</summary>
public class SoftmaxBench : OpBench
{
    private const double FlopsOfExponential = 13; // as VectorMath computes it

    private protected override IReadOnlyList<OpCase> Cases { get; } =
        [Of("ResNet50 top", 32, 1000), Of("GPT-2 attention", 12 * 64, 64), Of("GPT-2 attention", 12 * 512, 512), Of("GPT-2 logits", 1, 50257), Of("GPT-2 logits", 64, 50257)];

    private static OpCase Of(string name, int rows, int c)
    {
        Shape x = new(rows, c);
        return new OpCase($"{name} {rows}x{c}", (FlopsOfExponential + 4) * x.Count, 2 * 4.0 * x.Count) // exponential, maximum, shift, sum, factor
        {
            Batch = rows,
            Graft = (set, work, n) =>
            {
                var g = new SoftmaxGeometry(n, c, Log: false);
                DevicePtr<float> input = work.Input("x", (long)n * c, -8, 8), y = work.Output((long)n * c);
                return () => set.Softmax.Forward(g, input, y);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Plain("x", x, Numbers.Of("x", x.Count, -8, 8));
                peer.Graph.Node("Softmax", "y", ["x"], OnnxGraph.Attribute("axis", -1L));
                return peer.Open("y", x);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor input = peer.Plain(x, Numbers.Of("x", x.Count, -8, 8));
                return peer.Open(() => torch.nn.functional.softmax(input, -1));
            },
        };
    }
}
