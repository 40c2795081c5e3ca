using System.Diagnostics;
using Graft.Importers.Inspection;
using Graft.Importers.Keras;
using Graft.Tests.Golden;
using Xunit;
using static Graft.Tests.Importers.Keras.Hdf5Bytes;

namespace Graft.Tests.Importers.Keras;

/// <summary>HDF5 that says what is not true: each file is refused in one line, at once, and for little memory, whatever PureHDF would have done with it.</summary>
public sealed class Hdf5DamageTests : IDisposable
{
    private const long MostBytes = 64 << 20; // what may be allocated for a small file

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_file_of_these_bytes_that_is_true_is_read()
    {
        var file = new Hdf5Bytes();
        ulong data = file.Add([.. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(-2f)]);
        ulong array = file.Array(Space(2), Contiguous(data, 8));
        string path = Write(file, file.Header(LinksHere, Link("x", array), Attribute("unit", Float32, Space(), BitConverter.GetBytes(3f))));
        Assert.Equal([1.5f, -2f], Hdf5Arrays.Read(path, "x").Values);
        Assert.Equal(["x"], Hdf5Arrays.NamesOf(path));
        Assert.Contains(FileInspector.Open(path).Facts, f => f == ("unit", "3"));
    }

    [Fact]
    public void An_array_larger_than_the_file_is_refused_before_there_is_room_made_for_it()
    {
        Refused("an array has 2147483648 bytes", f => f.Array(Space(1 << 29), Contiguous(48, 1UL << 31)));
        Refused("an array has", f => f.Array(Space(1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20), Contiguous(48, 4))); // the product does not fit into 64 bits
        Refused("an extent of 4294967296", f => f.Array(Space(1UL << 32), Contiguous(48, 4)));
        Refused("an array has 4294967292 bytes", f => f.Array(Space((1UL << 30) - 1), Contiguous(Undefined, 0))); // never written: all fill value
    }

    [Fact]
    public void Chunks_that_cannot_be_in_the_file_are_refused()
    {
        Refused("a chunk of it cannot be in a file", f => f.Array(Space(4), Chunked(Undefined, 1u << 29)));
        Refused("an array has 4294967292 bytes", f => f.Array(Space((1UL << 30) - 1), Chunked(Undefined, 1)));
        Refused("an array has 0 bytes", f => f.Array(Space(4), Chunked(Undefined, 0))); // a chunk of nothing: a division by zero
        // a tree whose only chunk says that 2 GB of it are in the file
        Refused("a chunk of an array of 2147483632 bytes", f => f.Array(Space(4), Chunked(f.Add([.. Tree(1, 0, 1), .. BitConverter.GetBytes(0x7FFF_FFF0), .. new byte[4 + 16], .. BitConverter.GetBytes(48UL), .. new byte[24]]), 4)));
    }

