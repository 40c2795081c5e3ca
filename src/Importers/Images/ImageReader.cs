using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>From a file to a network's input: the one way that training, evaluation and prediction share.</summary>
public sealed class ImageReader
{
    private readonly Preprocessing _preprocessing;
    private readonly ImageInput _input;

    /// <summary>A reader that does what a preprocessing says.</summary>
    /// <exception cref="GraftException">It does not say how images are read.</exception>
    public ImageReader(Preprocessing preprocessing)
    {
        _input = preprocessing.Input ?? throw new GraftException($"Preprocessing '{preprocessing.Name}' does not say how image files are resized; set its Input, as in preprocessing.For(new ImageInput(224, 224)).");
        _preprocessing = preprocessing;
    }

    /// <summary>Shape of one image: [H,W,C].</summary>
    public Shape Shape => _input.Shape;

    /// <summary>Height and width of the image in a file, upright where images are read so; of the usual formats its header alone is read.</summary>
    /// <exception cref="GraftException">The file cannot be read as an image.</exception>
    public (int Height, int Width) SizeOf(string path)
    {
        if (ImageDecoder.SizeOf(path, _input.AppliesOrientation) is { } size)
            return size;
        PixelImage image = ImageDecoder.Decode(path, _input.ColorMode, _input.AppliesOrientation);
        return (image.Height, image.Width);
    }

    /// <summary>Decodes, turns upright where that is asked for, and resizes: Height · Width · Channels bytes.</summary>
    /// <exception cref="GraftException">The file cannot be read as an image.</exception>
    public byte[] Pixels(string path)
    {
        using PixelBuffer image = Resize(ImageDecoder.DecodeFor(_input, path));
        return image.Pixels.ToArray();
    }

    /// <summary>The network's input from pixels 0..255.</summary>
    public void Prepare(ReadOnlySpan<float> pixels, Span<float> destination) => _preprocessing.Apply(pixels, Shape, destination);

    /// <summary>The network's input from pixels of 8 bits.</summary>
    public void Prepare(ReadOnlySpan<byte> pixels, Span<float> destination) => _preprocessing.ApplyToBytes(pixels, Shape, destination);

    /// <summary>The network's input from a file.</summary>
    /// <exception cref="GraftException">The file cannot be read as an image.</exception>
    public void Read(string path, Span<float> destination)
    {
        using PixelBuffer image = Resize(ImageDecoder.DecodeFor(_input, path));
        Prepare(image.Pixels, destination);
    }

    /// <summary>The network's input from the bytes of a file, such as an upload: <c>model.Predict(reader.Read(bytes, "upload"), reader.Shape.Prepend(1))[0]</c>.</summary>
    /// <param name="bytes">JPEG, PNG or another format of <see cref="ImageDecoder"/>.</param>
    /// <param name="name">What stands in errors.</param>
    /// <exception cref="GraftException">The bytes are no image.</exception>
    public float[] Read(byte[] bytes, string name)
    {
        var input = new float[Shape.Count];
        using PixelBuffer image = Resize(ImageDecoder.DecodeFor(_input, bytes, name));
        Prepare(image.Pixels, input);
        return input;
    }

    private PixelBuffer Resize(PixelBuffer image) => ImageResize.Run(image, _input.Height, _input.Width, _input.Resize);
}
