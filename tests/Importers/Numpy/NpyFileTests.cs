using System.Text;
using Graft.Importers.Numpy;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.Numpy;

/// <summary>.npy files of every type and order, and damaged ones.</summary>
public sealed class NpyFileTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(new int[0])]
    [InlineData(new[] { 3 })]
    [InlineData(new[] { 2, 0, 3 })]
    [InlineData(new[] { 2, 3, 4 })]
    public void What_is_written_is_read_again(int[] dims)
    {
        var shape = new Shape(dims);
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(i => i / 7f)];
        NpyFile.Write(_files["a.npy"], shape, values);
        (Shape read, float[] back) = NpyFile.Read(_files["a.npy"]);
        Assert.Equal(shape, read);
        Assert.Equal(values, back);
        Assert.Equal(0, (new FileInfo(_files["a.npy"]).Length - (4 * shape.Count)) % 64); // NumPy aligns the numbers
        Assert.True(NpyFile.IsOne(_files["a.npy"]));
    }

    public static TheoryData<string, byte[]> Types => new()
    {
        { "<f4", [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(-2f)] },
        { ">f4", [.. Big(BitConverter.GetBytes(1f)), .. Big(BitConverter.GetBytes(-2f))] },
        { "<f8", [.. BitConverter.GetBytes(1.0), .. BitConverter.GetBytes(-2.0)] },
        { ">f8", [.. Big(BitConverter.GetBytes(1.0)), .. Big(BitConverter.GetBytes(-2.0))] },
        { "<f2", [.. BitConverter.GetBytes((Half)1), .. BitConverter.GetBytes((Half)(-2))] },
        { "<i8", [.. BitConverter.GetBytes(1L), .. BitConverter.GetBytes(-2L)] },
        { ">i4", [.. Big(BitConverter.GetBytes(1)), .. Big(BitConverter.GetBytes(-2))] },
        { "<i2", [.. BitConverter.GetBytes((short)1), .. BitConverter.GetBytes((short)-2)] },
        { "|i1", [1, 0xFE] },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public void Signed_numbers_of_every_type_and_byte_order_are_read(string type, byte[] bytes) =>
        Assert.Equal([1, -2], NpyFile.Read(Write(type, "False", "(2,)", bytes)).Values);

    [Theory]
    [InlineData("|u1", new byte[] { 1, 200 })]
    [InlineData("<u2", new byte[] { 1, 0, 200, 0 })]
    [InlineData(">u4", new byte[] { 0, 0, 0, 1, 0, 0, 0, 200 })]
    [InlineData("<u8", new byte[] { 1, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0 })]
    public void Unsigned_numbers_are_read(string type, byte[] bytes) => Assert.Equal([1, 200], NpyFile.Read(Write(type, "False", "(2,)", bytes)).Values);

    [Fact]
    public void Truth_values_are_0_and_1() => Assert.Equal([1, 0, 1], NpyFile.Read(Write("|b1", "False", "(3,)", [1, 0, 1])).Values);

    [Fact]
    public void Arrays_in_columns_come_out_in_rows()
    {
        (Shape shape, float[] values) = NpyFile.Read(Write("|u1", "True", "(2, 3)", [1, 4, 2, 5, 3, 6]));
        Assert.Equal(new Shape(2, 3), shape);
        Assert.Equal([1, 2, 3, 4, 5, 6], values);
        Assert.Equal(24, NpyFile.Read(Write("|u1", "True", "(2, 3, 4)", [.. Enumerable.Range(0, 24).Select(i => (byte)i)])).Values.Distinct().Count());
    }

    [Theory]
    [InlineData("|O", "(2,)", "Python objects, which are never read")]
    [InlineData("<c8", "(2,)", "complex numbers")]
    [InlineData("<U3", "(2,)", "texts")]
    [InlineData("<f4", "(3,)", "cut off")]
    [InlineData("<f4", "(1,)", "damaged")]
    [InlineData("<f4", "(2147483647, 2147483647, 2147483647)", "more elements than can be counted")]
    [InlineData("<f4", "(99999999999,)", "has an axis of 99999999999")]
    [InlineData("<f4", "(-1,)", "has an axis of -1")]
    public void What_is_no_array_of_numbers_is_refused_by_name(string type, string shape, string part)
    {
        string path = Write(type, "False", shape, new byte[8]);
        GraftException e = Assert.ThrowsAny<GraftException>(() => NpyFile.Read(path));
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(part, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lengths_that_the_file_does_not_have_take_no_memory()
    {
        string path = _files.Write("b.npy", [0x93, .. "NUMPY"u8, 2, 0, 0xFF, 0xFF, 0xFF, 0x7F, .. "{"u8]);
        Assert.Contains("its header is said to have 2147483647 bytes", Assert.Throws<GraftException>(() => NpyFile.Read(path)).Message, StringComparison.Ordinal);
        Assert.Contains("no .npy file", Assert.Throws<GraftException>(() => NpyFile.Read(_files.Write("c.npy", "PK"u8))).Message, StringComparison.Ordinal);
        Assert.Contains("no such file", Assert.Throws<GraftException>(() => NpyFile.Read(_files["none.npy"])).Message, StringComparison.Ordinal);
    }

    private string Write(string type, string columns, string shape, byte[] numbers)
    {
        byte[] header = Encoding.ASCII.GetBytes($"{{'descr': '{type}', 'fortran_order': {columns}, 'shape': {shape}, }}\n");
        return _files.Write("x.npy", [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. header, .. numbers]);
    }

    private static byte[] Big(byte[] little) => [.. little.Reverse()];
}
