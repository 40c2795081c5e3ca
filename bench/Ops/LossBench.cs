using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>Losses: softmax cross-entropy from class numbers over ImageNet's classes and GPT-2's vocabulary, and losses a number.</summary>
public class LossBench : OpBench
{
    private protected override IReadOnlyList<OpCase> Cases { get; } =
    [
        Classes("ResNet50 top", 32, 1000), Classes("GPT-2", 512, 50257), ClassesGradient("ResNet50 top", 32, 1000), ClassesGradient("GPT-2", 64, 50257),
        Pointwise("binary cross-entropy", LossFormula.SigmoidCrossEntropy, 45), Pointwise("squared error", LossFormula.SquaredError, 2),
    ];

    private static OpCase Classes(string name, int n, int k) => new($"{name} {n}x{k}", 17.0 * n * k, 4.0 * ((double)n * k + 2 * n))
    {
        Batch = n,
        Graft = (set, work, rows) =>
        {
            var g = new ClassLossGeometry(rows, k, Sparse: true, 0);
            DevicePtr<float> x = work.Input("x", (long)rows * k, -8, 8), labels = work.Upload<float>(Labels(rows, k)), loss = work.Output(rows);
            return () => set.SoftmaxCrossEntropy.Forward(g, x, labels, loss);
        },
        Ort = () =>
        {
            OrtPeer peer = new OrtPeer().Plain("x", new Shape(n, k), Numbers.Of("x", (long)n * k, -8, 8)).Ids("t", new Shape(n), Numbers.Ids("t", n, k));
            peer.Graph.Node("SoftmaxCrossEntropyLoss", "y", ["x", "t"], OnnxGraph.Attribute("reduction", "none"));
            return peer.Open("y", new Shape(n));
        },
        Torch = () =>
        {
            var peer = new TorchPeer();
            torch.Tensor x = peer.Plain(new Shape(n, k), Numbers.Of("x", (long)n * k, -8, 8)), t = peer.Ids(Numbers.Ids("t", n, k));
            return peer.Open(() => torch.nn.functional.cross_entropy(x, t, reduction: torch.nn.Reduction.None));
        },
    };

    private static OpCase ClassesGradient(string name, int n, int k) => new($"{name} {n}x{k} gradient", 32.0 * n * k, 4.0 * (2.0 * n * k + 2 * n))
    {
        Batch = n,
        Graft = (set, work, rows) =>
        {
            var g = new ClassLossGeometry(rows, k, Sparse: true, 0);
            DevicePtr<float> x = work.Input("x", (long)rows * k, -8, 8), labels = work.Upload<float>(Labels(rows, k)), upstream = work.Input("dloss", rows), dx = work.Output((long)rows * k);
            return () => set.SoftmaxCrossEntropy.BackwardInput(g, x, labels, upstream, dx, 0);
        },
    };

    private static OpCase Pointwise(string name, LossFormula formula, double flops)
    {
        const int Rows = 64, Columns = 1024;
        Shape shape = new(Rows, Columns);
        return new OpCase($"{name} {Rows}x{Columns}", flops * shape.Count, 3 * 4.0 * shape.Count)
        {
            Batch = Rows,
            Graft = (set, work, n) =>
            {
                var g = new PointwiseLossGeometry((long)n * Columns, formula);
                DevicePtr<float> x = work.Input("x", g.Count, -8, 8), t = work.Input("t", g.Count, 0, 1), loss = work.Output(g.Count);
                return () => set.PointwiseLoss.Forward(g, x, t, loss);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor x = peer.Plain(shape, Numbers.Of("x", shape.Count, -8, 8)), t = peer.Plain(shape, Numbers.Of("t", shape.Count, 0, 1));
                return peer.Open(() => formula == LossFormula.SquaredError
                    ? torch.nn.functional.mse_loss(x, t, torch.nn.Reduction.None)
                    : torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction: torch.nn.Reduction.None));
            },
        };
    }

    private static float[] Labels(int rows, int k) => [.. Numbers.Ids("t", rows, k).Select(id => (float)id)];
}
