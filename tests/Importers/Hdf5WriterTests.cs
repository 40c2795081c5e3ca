using Graft.Importers.Hdf5;
using Graft.Importers.Keras;
using PureHDF;
using PureHDF.VOL.Native;
using Xunit;

namespace Graft.Tests.Importers;

/// <summary>HDF5 files of our own, read by a reader of others.</summary>
public sealed class Hdf5WriterTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8)] // a node of symbols
    [InlineData(9)]
    [InlineData(256)] // a node of the tree above 32 of them
    [InlineData(257)]
    [InlineData(8193)] // two levels above
    public void A_group_of_any_size_lists_its_children_and_finds_each(int children)
    {
        var root = new Hdf5Group();
        Hdf5Group group = root.Group("a/b");
        for (int i = 0; i < children; i++)
            group.Add($"array_{i}", Hdf5Array.Of(i));
        using NativeFile file = Open(root);
        IH5Group found = file.Group("a/b");
        Assert.Equal(Enumerable.Range(0, children).Select(i => $"array_{i}").Order(StringComparer.Ordinal), found.Children().Select(c => c.Name));
        foreach (int i in Enumerable.Range(0, children).Where(i => i % 61 == 0 || i == children - 1))
            Assert.Equal(i, found.Dataset($"array_{i}").Read<int>());
    }

    [Fact]
    public void Numbers_of_all_kinds_and_shapes_come_back()
    {
        float[] numbers = [.. Enumerable.Range(0, 24).Select(i => i / 7f), float.NaN, float.NegativeInfinity];
        var root = new Hdf5Group();
        root.Add("matrix", Hdf5Array.Of(new Shape(2, 13), () => numbers));
        root.Add("number", Hdf5Array.Of(0.1f));
        root.Add("step", Hdf5Array.Of(long.MinValue));
        root.Add("steps", Hdf5Array.Of(new Shape(2), long.MaxValue, 3));
        root.Add("count", Hdf5Array.Of(-5));
        root.Add("nothing", Hdf5Array.Of(new Shape(0, 3), () => []));
        using NativeFile file = Open(root);
        Assert.Equal([2UL, 13], file.Dataset("matrix").Space.Dimensions);
        Assert.Equal(numbers, file.Dataset("matrix").Read<float[]>());
        Assert.Equal(0.1f, file.Dataset("number").Read<float>());
        Assert.Equal(long.MinValue, file.Dataset("step").Read<long>());
        Assert.Equal([long.MaxValue, 3], file.Dataset("steps").Read<long[]>());
        Assert.Equal(-5, file.Dataset("count").Read<int>());
        Assert.Equal([0UL, 3], file.Dataset("nothing").Space.Dimensions);
        Assert.Equal(H5DataspaceType.Scalar, file.Dataset("step").Space.Type);
    }

    [Fact]
    public void Texts_come_back_whatever_their_length_and_however_they_are_stored()
    {
        string longest = new('x', 300_000); // more than a collection of the global heap takes otherwise
        string[] names = ["conv", "", "dense_12"];
        var root = new Hdf5Group();
        root.Add(Hdf5Attribute.Ascii("config", longest));
        root.Add(Hdf5Attribute.Utf8("name", "Schicht ä"));
        root.Add(Hdf5Attribute.List("padded", names, isPadded: true));
        root.Add(Hdf5Attribute.List("free", names, isPadded: false));
        root.Add(Hdf5Attribute.List("none", [], isPadded: true));
        for (int i = 0; i < 2000; i++)
            root.Group("many").Add(Hdf5Attribute.Ascii($"a{i}", $"text {i}"));
        using NativeFile file = Open(root);
        Assert.Equal(longest, KerasCatalog.Text(file, "config"));
        Assert.Equal("Schicht ä", KerasCatalog.Text(file, "name"));
        Assert.Equal(names, KerasCatalog.List(file, "padded"));
        Assert.Equal(names, KerasCatalog.List(file, "free"));
        Assert.Empty(KerasCatalog.List(file, "none"));
        Assert.Equal(H5DataTypeClass.FloatingPoint, file.Attribute("none").Type.Class); // numpy's empty array
        Assert.All(Enumerable.Range(0, 20).Select(i => i * 100), i => Assert.Equal($"text {i}", KerasCatalog.Text(file.Group("many"), $"a{i}")));
    }

    [Fact]
    public void What_cannot_be_written_is_refused_by_name()
    {
        var root = new Hdf5Group();
        root.Add("a/b", Hdf5Array.Of(1));
        Assert.Contains("'a/b'", Assert.Throws<GraftException>(() => root.Add("a/b", Hdf5Array.Of(2))).Message, StringComparison.Ordinal);
        Assert.Contains("'a/b/c'", Assert.Throws<GraftException>(() => root.Add("a/b/c/d", Hdf5Array.Of(2))).Message, StringComparison.Ordinal);
        Assert.Contains("not ASCII", Assert.Throws<GraftException>(() => Hdf5Attribute.Ascii("layer", "ä")).Message, StringComparison.Ordinal);
        root.Add(Hdf5Attribute.List("names", [.. Enumerable.Repeat(new string('n', 700), 100)], isPadded: true));
        Assert.Contains("70", Assert.Throws<GraftException>(() => Hdf5Writer.Write(Stream.Null, root)).Message, StringComparison.Ordinal);
    }

    private static NativeFile Open(Hdf5Group root)
    {
        var stream = new MemoryStream();
        Hdf5Writer.Write(stream, root);
        stream.Position = 0;
        return H5File.Open(stream);
    }
}
