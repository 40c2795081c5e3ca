namespace Graft.Training;

/// <summary>From pixels 0..255 to a network's input: (pixel · scale - mean) / std for each channel, in the network's order.</summary>
/// <remarks>It belongs to the weights: a model file stores it, and fit, evaluate and predict use the same one.</remarks>
/// <param name="Name">Name for people: "caffe", "tf", "torch", "rescale", "none".</param>
/// <param name="ReverseChannels">True for networks that take BGR.</param>
/// <param name="Scale">Factor on the pixel.</param>
/// <param name="Mean">Subtracted from each channel, after Scale, in the network's channel order.</param>
/// <param name="Std">Divides each channel.</param>
public sealed partial record Preprocessing(string Name, bool ReverseChannels, float Scale, IReadOnlyList<float> Mean, IReadOnlyList<float> Std)
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

    /// <summary>A mean for each pixel, which takes the place of <see cref="Mean"/>, or null.</summary>
    public MeanImage? MeanImage { get; init; }

    /// <summary>How files become the pixels; null where that is left to the caller.</summary>
    public ImageInput? Input { get; init; }

    /// <summary>The same for images that are read so: a mean image is brought to their size.</summary>
    public Preprocessing For(ImageInput input) => this with { Input = input, MeanImage = MeanImage?.At(input.Height, input.Width) };

    /// <summary>Turns pixels into the network's input.</summary>
    /// <param name="pixels">RGB or gray, 0..255, row-major.</param>
    /// <param name="shape">Their shape, [.., H,W,C]. C is 3, or any number where the channels are treated alike.</param>
    /// <param name="destination">As many numbers.</param>
    /// <exception cref="ShapeException">The pixels or the destination do not fill the shape, the channels are not the network's,
    /// or the mean image has another size.</exception>
    public void Apply(ReadOnlySpan<float> pixels, Shape shape, Span<float> destination)
    {
        Check(pixels.Length, shape, destination.Length);
        int channels = shape[-1];
        Span<float> mean = stackalloc float[channels], std = stackalloc float[channels];
        for (int c = 0; c < channels; c++)
            (mean[c], std[c]) = (Mean[c % Mean.Count], Std[c % Std.Count]);
        ReadOnlySpan<float> image = MeanImage is null ? [] : MeanImage.Values;
        for (int i = 0, at = 0; i < pixels.Length; i += channels, at += channels)
        {
            if (at >= image.Length)
                at = 0; // the next image of a batch
            for (int c = 0; c < channels; c++)
            {
                float pixel = pixels[i + (ReverseChannels ? channels - 1 - c : c)] * Scale;
                destination[i + c] = (pixel - (image.IsEmpty ? mean[c] : image[at + c])) / std[c];
            }
        }
    }

    private void Check(int pixels, Shape shape, int destination)
    {
        const int MaxChannels = 16; // more are no image, but a shape of another order
        if (shape.Rank == 0 || shape.Count != pixels || destination != pixels)
            throw new ShapeException($"Preprocessing '{Name}': {pixels} pixel values of shape {shape} do not fill {destination}.");
        if (shape[-1] != Mean.Count && (!IsAlike || MeanImage is not null || shape[-1] > MaxChannels))
            throw new ShapeException($"Preprocessing '{Name}' takes images [H,W,{Mean.Count}] and cannot take {shape}.");
        if (MeanImage is { } m && (shape.Rank < 3 || shape[-3] != m.Height || shape[-2] != m.Width))
            throw new ShapeException($"Preprocessing '{Name}' has a mean image [{m.Height},{m.Width},3] and cannot take {shape}; bring it to another size by For.");
    }
}