    [Fact]
    public void A_packed_chunk_that_unpacks_to_more_than_a_chunk_is_refused()
    {
        using var packed = new MemoryStream();
        using (var zlib = new System.IO.Compression.ZLibStream(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(new byte[1 << 22]);
        byte[] bytes = packed.ToArray();
        Refused("Filter pipeline failed", f =>
        {
            ulong chunk = f.Add(bytes);
            ulong tree = f.Add([.. Tree(1, 0, 1), .. BitConverter.GetBytes(bytes.Length), .. new byte[4 + 16], .. BitConverter.GetBytes(chunk), .. new byte[8], .. BitConverter.GetBytes(4UL), .. new byte[8]]);
            return f.Array(Space(4), Chunked(tree, 4), (0x0B, [2, 1, 1, 0, 0, 0, 1, 0, 6, 0, 0, 0]));
        });
    }

    [Fact]
    public void An_attribute_that_claims_more_than_its_message_is_refused()
    {
        RefusedRoot("an attribute has 536870912 elements of 4 bytes", _ => Attribute("a", Float32, Space(1 << 29), new byte[8]));
        RefusedRoot("an attribute has 1 elements of 2147483647 bytes", _ => Attribute("a", [0x13, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F], Space(1), new byte[8]));
    }

    [Fact]
    public void Types_within_types_end_somewhere()
    {
        byte[] nested = [.. Enumerable.Range(0, 1000).SelectMany(_ => (byte[])[0x19, 0, 0, 0, 16, 0, 0, 0]), .. Float32]; // of any length, of any length, ...
        RefusedRoot("types are nested more than 16 deep", _ => Attribute("a", nested, Space(1), new byte[16]));
        RefusedRoot("an enumeration has values of 2147483647 bytes", _ => Attribute("a", [0x38, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, .. Float32, 0, 0], Space(1), new byte[8]));
    }

    [Fact]
    public void An_object_header_that_leads_back_to_itself_is_refused() =>
        RefusedRoot("an object header leads back to itself", f =>
        {
            ulong block = f.Next;
            f.Add([.. "OCHK"u8, 0x10, 16, 0, 0, .. BitConverter.GetBytes(block), .. BitConverter.GetBytes(28UL), 0, 0, 0, 0]);
            return (0x10, [.. BitConverter.GetBytes(block), .. BitConverter.GetBytes(28UL)]);
        });

    [Fact]
    public void A_group_that_holds_itself_ends_nothing()
    {
        var file = new Hdf5Bytes();
        ulong root = file.Next; // a header's place is known before its content is
        file.Header(LinksHere, Link("layers", root), Link("again", root));
        string path = Write(file, root);
        foreach (Action read in new Action[] { () => FileInspector.Open(path), () => KerasHdf5.Open(path), () => Hdf5Arrays.NamesOf(path) })
            RefusedBy(read, path, "without end", "no end");
    }

    [Fact]
    public void Links_by_a_path_are_refused_since_they_may_lead_to_each_other()
    {
        RefusedRoot("a link leads to an object by its path", _ => SoftLink("a", "a"));
        byte[] entry = [.. new byte[8], .. BitConverter.GetBytes(Undefined), 2, 0, 0, 0, 0, 0, 0, 0, .. new byte[16]];
        RefusedRoot("a link leads to an object by its path", f =>
        {
            ulong names = f.Add([.. "SNOD"u8, 1, 0, 1, 0, .. entry]), text = f.Add([(byte)'a', 0, 0, 0, 0, 0, 0, 0]);
            return SymbolTable(f.Add([.. Tree(0, 0, 1), .. new byte[8], .. BitConverter.GetBytes(names), .. new byte[8]]), f.Add([.. "HEAP"u8, 0, 0, 0, 0, .. BitConverter.GetBytes(8UL), .. BitConverter.GetBytes(Undefined), .. BitConverter.GetBytes(text)]));
        });
    }

    [Fact]
    public void A_name_of_thousands_of_parts_makes_no_tree_of_as_many_levels()
    {
        byte[] name = [.. Enumerable.Range(0, 30_000).SelectMany(_ => "a\\"u8.ToArray()), (byte)'b']; // Keras 2.12 to 2.15 wrote paths of Windows into names
        var file = new Hdf5Bytes();
        ulong array = file.Array(Space(), Contiguous(48, 4)), layers = file.Header(LinksHere, (0x06, [1, 1, (byte)name.Length, (byte)(name.Length >> 8), .. name, .. BitConverter.GetBytes(array)]));
        string path = Write(file, file.Header(LinksHere, Link("layers", layers)));
        RefusedBy(() => KerasHdf5.Open(path), path, "a name has 30001 parts");
    }

    [Fact]
    public void What_lies_in_other_files_is_refused()
    {
        RefusedRoot("a link leads into another file", _ => (0x06, [1, 8, 64, 1, (byte)'a', 13, 0, 0, .. "/etc/x\0/data\0"u8]));
        Refused("an array lies in another file", f => f.Array(Space(4), Contiguous(Undefined, 16), (0x07, [1, 0, 0, 0, 1, 0, 1, 0, .. BitConverter.GetBytes(48UL), .. new byte[24]])));
        Refused("a view of arrays in other files", f => f.Array(Space(4), [4, 3, .. BitConverter.GetBytes(48UL), 1, 0, 0, 0]));
    }

    [Fact]
    public void Heaps_and_trees_that_claim_more_than_the_file_are_refused()
    {
        RefusedRoot("a heap of names of 2147483647 bytes", f => SymbolTable(f.Add([.. Tree(0, 0, 0), .. new byte[8]]), f.Add([.. "HEAP"u8, 0, 0, 0, 0, .. BitConverter.GetBytes(0x7FFF_FFFFUL), .. BitConverter.GetBytes(Undefined), .. BitConverter.GetBytes(48UL)])));
        RefusedRoot("a tree of", f => SymbolTable(f.Add(Tree(0, 0, 65535)), f.Add([.. "HEAP"u8, 0, 0, 0, 0, .. BitConverter.GetBytes(8UL), .. BitConverter.GetBytes(Undefined), .. BitConverter.GetBytes(48UL)])));
        // a text of any length in a collection whose only object has 2 GB
        RefusedRoot("a heap of texts is damaged", f => Attribute("a", [0x19, 1, 0, 0, 16, 0, 0, 0, 0x13, 0, 0, 0, 1, 0, 0, 0], Space(), [4, 0, 0, 0, .. BitConverter.GetBytes(f.Add([.. "GCOL"u8, 1, 0, 0, 0, .. BitConverter.GetBytes(4096UL), 1, 0, 1, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(0x7FFF_FFFFUL), .. new byte[4096]])), 1, 0, 0, 0]));
        // names in a fractal heap: its table of no width; a second tree of records of 1 byte in nodes of 4 GB
        byte[] heap = [.. "FRHP"u8, 0, 7, 0, 0, 0, 0, 0, 16, 0, 0, .. new byte[12 * 8], 0, 0, .. BitConverter.GetBytes(512UL), .. BitConverter.GetBytes(65536UL), 32, 0, 1, 0, .. BitConverter.GetBytes(48UL), 0, 0, 0, 0, 0, 0];
        byte[] tree = [.. "BTHD"u8, 0, 5, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0, 100, 40, .. BitConverter.GetBytes(48UL), 1, 0, .. BitConverter.GetBytes(1UL), 0, 0, 0, 0, .. new byte[128]];
        (int, byte[]) Dense(Hdf5Bytes f, byte[] h, byte[] t) => (0x02, [0, 0, .. BitConverter.GetBytes(f.Add(h)), .. BitConverter.GetBytes(f.Add(t))]);
        RefusedRoot("its table has 0 rows of 0 blocks", f => Dense(f, [.. heap, .. new byte[160]], tree));
        byte[] wide = [.. heap];
        wide[110] = 4;
        RefusedRoot("its nodes of 4294967295 bytes", f => Dense(f, [.. wide, .. new byte[160]], tree));
    }

    [Fact]
    public void Addresses_of_an_odd_width_and_data_behind_something_else_are_refused()
    {
        var file = new Hdf5Bytes();
        byte[] good = file.File(file.Header(LinksHere));
        foreach ((int at, byte value, string words) in new[] { (9, (byte)3, "addresses have 3 bytes"), (10, (byte)0, "lengths 0"), (12, (byte)1, "begin at byte 1 of the file") })
        {
            byte[] bad = [.. good];
            bad[at] = value;
            string path = _files.Write("bad.h5", bad);
            RefusedBy(() => Hdf5Arrays.NamesOf(path), path, words);
        }
    }

    private static byte[] Tree(byte kind, byte level, ushort used) => [.. "TREE"u8, kind, level, .. BitConverter.GetBytes(used), .. BitConverter.GetBytes(Undefined), .. BitConverter.GetBytes(Undefined)];

    // An array "layers" in the root.
    private void Refused(string words, Func<Hdf5Bytes, ulong> array)
    {
        var file = new Hdf5Bytes();
        ulong at = array(file);
        string path = Write(file, file.Header(LinksHere, Link("layers", at)));
        RefusedBy(() => Hdf5Arrays.Read(path, "layers"), path, words);
    }

    private void RefusedRoot(string words, Func<Hdf5Bytes, (int, byte[])> message)
    {
        var file = new Hdf5Bytes();
        (int Type, byte[] Bytes) own = message(file);
        string path = Write(file, own.Type is 0x02 or 0x11 ? file.Header(own) : file.Header(LinksHere, own));
        RefusedBy(() => FileInspector.Open(path), path, words);
    }

    private string Write(Hdf5Bytes file, ulong root) => _files.Write("file.h5", file.File(root));

    private static void RefusedBy(Action read, string path, params string[] words)
    {
        long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        string message = Assert.ThrowsAny<GraftException>(read).Message;
        Assert.True(Stopwatch.GetElapsedTime(start).TotalSeconds < 10, message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.True(words.Any(w => message.Contains(w, StringComparison.Ordinal)), message);
    }
}
