using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Xunit;

namespace Graft.Tests.Inference;

public sealed class SpreadPixelsTests
{
    [Fact]
    public void Pixels_a_multiple_of_a_KiB_apart_get_a_gap_where_convolutions_alone_meet_them()
    {
        Node input = Node.Input(new Shape(6, 6, 8), "in");
        Node wide = new Conv2D(256, 1, 1) { Name = "wide" }.Apply(input); // read by a convolution: a gap
        Node narrow = new Conv2D(96, 1, 1) { Name = "narrow" }.Apply(wide); // 384 bytes apart: none
        Node pooled = new Conv2D(256, 1, 1) { Name = "pooled" }.Apply(narrow); // read by a pooling, which takes no gaps
        Node last = new Conv2D(256, 1, 1) { Name = "last" }.Apply(new MaxPooling2D { Name = "pool" }.Apply(pooled)); // handed out
        Model model = PlanModels.Fill(new Model(input, last));
        using var trace = new Trace(model, [new Shape(2, 6, 6, 8)], training: false);
        (IReadOnlyList<PlanNode> nodes, _) = PlanBuilder.Build(new FrozenPart(trace));
        List<PlanNode> planned = ChooseAlgorithms.Apply(nodes, KernelSet.Cpu, 2, PlanOptions.Default);
        Assert.Equal([("wide", 16), ("narrow", 0), ("pooled", 0), ("last", 0)], planned.OfType<ConvNode>().Select(n => (n.Layers[0], n.Output.Gap)));
        ConvNode first = planned.OfType<ConvNode>().First();
        Assert.Equal(2L * 6 * 6 * (256 + 16), first.Output.Floats);
        Assert.Equal(256 + 16, first.Geometry(0).Output.PixelStride);
        model.Release();
    }
}
