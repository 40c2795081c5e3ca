using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>Sums, means and maxima over one axis: ResNet50's pixels (batch 32), GPT-2's rows and tokens.</summary>
public class ReduceBench : OpBench
{
    private protected override IReadOnlyList<OpCase> Cases { get; } =
    [
        Of("ResNet50 mean of pixels", ReduceFormula.Mean, 32, 49, 2048), Of("GPT-2 sum of rows", ReduceFormula.Sum, 512, 768, 1),
        Of("GPT-2 sum over tokens", ReduceFormula.Sum, 1, 512, 3072), Of("GPT-2 maximum of logits", ReduceFormula.Max, 64, 50257, 1),
    ];

    /// <summary>x [outer, reduced, inner] over its middle axis.</summary>
    private static OpCase Of(string name, ReduceFormula formula, int outer, int reduced, int inner)
    {
        Shape x = new(outer, reduced, inner), y = new(outer, inner);
        return new OpCase($"{name} {outer}x{reduced}x{inner}", x.Count, 4.0 * (x.Count + y.Count))
        {
            Batch = outer,
            Graft = (set, work, n) =>
            {
                ReduceGeometry g = ReduceGeometry.Of(formula, [n, reduced, inner], [false, true, false]);
                DevicePtr<float> input = work.Input("x", (long)n * reduced * inner), output = work.Output((long)n * inner);
                return () => set.Reduce.Forward(g, input, output, 0);
            },
            HasWidths = false,
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Plain("x", x, Numbers.Of("x", x.Count));
                if (formula == ReduceFormula.Sum) // takes its axes as an input from opset 13 on, the others from 18 on
                    peer.Graph.Node("ReduceSum", "y", ["x", peer.Graph.Integers(1)], OnnxGraph.Attribute("keepdims", 0L));
                else
                    peer.Graph.Node($"Reduce{formula}", "y", ["x"], OnnxGraph.Attribute("axes", [1L]), OnnxGraph.Attribute("keepdims", 0L));
                return peer.Open("y", y);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor input = peer.Plain(x, Numbers.Of("x", x.Count));
                return peer.Open(() => formula switch
                {
                    ReduceFormula.Sum => input.sum(1),
                    ReduceFormula.Mean => input.mean([1]),
                    _ => input.amax([1]),
                });
            },
        };
    }
}
