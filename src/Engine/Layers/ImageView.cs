using Graft.Ops;

namespace Graft.Layers;

/// <summary>Sequences and volumes as the images that two-dimensional ops take, and back: other shapes over the same numbers.</summary>
internal static class ImageView
{
    /// <summary>A sequence [N,T,C] as an image of one row [N,1,T,C].</summary>
    public static ReshapeOp OfSequence(Shape x) => new(x[0], 1, x[1], x[2]);

    /// <summary>An image of one row [N,1,T,C] as a sequence [N,T,C].</summary>
    public static ReshapeOp ToSequence(Shape y) => new(y[0], y[2], y[3]);

    /// <summary>A volume [N,D,H,W,C] as its slices [N·D,H,W,C].</summary>
    public static ReshapeOp OfSlices(Shape x) => new(x[0] * x[1], x[2], x[3], x[4]);

    /// <summary>Slices [N·D,H,W,C] as volumes [N,D,H,W,C] of a given depth.</summary>
    public static ReshapeOp ToVolume(Shape y, int depth) => new(y[0] / depth, depth, y[1], y[2], y[3]);

    /// <summary>A volume [N,D,H,W,C] as an image [N,D,H·W,C] whose rows are its slices.</summary>
    public static ReshapeOp OfDepth(Shape x) => new(x[0], x[1], x[2] * x[3], x[4]);

    /// <summary>The weight of a one-dimensional filter [O,S,I] as that of a filter of one row [O,1,S,I]; likewise [C,S,O].</summary>
    public static ReshapeOp OfFilter(Shape w) => new(w[0], 1, w[1], w[2]);

    /// <summary>A weight [O,T,R,S,I], its filter's depth moved beside the channels: [O,R,S,T,I].</summary>
    public static PermuteOp DepthLast { get; } = new(0, 2, 3, 1, 4);

    /// <summary>A weight [O,R,S,T,I] as that of a filter of one slice with T·I channels.</summary>
    public static ReshapeOp OfSliceFilter(Shape w) => new(w[0], w[1], w[2], w[3] * w[4]);
}
