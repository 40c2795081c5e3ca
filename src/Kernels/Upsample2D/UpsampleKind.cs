namespace Graft.Kernels;

/// <summary>How a larger image is filled.</summary>
public enum UpsampleKind
{
    /// <summary>Each pixel is repeated.</summary>
    Nearest,

    /// <summary>Between the centres of two pixels, their mean weighted by distance; at the border, the border pixel.</summary>
    Bilinear,
}
