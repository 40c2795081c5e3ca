using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Graft.Tests.Golden;

/// <summary>Reads NumPy's .npy files (format 1.0, C order, uint8, int32 or float32), plain or gzipped.</summary>
internal static partial class Npy
{
    public static (int[] Shape, float[] Values) Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (path.EndsWith(".gz", StringComparison.Ordinal))
        {
            using var gzip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            using var plain = new MemoryStream();
            gzip.CopyTo(plain);
            bytes = plain.ToArray();
        }
        int header = 10 + BitConverter.ToUInt16(bytes, 8);
        string text = Encoding.ASCII.GetString(bytes, 10, header - 10);
        int[] shape = [.. ShapeField().Match(text).Groups[1].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(d => int.Parse(d, CultureInfo.InvariantCulture))];
        ReadOnlySpan<byte> data = bytes.AsSpan(header);
        if (text.Contains("<i4", StringComparison.Ordinal))
            return (shape, Array.ConvertAll(MemoryMarshal.Cast<byte, int>(data).ToArray(), i => (float)i));
        return (shape, text.Contains("<f4", StringComparison.Ordinal) ? MemoryMarshal.Cast<byte, float>(data).ToArray() : Array.ConvertAll(data.ToArray(), b => (float)b));
    }

    [GeneratedRegex(@"'shape': \(([^)]*)\)")]
    private static partial Regex ShapeField();
}
