using Graft.Training;
using Graft.Weights;

namespace Graft.Importers.Images;

/// <summary>From the file of a mask to a class for each pixel of a network's input.</summary>
internal sealed class MaskReader
{
    private const byte NoClass = 254; // while the table is made; more classes than that are refused

    private readonly (int Height, int Width) _size;
    private readonly IReadOnlyList<string> _classNames;
    private readonly MaskOptions _options;
    private readonly byte[] _classOf = new byte[256];

    /// <exception cref="GraftException">The classes and their values do not fit together.</exception>
    public MaskReader(string path, (int Height, int Width) size, IReadOnlyList<string> classNames, MaskOptions options)
    {
        (_size, _classNames, _options) = (size, classNames, options);
        if (classNames.Count is < 2 or >= NoClass)
            throw new GraftException($"{path}: {classNames.Count} class names for masks; take 2 to {NoClass - 1}, the background among them.");
        if (options.Values is { } values && (values.Count != classNames.Count || values.Distinct().Count() != values.Count || (options.Ignored is byte i && values.Contains(i))))
            throw new GraftException($"{path}: MaskOptions.Values are {string.Join(", ", values)}, but there are {classNames.Count} classes ({string.Join(", ", classNames)}){(options.Ignored is byte no ? $" and the value {no} is ignored" : "")}; each class has one value, and none is there twice.");
        if (options.Ignored is byte ignored && ignored < classNames.Count)
            throw new GraftException($"{path}: MaskOptions.Ignored is {ignored}, which is the number of class '{classNames[ignored]}' in the labels; take a value from {classNames.Count} on, 255 by custom.");
        Array.Fill(_classOf, NoClass);
        for (int c = 0; c < classNames.Count; c++)
            _classOf[options.Values?[c] ?? c] = (byte)c;
    }

    /// <summary>The number of each pixel's class, or the ignored value.</summary>
    /// <param name="file">The mask.</param>
    /// <param name="photograph">Size of what it belongs to; null does not look at it.</param>
    /// <exception cref="GraftException">The file cannot be read as an image, has other proportions than the photograph, or a pixel has no class.</exception>
    public byte[] Read(string file, (int Height, int Width)? photograph = null)
    {
        PixelImage image = Decode(file);
        if (photograph is var (height, width) && Math.Abs((long)image.Width * height - (long)image.Height * width) > height + width) // what rounding to whole pixels may change
            throw new GraftException($"{file}: the mask has {image.Width} x {image.Height} pixels, the photograph {width} x {height}: other proportions. It belongs to another photograph, or to this one turned as its EXIF orientation says (AppliesOrientation).");
        byte[] pixels = ImageResize.Run(image, _size.Height, _size.Width, ResizeFilter.Nearest).Pixels.ToArray();
        bool areTwo = _options.Values is null && _classNames.Count == 2;
        for (int p = 0; p < pixels.Length; p++)
        {
            byte value = pixels[p];
            if (value == _options.Ignored)
                continue;
            byte number = areTwo && value > 1 ? (byte)(value >> 7) : _classOf[value];
            pixels[p] = number != NoClass ? number : throw NotAClass(file, value, image);
        }
        return pixels;
    }

    /// <summary>The numbers that a mask has, at its own size.</summary>
    /// <exception cref="GraftException">The file cannot be read as an image.</exception>
    public static PixelImage Decode(string file)
    {
        byte[] bytes = ImageDecoder.ReadFile(file);
        return PngIndices.Handles(bytes) ? FileErrors.Named(file, "cannot be read as an image", () => PngIndices.Decode(bytes, file)) : ImageDecoder.Decode(bytes, file, ColorMode.Grayscale);
    }

    private GraftException NotAClass(string file, byte value, PixelImage image) =>
        new($"{file}: a pixel has the value {value} (of {image.Width} x {image.Height} pixels, {image.Pixels.Distinct().Count()} values from {image.Pixels.Min()} to {image.Pixels.Max()}), but the classes are {string.Join(", ", _classNames.Select((n, c) => $"{_options.Values?[c] ?? c} {n}"))}. Name all classes, map them with MaskOptions.Values, or ignore one with MaskOptions.Ignored; masks that tell classes by colours must be stored with a palette.");
}
