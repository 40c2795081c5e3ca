using System.Runtime.InteropServices;

namespace Graft.Importers.Hdf5;

/// <summary>An array to be written.</summary>
/// <param name="Type">Of its numbers.</param>
/// <param name="Shape">Its extents; none for a single number.</param>
/// <param name="Write">Writes the numbers, row-major, little-endian.</param>
internal sealed record Hdf5Array(Hdf5Type Type, Shape Shape, Action<Stream> Write)
{
    private const byte FillNever = 2; // space is taken when it is written, a fill value written if there is one: h5py's default

    /// <summary>Numbers in single precision, which are asked for when they are written.</summary>
    public static Hdf5Array Of(Shape shape, Func<float[]> read) => new(Hdf5Type.Float32, shape, stream => stream.Write(MemoryMarshal.AsBytes<float>(read())));

    /// <summary>One number in single precision.</summary>
    public static Hdf5Array Of(float value) => Of(Shape.Scalar, () => [value]);

    /// <summary>One whole number of 32 bits.</summary>
    public static Hdf5Array Of(int value) => new(Hdf5Type.Int32, Shape.Scalar, stream => stream.Write(BitConverter.GetBytes(value)));

    /// <summary>One whole number of 64 bits.</summary>
    public static Hdf5Array Of(long value) => Of(Shape.Scalar, value);

    /// <summary>Whole numbers of 64 bits.</summary>
    public static Hdf5Array Of(Shape shape, params long[] values) => new(Hdf5Type.Int64, shape, stream => stream.Write(MemoryMarshal.AsBytes<long>(values)));

    /// <summary>Takes room for the object header and the numbers; returns the header's address.</summary>
    public long Place(Hdf5Layout layout)
    {
        long bytes = Shape.Count * Type.Size, data = Hdf5Layout.Undefined;
        byte[] Header() => Hdf5Header.Of(
        [
            (Hdf5Header.Space, Hdf5Space.Message(Shape.Dims)), (Hdf5Header.Type, Type.Message), (Hdf5Header.FillValue, [2, FillNever, FillNever, 1, 0, 0, 0, 0]),
            (Hdf5Header.Layout, new Hdf5Bytes().Byte(3).Byte(1).Int64(data).Int64(bytes).ToArray()),
        ]);
        long header = layout.Reserve(Header().Length, Header);
        if (bytes > 0)
            data = layout.Reserve(bytes, Write);
        return header;
    }
}
