using System.Text;
using PureHDF;
using PureHDF.VOL.Native;

namespace Graft.Tests.Golden;

/// <summary>What an HDF5 file holds, a line for each thing: paths with types and shapes, attributes with their types and texts, and numbers by their bits.</summary>
internal static class Hdf5Outline
{
    private const int NameSizeAt = 2, NameAt = 8, TypeBytes = 8;

    /// <summary>The outline of a file.</summary>
    public static SortedDictionary<string, string> Of(byte[] file)
    {
        var lines = new SortedDictionary<string, string>(StringComparer.Ordinal);
        using var stream = new MemoryStream(file);
        using NativeFile root = H5File.Open(stream);
        Add(root, "", lines);
        return lines;
    }

    /// <summary>
    /// The types of all attributes of a name, as their messages have them: class, padding, character set and size. PureHDF does not tell padding and character set;
    /// Keras's readers do ("bytes" or "str").
    /// </summary>
    public static string[] TypesOf(byte[] file, string attribute)
    {
        byte[] name = [.. Encoding.ASCII.GetBytes(attribute), 0];
        var types = new List<string>();
        for (int at = 0; (at = Next(file, name, at)) >= 0; at += name.Length)
        {
            int head = at - NameAt; // a message of version 1: version, 0, sizes of name, type and space, the name, the type
            if (head >= 0 && file[head] == 1 && BitConverter.ToUInt16(file, head + NameSizeAt) == name.Length)
                types.Add(Convert.ToHexString(file.AsSpan(at + (name.Length + 7) / 8 * 8, TypeBytes)));
        }
        return [.. types.Order(StringComparer.Ordinal)];
    }

    private static int Next(byte[] file, byte[] name, int from) => file.AsSpan(from).IndexOf(name) is var at && at < 0 ? -1 : from + at;

    private static void Add(IH5Object item, string path, SortedDictionary<string, string> lines)
    {
        foreach (IH5Attribute attribute in item.Attributes())
            lines[$"{path}@{attribute.Name}"] = $"{Type(attribute.Type)} {Shape(attribute.Space)} {Text(attribute)}";
        if (item is IH5Dataset dataset)
            lines[path] = $"{Type(dataset.Type)} {Shape(dataset.Space)} {dataset.Layout.Class} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Bytes(dataset)))[..16]}";
        if (item is not IH5Group group)
            return;
        lines[$"{path}/"] = "group";
        foreach (IH5Object child in group.Children())
            Add(child, $"{path}/{child.Name}", lines);
    }

    private static byte[] Bytes(IH5Dataset dataset) => dataset.Space.Type == H5DataspaceType.Scalar ? dataset.Type.Size == 8 ? BitConverter.GetBytes(dataset.Read<long>()) : BitConverter.GetBytes(dataset.Read<int>()) : dataset.Read<byte[]>();

    private static string Type(IH5DataType type) => type.Class == H5DataTypeClass.FixedPoint ? $"{(type.FixedPoint.IsSigned ? "" : "u")}int{type.Size * 8}" : $"{type.Class}{type.Size * 8}";

    private static string Shape(IH5Dataspace space) => space.Type == H5DataspaceType.Scalar ? "scalar" : $"[{string.Join(',', space.Dimensions)}]";

    private static string Text(IH5Attribute attribute) => attribute.Space.Type == H5DataspaceType.Scalar ? attribute.Read<string>()
        : attribute.Space.Dimensions is [0] ? "" : string.Join(' ', attribute.Read<string[]>().Select(t => t.TrimEnd('\0')));
}
