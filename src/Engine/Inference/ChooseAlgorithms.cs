using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>
/// Gives every convolution its algorithm, and its input the border of zeros that the algorithm reads. Where the input cannot have one (it is
/// also read by steps that know no borders), a padded copy is made for the convolution. Max pooling goes into the convolution before it.
/// </summary>
/// <remarks>
/// Algorithms are chosen for one batch size and kept for others, so that the numbers of an image do not depend on which images it shares
/// its batch with.
/// </remarks>
internal static class ChooseAlgorithms
{
    /// <summary>Returns the nodes with padded copies among them.</summary>
    /// <param name="nodes">The nodes in order.</param>
    /// <param name="kernels">Whose algorithms.</param>
    /// <param name="batch">The batch size to choose for.</param>
    /// <param name="options">What is allowed.</param>
    public static List<PlanNode> Apply(IReadOnlyList<PlanNode> nodes, KernelSet kernels, int batch, PlanOptions options)
    {
        HashSet<PlanValue> dense = ReadDense(nodes);
        var result = new List<PlanNode>(nodes.Count);
        foreach (PlanNode node in nodes)
        {
            if (FusePooling.TryApply(node, kernels))
                continue;
            if (node is ConvNode conv)
                Choose(conv, kernels.FusedConv2D, batch, options, dense, result);
            result.Add(node);
        }
        if (kernels.FusedConv2D.SpreadsPixels)
            SpreadPixels.Apply(result);
        return result;
    }

    private static void Choose(ConvNode node, FusedConv2DKernels kernels, int batch, PlanOptions options, HashSet<PlanValue> dense, List<PlanNode> nodes)
    {
        Padding2D p = node.Conv.Padding;
        int border = Math.Max(Math.Max(p.Top, p.Bottom), Math.Max(p.Left, p.Right));
        FusedConv2DGeometry g = node.Geometry(border) with { N = batch };
        node.Algorithm = kernels.Choose(g);
        if (!options.Winograd && node.Algorithm >= ConvAlgorithm.WinogradF2)
            node.Algorithm = kernels.Supports(ConvAlgorithm.Direct, g) ? ConvAlgorithm.Direct : ConvAlgorithm.General;
        if (border == 0 || kernels.Supports(node.Algorithm, node.Geometry(0)))
            return; // reads no border
        PlanValue x = node.X;
        bool canHaveBorder = x.ViewOf is null && !x.IsResult && x.Producer is null or ConvNode && !dense.Contains(x);
        if (canHaveBorder)
        {
            x.Border = Math.Max(x.Border, border);
            return;
        }
        Shape s = x.Shape;
        var padded = new PlanValue(new Shape(s[0], s[1] + p.Top + p.Bottom, s[2] + p.Left + p.Right, s[3]));
        var pad = new OpNode(new Pad2DOp(p)) { Output = padded, Inputs = { x }, Layers = { node.Layers[0] }, IsFrozen = node.IsFrozen };
        padded.Producer = pad;
        nodes.Add(pad);
        node.Inputs[0] = padded;
        node.Conv = node.Conv with { Padding = Padding2D.None };
    }

    /// <summary>Values that some reader takes without gaps: all readers but convolutions do, and so do views.</summary>
    private static HashSet<PlanValue> ReadDense(IReadOnlyList<PlanNode> nodes)
    {
        var dense = new HashSet<PlanValue>();
        foreach (PlanValue input in nodes.SelectMany(n => n.Inputs.Where(i => n is not ConvNode || i.ViewOf is not null)))
            dense.Add(input.Root);
        return dense;
    }
}
