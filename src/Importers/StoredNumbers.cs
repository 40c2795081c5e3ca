using System.Numerics;
using System.Runtime.InteropServices;
using Graft.Kernels;

namespace Graft.Importers;

/// <summary>Numbers of a file as float32: 16 bits are widened exactly, 64 bits are rounded.</summary>
internal static class StoredNumbers
{
    private const int Piece = 1 << 24; // elements that are mapped in one span; a span holds at most 2^31 - 1 bytes

    /// <summary>Reads consecutive numbers; the file is mapped, so that nothing but the destination takes memory.</summary>
    /// <exception cref="GraftException">The file has become shorter or cannot be read.</exception>
    public static void ReadInto(string path, long offset, StoredType type, Span<float> destination)
    {
        if (destination.IsEmpty)
            return;
        int size = type.Size();
        using MappedFile file = Map(path, offset, (long)destination.Length * size);
        for (int from = 0; from < destination.Length; from += Piece)
        {
            int count = Math.Min(Piece, destination.Length - from);
            Widen(file.Bytes((long)from * size, count * size), type, destination.Slice(from, count));
        }
    }

    /// <summary>Maps a range of a weight file.</summary>
    /// <exception cref="GraftException">The file has become shorter or cannot be read.</exception>
    public static MappedFile Map(string path, long offset, long bytes)
    {
        try
        {
            return new MappedFile(path, offset, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path}: {(e is EndOfStreamException ? $"{e.Message}; it has become shorter since it was opened" : $"cannot be read any more ({e.Message})")}.", e);
        }
    }

    /// <summary>Widens or rounds numbers that lie in memory.</summary>
    public static void Widen(ReadOnlySpan<byte> source, StoredType type, Span<float> destination)
    {
        switch (type)
        {
            case StoredType.Float32:
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case StoredType.BFloat16:
                WidenHalves<BFloat16Bits>(MemoryMarshal.Cast<byte, ushort>(source), MemoryMarshal.Cast<float, uint>(destination));
                break;
            case StoredType.Float16:
                WidenHalves<Float16Bits>(MemoryMarshal.Cast<byte, ushort>(source), MemoryMarshal.Cast<float, uint>(destination));
                break;
            case StoredType.Float64:
                ReadOnlySpan<double> doubles = MemoryMarshal.Cast<byte, double>(source);
                for (int i = 0; i < destination.Length; i++)
                    destination[i] = (float)doubles[i];
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "Weights are floating point.");
        }
    }

    private interface IWidening
    {
        static abstract Vector<uint> Widen(Vector<uint> bits);

        static abstract uint Widen(ushort bits);
    }

    private static void WidenHalves<T>(ReadOnlySpan<ushort> source, Span<uint> destination)
        where T : struct, IWidening
    {
        int i = 0;
        for (; i + Vector<ushort>.Count <= source.Length; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            T.Widen(low).CopyTo(destination[i..]);
            T.Widen(high).CopyTo(destination[(i + Vector<uint>.Count)..]);
        }
        for (; i < source.Length; i++)
            destination[i] = T.Widen(source[i]);
    }

    private readonly struct BFloat16Bits : IWidening
    {
        public static Vector<uint> Widen(Vector<uint> bits) => bits << 16;

        public static uint Widen(ushort bits) => (uint)bits << 16;
    }

    /// <summary>
    /// Exponent and fraction go to their place in float32; times 2^112 the exponent's bias becomes that of float32, subnormal numbers
    /// included, and nothing is rounded. Infinity and NaN get float32's exponent of all ones.
    /// </summary>
    private readonly struct Float16Bits : IWidening
    {
        private const uint Magnitude = 0x7FFF, Infinity = 0x7C00, WideInfinity = 0x7F80_0000, Rebias = 0x7780_0000; // 2^112

        public static Vector<uint> Widen(Vector<uint> bits)
        {
            Vector<uint> magnitude = bits & new Vector<uint>(Magnitude);
            Vector<uint> scaled = Vector.AsVectorUInt32(Vector.AsVectorSingle(magnitude << 13) * Vector.AsVectorSingle(new Vector<uint>(Rebias)));
            Vector<uint> special = Vector.GreaterThanOrEqual(magnitude, new Vector<uint>(Infinity)) & ((magnitude << 13) | new Vector<uint>(WideInfinity));
            return Vector.ConditionalSelect(Vector.Equals(special, Vector<uint>.Zero), scaled, special) | ((bits ^ magnitude) << 16);
        }

        public static uint Widen(ushort bits)
        {
            uint magnitude = bits & Magnitude, sign = (bits ^ magnitude) << 16;
            return sign | (magnitude >= Infinity ? (magnitude << 13) | WideInfinity
                : BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle(magnitude << 13) * BitConverter.UInt32BitsToSingle(Rebias)));
        }
    }
}
