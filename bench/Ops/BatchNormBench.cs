using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>Batch normalisation of ResNet50 (batch 32), with moving statistics and with those of the batch.</summary>
public class BatchNormBench : OpBench
{
    private const int N = 32;
    private const float Epsilon = 1e-3f;

    private protected override IReadOnlyList<OpCase> Cases { get; } =
        [.. new[] { (56, 256), (28, 512), (14, 1024), (7, 2048) }.SelectMany(s => new[] { Of(s.Item1, s.Item2, training: false), Of(s.Item1, s.Item2, training: true) })];

    private static OpCase Of(int size, int c, bool training)
    {
        Shape x = new(N, size, size, c);
        var g = new BatchNormGeometry((long)N * size * size, c, Epsilon, 0.99f, training);
        return new OpCase($"ResNet50 {size}² {c}{(training ? " training" : "")}", g.Flops, (training ? 3 : 2) * 4.0 * x.Count)
        {
            Batch = N,
            CheckedBatch = training ? N : 1, // the statistics are the whole batch's
            HasWidths = false,
            Graft = (set, work, n) =>
            {
                BatchNormGeometry of = g with { Rows = g.Rows / N * n };
                DevicePtr<float> input = work.Input("x", x.Count / N * n), scale = work.Input("scale", c), shift = work.Input("shift", c), mean = work.Input("mean", c);
                DevicePtr<float> variance = work.Input("variance", c, 0.5, 1.5), y = work.Output(x.Count / N * n), keptMean = work.Scratch(c), keptRstd = work.Scratch(c);
                return () => set.BatchNorm.Forward(of, input, scale, shift, mean, variance, y, keptMean, keptRstd);
            },
            Ort = training ? null : () =>
            {
                var channels = new Shape(c);
                OrtPeer peer = new OrtPeer().Input("x", x, Numbers.Of("x", x.Count)).Weight("scale", channels, Numbers.Of("scale", c))
                    .Weight("shift", channels, Numbers.Of("shift", c)).Weight("mean", channels, Numbers.Of("mean", c)).Weight("variance", channels, Numbers.Of("variance", c, 0.5, 1.5));
                peer.Graph.Node("BatchNormalization", "y", ["x", "scale", "shift", "mean", "variance"], OnnxGraph.Attribute("epsilon", Epsilon));
                return peer.Open("y", x, isImage: true);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor Channels(string name, double low = -1, double high = 1) => peer.Plain(new Shape(c), Numbers.Of(name, c, low, high));
                torch.Tensor input = peer.Image(x, Numbers.Of("x", x.Count)), scale = Channels("scale"), shift = Channels("shift"), mean = Channels("mean"), variance = Channels("variance", 0.5, 1.5);
                return peer.Open(() => torch.nn.functional.batch_norm(input, mean, variance, scale, shift, training, 0.01, Epsilon), isImage: true);
            },
        };
    }
}
