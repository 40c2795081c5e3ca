using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>GPT-2's token embedding, forward and the gradient of the table.</summary>
public class EmbeddingBench : OpBench
{
    private const int V = 50257, C = 768;

    private protected override IReadOnlyList<OpCase> Cases { get; } = [Of(64), Of(512), Gradient(512)];

    private static OpCase Of(int tokens)
    {
        Shape ids = new(tokens), table = new(V, C), y = new(tokens, C);
        return new OpCase($"GPT-2 {tokens} tokens", 0, 4.0 * (tokens + 2 * y.Count))
        {
            Batch = tokens,
            HasWidths = false,
            Graft = (set, work, n) =>
            {
                var g = new EmbeddingGeometry(n, V, C);
                DevicePtr<int> numbers = work.Ids("ids", n, V);
                DevicePtr<float> rows = work.Input("table", table.Count), output = work.Output((long)n * C);
                return () => set.Embedding.Forward(g, numbers, rows, output);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Ids("ids", ids, Numbers.Ids("ids", tokens, V)).Weight("table", table, Numbers.Of("table", table.Count));
                peer.Graph.Node("Gather", "y", ["table", "ids"]);
                return peer.Open("y", y);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor numbers = peer.Ids(Numbers.Ids("ids", tokens, V)), rows = peer.Plain(table, Numbers.Of("table", table.Count));
                return peer.Open(() => rows.index_select(0, numbers));
            },
        };
    }

    private static OpCase Gradient(int tokens) => new($"GPT-2 {tokens} tokens, gradient of the table", (double)tokens * C, 4.0 * ((double)V * C + (double)tokens * C))
    {
        Batch = tokens,
        CheckedBatch = tokens, // rows are shared
        HasWidths = false,
        Graft = (set, work, n) =>
        {
            var g = new EmbeddingGeometry(n, V, C);
            DevicePtr<int> numbers = work.Ids("ids", n, V);
            DevicePtr<float> upstream = work.Input("dy", (long)n * C), table = work.Output((long)V * C);
            return () => set.Embedding.BackwardTable(g, numbers, upstream, table, 0);
        },
    };
}
