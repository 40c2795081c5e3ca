namespace Graft.Training;

/// <summary>How pixels 0..255 become a network's input: y = (x · Scale - mean) / std for each channel, in the network's order.</summary>
/// <remarks>It belongs to the weights: a model file stores it, and fit, evaluate and predict use the same one.</remarks>
/// <param name="Name">Name for people: "caffe", "tf", "torch", "rescale", "none".</param>
/// <param name="ReverseChannels">True for networks that take BGR.</param>
/// <param name="Scale">Factor on the pixel.</param>
/// <param name="Mean">Subtracted from each channel, after Scale, in the network's channel order.</param>
/// <param name="Std">Divides each channel.</param>
public sealed record Preprocessing(string Name, bool ReverseChannels, float Scale, IReadOnlyList<float> Mean, IReadOnlyList<float> Std)
{
    /// <summary>Pixels as they are, 0..255.</summary>
    public static Preprocessing None { get; } = new("none", false, 1, [0, 0, 0], [1, 1, 1]);

    /// <summary>0..1: Keras's rescale=1/255.</summary>
    public static Preprocessing Rescale { get; } = new("rescale", false, 1f / 255, [0, 0, 0], [1, 1, 1]);

    /// <summary>BGR minus the ImageNet means: VGG16 and Keras's ResNet50.</summary>
    public static Preprocessing Caffe { get; } = new("caffe", true, 1, [103.939f, 116.779f, 123.68f], [1, 1, 1]);

    /// <summary>-1..1.</summary>
    public static Preprocessing Tf { get; } = new("tf", false, 1f / 127.5f, [1, 1, 1], [1, 1, 1]);

    /// <summary>0..1, then the ImageNet means and deviations: torchvision.</summary>
    public static Preprocessing Torch { get; } = new("torch", false, 1f / 255, [0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    /// <summary>
    /// A mean for each pixel, [H,W,3] in the network's channel order, row-major, or null. It is used where the image has its
    /// size; for other sizes <see cref="Mean"/> stands in.
    /// </summary>
    public IReadOnlyList<float>? MeanImage { get; init; }

    /// <summary>Turns RGB pixels, row-major [.., 3], into the network's input.</summary>
    /// <exception cref="ShapeException">The number of pixels is not a multiple of 3, or differs from the destination's.</exception>
    public void Apply(ReadOnlySpan<float> rgb, Span<float> destination)
    {
        if (rgb.Length % 3 != 0 || rgb.Length != destination.Length)
            throw new ShapeException($"Preprocessing '{Name}': {rgb.Length} numbers of RGB pixels do not fill {destination.Length}.");
        IReadOnlyList<float>? image = MeanImage?.Count == rgb.Length ? MeanImage : null;
        for (int i = 0; i < rgb.Length; i += 3)
        {
            for (int c = 0; c < 3; c++)
                destination[i + c] = (rgb[i + (ReverseChannels ? 2 - c : c)] * Scale - (image is null ? Mean[c] : image[i + c])) / Std[c];
        }
    }
}
