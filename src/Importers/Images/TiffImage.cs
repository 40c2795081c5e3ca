using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using BitMiracle.LibTiff.Classic;

namespace Graft.Importers.Images;

/// <summary>TIFF files through LibTiff.NET: the first page, turned as its orientation tag says.</summary>
/// <remarks>
/// Gray, RGB and CMYK samples of 8 and 16 bits in strips are converted here as Pillow converts them; bilevel, palette, YCbCr and tiled files
/// through the library's own conversion to RGBA. TIFF 6.0, sections 8, 16 and 18.
/// </remarks>
internal static class TiffImage
{
    private const int MostSamples = 16; // more than any picture has; a line of 65535 would take gigabytes

    /// <summary>True for either byte order of TIFF.</summary>
    public static bool Handles(byte[] bytes) => bytes.AsSpan().StartsWith("II*\0"u8) || bytes.AsSpan().StartsWith("MM\0*"u8);

    /// <exception cref="GraftException">The file is damaged, truncated, or of a kind that is not read.</exception>
    public static PixelImage Decode(byte[] bytes, string name)
    {
        CheckPieces(bytes, name);
        using var source = new Source(bytes);
        using Tiff tiff = Tiff.ClientOpen(name, "r", source, source) ?? throw source.Damage(name);
        int width = Field(tiff, TiffTag.IMAGEWIDTH, 0), height = Field(tiff, TiffTag.IMAGELENGTH, 0);
        ImageDecoder.CheckSize(width, height, name);
        int bits = Field(tiff, TiffTag.BITSPERSAMPLE, 1), orientation = Field(tiff, TiffTag.ORIENTATION, 1);
        int samples = (ushort)Field(tiff, TiffTag.SAMPLESPERPIXEL, 1), tileWidth = tiff.IsTiled() ? Field(tiff, TiffTag.TILEWIDTH, 0) : 1, tileHeight = tiff.IsTiled() ? Field(tiff, TiffTag.TILELENGTH, 0) : 1;
        if (samples is < 1 or > MostSamples)
            throw new GraftException($"{name}: a TIFF of {samples} samples a pixel; 1 to {MostSamples} are read. The file is damaged, or convert it.");
        ImageDecoder.CheckSize(tileWidth, tileHeight, name);
        CheckRows(tiff, height, bytes.Length, name);
        if (bits > 16 || Field(tiff, TiffTag.SAMPLEFORMAT, (int)SampleFormat.UINT) != (int)SampleFormat.UINT)
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"{name}: a TIFF of {bits}-bit or signed or floating samples; unsigned samples of up to 16 bits are read. Convert it."));
        var photometric = (Photometric)Field(tiff, TiffTag.PHOTOMETRIC, 0);
        int colours = photometric switch { Photometric.MINISBLACK => 1, Photometric.RGB => 3, Photometric.SEPARATED => 4, _ => 0 };
        bool plain = colours > 0 && samples >= colours && bits is 8 or 16 && !tiff.IsTiled() && (samples == 1 || Field(tiff, TiffTag.PLANARCONFIG, 1) == (int)PlanarConfig.CONTIG);
        if (!plain && samples > colours && colours == 3)
            throw new GraftException($"{name}: a TIFF with alpha in tiles or planes; alpha is read in strips of whole pixels. Convert it.");
        byte[] rgb = plain ? ReadStrips(tiff, width, height, samples, colours, bits, source, name) : ReadAny(tiff, width, height, source, name);
        return new PixelImage(height, width, 3, rgb).Upright(orientation);
    }

    // The library makes lists of all strips or tiles as it opens a file, and room for each as the file says; that is looked at first.
    private static void CheckPieces(byte[] bytes, string name)
    {
        const int Entry = 12;
        bool isLittle = bytes[0] == (byte)'I';
        long Number(long at, int size) => at < 0 || at + size > bytes.Length ? 0 : (isLittle, size) switch
        {
            (true, 2) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan((int)at)),
            (false, 2) => BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan((int)at)),
            (true, _) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan((int)at)),
            _ => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan((int)at)),
        };
        long directory = Number(4, 4), entries = Number(directory, 2);
        var values = new Dictionary<TiffTag, long>();
        for (long i = 0; i < entries; i++)
        {
            long at = directory + 2 + Entry * i;
            int size = Number(at + 2, 2) == (long)TiffType.SHORT ? 2 : 4;
            var tag = (TiffTag)Number(at, 2);
            values.TryAdd(tag, Number(at + 8, size));
            long count = Number(at + 4, 4);
            if (count > bytes.Length) // of one byte at least; the library makes room for those of tags that it does not know, too
                throw new GraftException($"{name}: its header says that tag {(int)tag} has {count} values, which its {bytes.Length} bytes cannot hold; the file is damaged.");
            long list = count * size <= 4 ? at + 8 : Number(at + 8, 4);
            for (long k = 0; tag is TiffTag.STRIPBYTECOUNTS or TiffTag.TILEBYTECOUNTS && k < count && list + k * size < bytes.Length; k++)
            {
                if (Number(list + k * size, size) is var stored && stored > bytes.Length) // the library makes room for it
                    throw new GraftException($"{name}: its header says that strip or tile {k} has {stored} bytes, the file has {bytes.Length}; the file is truncated or damaged.");
            }
        }
        long Pieces(TiffTag whole, TiffTag piece) => values.GetValueOrDefault(whole) is var all && values.GetValueOrDefault(piece) is > 0 and var each ? (all + each - 1) / each : 1;
        long pieces = Pieces(TiffTag.IMAGELENGTH, TiffTag.ROWSPERSTRIP), tiles = Pieces(TiffTag.IMAGELENGTH, TiffTag.TILELENGTH) * Pieces(TiffTag.IMAGEWIDTH, TiffTag.TILEWIDTH);
        if (Math.Max(pieces, tiles) > bytes.Length)
            throw new GraftException($"{name}: its header says {Math.Max(pieces, tiles)} strips or tiles, which its {bytes.Length} bytes cannot hold; the file is truncated or damaged.");
    }

    // Where strips are missing from its list, the library gives rows all the same.
    private static void CheckRows(Tiff tiff, int height, long fileBytes, string name)
    {
        bool isPlain = !tiff.IsTiled() && Field(tiff, TiffTag.COMPRESSION, (int)Compression.NONE) == (int)Compression.NONE && Field(tiff, TiffTag.PHOTOMETRIC, 0) != (int)Photometric.YCBCR;
        if (isPlain && (long)tiff.ScanlineSize() * height > fileBytes)
            throw new GraftException($"{name}: its header says {height} rows of {tiff.ScanlineSize()} bytes, which its {fileBytes} bytes cannot hold; the file is truncated or damaged.");
    }

    private static byte[] ReadStrips(Tiff tiff, int width, int height, int samples, int colours, int bits, Source source, string name)
    {
        bool premultiplied = samples > colours && tiff.GetField(TiffTag.EXTRASAMPLES) is { Length: > 1 } extra && extra[1].ToShortArray() is [(short)ExtraSample.ASSOCALPHA, ..];
        var line = new byte[tiff.ScanlineSize()];
        Span<byte> pixel = stackalloc byte[5];
        var rgb = new byte[width * height * 3];
        for (int y = 0; y < height; y++)
        {
            if (!tiff.ReadScanline(line, y))
                throw source.Damage(name);
            ReadOnlySpan<ushort> deep = MemoryMarshal.Cast<byte, ushort>(line);
            for (int x = 0; x < width; x++)
            {
                for (int c = 0; c < Math.Min(samples, colours + 1); c++)
                {
                    int at = x * samples + c;
                    // gray of 16 bits saturates, colour of 16 bits keeps its upper byte
                    pixel[c] = bits == 8 ? line[at] : colours == 1 ? (byte)Math.Min((ushort)255, deep[at]) : (byte)(deep[at] >> 8);
                }
                ToRgb(pixel, colours, premultiplied, rgb.AsSpan((y * width + x) * 3, 3));
            }
        }
        return rgb;
    }

    private static void ToRgb(ReadOnlySpan<byte> pixel, int colours, bool premultiplied, Span<byte> rgb)
    {
        for (int c = 0; c < 3; c++)
        {
            int value = colours switch { 1 => pixel[0], 3 => pixel[c], _ => WithoutInk(pixel[c], pixel[3]) };
            int alpha = pixel[colours];
            rgb[c] = (byte)(premultiplied && alpha is > 0 and < 255 ? Math.Min(255, value * 255 / alpha) : value);
        }
    }

    /// <summary>CMYK to RGB in Pillow's rounding: white less black, less the ink's share of that.</summary>
    private static int WithoutInk(int ink, int black)
    {
        int white = 255 - black, product = ink * white + 128;
        return white - ((product >> 8) + product >> 8);
    }

    private static byte[] ReadAny(Tiff tiff, int width, int height, Source source, string name)
    {
        if (!tiff.RGBAImageOK(out string reason))
            throw new GraftException($"{name}: a TIFF that is not read ({reason}). Convert it.");
        var raster = new int[width * height];
        // asked for the orientation that it has, the library leaves the rows as they are stored
        if (!tiff.ReadRGBAImageOriented(width, height, raster, (Orientation)Field(tiff, TiffTag.ORIENTATION, 1), true))
            throw source.Damage(name);
        var rgb = new byte[raster.Length * 3];
        for (int i = 0; i < raster.Length; i++)
            (rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]) = ((byte)Tiff.GetR(raster[i]), (byte)Tiff.GetG(raster[i]), (byte)Tiff.GetB(raster[i]));
        return rgb;
    }

    private static int Field(Tiff tiff, TiffTag tag, int missing) => tiff.GetFieldDefaulted(tag) is { Length: > 0 } values ? values[0].ToInt() : missing;

    /// <summary>The file's bytes as the library reads them, and what it said was wrong with them.</summary>
    private sealed class Source(byte[] bytes) : TiffStream, IDisposable
    {
        private readonly MemoryStream _stream = new(bytes, writable: false);
        private string? _error;

        static Source() => Tiff.SetErrorHandler(new Collector());

        public GraftException Damage(string name) => new($"{name}: the Tiff data is damaged or ends too early ({_error ?? "no reason given"}).");

        public override int Read(object clientData, byte[] buffer, int offset, int count) => _stream.Read(buffer, offset, count);

        public override long Seek(object clientData, long offset, SeekOrigin origin) => offset == -1 ? -1 : _stream.Seek(offset, origin);

        public override void Close(object clientData)
        {
        }

        public override long Size(object clientData) => _stream.Length;

        public void Dispose() => _stream.Dispose();

        // The library would write to the console; the data that it passes along is the file that is being read.
        private sealed class Collector : TiffErrorHandler
        {
            public override void ErrorHandler(Tiff tif, string method, string format, params object[] args)
            {
            }

            public override void ErrorHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
            {
                if (clientData is Source source)
                    source._error ??= string.Format(CultureInfo.InvariantCulture, format, args);
            }

            public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
            {
            }

            public override void WarningHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
            {
            }
        }
    }
}
