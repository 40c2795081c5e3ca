using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>Layer normalisation of GPT-2: rows of 768 numbers.</summary>
public class LayerNormBench : OpBench
{
    private const float Epsilon = 1e-5f;

    private protected override IReadOnlyList<OpCase> Cases { get; } = [Of(1, 768), Of(64, 768), Of(512, 768), Of(2048, 768)];

    private static OpCase Of(int rows, int c)
    {
        Shape x = new(rows, c);
        return new OpCase($"GPT-2 {rows}x{c}", 7.0 * x.Count, 2 * 4.0 * x.Count)
        {
            Batch = rows,
            HasWidths = false,
            Graft = (set, work, n) =>
            {
                var g = new LayerNormGeometry(n, c, Epsilon);
                DevicePtr<float> input = work.Input("x", (long)n * c), scale = work.Input("scale", c), shift = work.Input("shift", c), y = work.Output((long)n * c), mean = work.Scratch(n), rstd = work.Scratch(n);
                return () => set.LayerNorm.Forward(g, input, scale, shift, y, mean, rstd);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Plain("x", x, Numbers.Of("x", x.Count)).Weight("scale", new Shape(c), Numbers.Of("scale", c)).Weight("shift", new Shape(c), Numbers.Of("shift", c));
                peer.Graph.Node("LayerNormalization", "y", ["x", "scale", "shift"], OnnxGraph.Attribute("axis", -1L), OnnxGraph.Attribute("epsilon", Epsilon));
                return peer.Open("y", x);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor input = peer.Plain(x, Numbers.Of("x", x.Count)), scale = peer.Plain(new Shape(c), Numbers.Of("scale", c)), shift = peer.Plain(new Shape(c), Numbers.Of("shift", c));
                return peer.Open(() => torch.nn.functional.layer_norm(input, [c], scale, shift, Epsilon));
            },
        };
    }
}
