using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>
/// Max pooling 2x2 of stride 2 is done while the convolution before it stores its output, where the algorithm has all four pixels at hand:
/// the large map is neither written nor read again.
/// </summary>
internal static class FusePooling
{
    public static bool TryApply(PlanNode node, KernelSet kernels)
    {
        if (node is not OpNode { Op: Pool2DOp { Kind: PoolKind.Max } pool } || node.Inputs[0] is not { Readers: 1, IsResult: false, ViewOf: null, Producer: ConvNode conv })
            return false;
        if (!pool.IsGrid(2) || conv.IsFrozen != node.IsFrozen || !kernels.FusedConv2D.Supports(conv.Algorithm, conv.Geometry(conv.X.Border) with { MaxPool = true }))
            return false;
        conv.MaxPool = true;
        conv.Output = node.Output;
        node.Output.Producer = conv;
        conv.Layers.AddRange(node.Layers);
        return true;
    }
}
