using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>Residual additions of ResNet50 (batch 32) and GPT-2, and the addition of a bias.</summary>
public class AddBench : OpBench
{
    private protected override IReadOnlyList<OpCase> Cases { get; } =
    [
        Of("ResNet50 56² 256", 32, 56 * 56 * 256, isBias: false), Of("ResNet50 14² 1024", 32, 14 * 14 * 1024, isBias: false),
        Of("GPT-2 512x768", 512, 768, isBias: false), Of("GPT-2 bias 512x3072", 512, 3072, isBias: true),
    ];

    private static OpCase Of(string name, int rows, int columns, bool isBias)
    {
        Shape a = new(rows, columns), b = isBias ? new(columns) : a;
        return new OpCase(name, a.Count, 4.0 * (2 * a.Count + b.Count))
        {
            Batch = rows,
            Graft = (set, work, n) =>
            {
                BinaryGeometry g = BinaryGeometry.Of(BinaryFormula.Add, [n, columns], isBias ? [columns] : [n, columns]);
                DevicePtr<float> left = work.Input("a", (long)n * columns), right = work.Input("b", isBias ? columns : (long)n * columns), y = work.Output((long)n * columns);
                return () => set.Binary.Forward(g, left, right, y);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Plain("a", a, Numbers.Of("a", a.Count)).Plain("b", b, Numbers.Of("b", b.Count));
                peer.Graph.Node("Add", "y", ["a", "b"]);
                return peer.Open("y", a);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor left = peer.Plain(a, Numbers.Of("a", a.Count)), right = peer.Plain(b, Numbers.Of("b", b.Count));
                return peer.Open(() => left + right);
            },
        };
    }
}
