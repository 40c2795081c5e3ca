using System.IO.Compression;
using System.Text;
using Graft.Importers.PyTorch;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.PyTorch;

/// <summary>What is cut off, changed or made up: a clear refusal, never another exception.</summary>
public sealed class TorchDamageTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("tensors_zip.pth")]
    [InlineData("tensors_legacy.pth")]
    public void A_truncated_file_is_refused_by_name(string name)
    {
        byte[] whole = File.ReadAllBytes(TorchGolden.Path(name));
        for (int length = 0; length < whole.Length; length += Math.Max(1, whole.Length / 97))
            Refused("", _files.Write("cut.bin", whole.AsSpan(0, length)));
        Refused("truncated", _files.Write("cut.bin", whole.AsSpan(0, whole.Length - 1)));
    }

    [Theory]
    [InlineData("tensors_zip.pth")]
    [InlineData("tensors_zip_protocol4.pth")]
    [InlineData("checkpoint_legacy.pth")]
    public void A_file_with_changed_bytes_is_read_or_refused_and_does_nothing_else(string name)
    {
        byte[] whole = File.ReadAllBytes(TorchGolden.Path(name));
        var random = new Random(7);
        int refused = 0;
        for (int round = 0; round < 200; round++)
        {
            byte[] changed = [.. whole];
            for (int i = random.Next(1, 4); i > 0; i--)
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            string path = _files.Write("changed.bin", changed);
            Exception? error = Record.Exception(() =>
            {
                foreach ((_, TorchTensor tensor) in TorchFile.Open(path).Tensors().Where(t => t.Tensor.Bytes < 1 << 20))
                    tensor.ReadBytes();
            });
            Assert.True(error is null or GraftException, $"round {round}: {error}");
            refused += error is null ? 0 : 1;
        }
        Assert.InRange(refused, 10, 199);
    }

    [Fact]
    public void A_large_archive_s_fields_are_read()
    {
        byte[] pickle = [0x80, 2, .. Tensor("0", 3, offset: 1, size: 2, stride: 1), (byte)'.'];
        foreach (bool large in new[] { false, true })
        {
            string path = _files.Write("large.pth", TorchBytes.Zip(pickle, large, ("some/data/0", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])));
            Assert.Equal([5, 6, 7, 8, 9, 10, 11, 12], Assert.IsType<TorchTensor>(TorchFile.Open(path).Root).ReadBytes());
        }
    }

    [Theory]
    [InlineData(3, 2, 2, 1, "leaves its storage")]
    [InlineData(3, 0, 2, 3, "leaves its storage")]
    [InlineData(3, -1, 2, 1, "leaves its storage")]
    [InlineData(3, 0, -2, 1, "size (-2)")]
    [InlineData(4, 0, 2, 1, "its entry has 12")]
    public void A_tensor_that_its_storage_does_not_hold_is_refused(int elements, int offset, int size, int stride, string words) =>
        Refused(words, _files.Write("view.pth", TorchBytes.Zip([0x80, 2, .. Tensor("0", elements, offset, size, stride), (byte)'.'], others: ("some/data/0", new byte[12]))));

    [Fact]
    public void Storages_that_are_missing_twice_compressed_or_big_endian_are_refused()
    {
        byte[] pickle = [0x80, 2, .. Tensor("0", 3, 0, 3, 1), (byte)'.'];
        Refused("'some/data/0' twice", _files.Write("twice.pth", TorchBytes.Zip(pickle, others: [("some/data/0", new byte[12]), ("some/data/0", new byte[12])])));
        Refused("no 'some/data/0'", _files.Write("missing.pth", TorchBytes.Zip(pickle)));
        Refused("'big'-endian", _files.Write("big.pth", TorchBytes.Zip(pickle, others: ("some/byteorder", "big"u8.ToArray()))));
        using (ZipArchive zip = ZipFile.Open(_files["packed.pth"], ZipArchiveMode.Create))
        {
            using Stream entry = zip.CreateEntry("packed/data.pkl", CompressionLevel.SmallestSize).Open();
            entry.Write(new byte[1000]);
        }
        Refused("compressed", _files["packed.pth"]);
        using (ZipArchive zip = ZipFile.Open(_files["other.pth"], ZipArchiveMode.Create))
            zip.CreateEntry("letter.txt");
        Refused("It holds letter.txt", _files["other.pth"]);
        Refused("no file of torch.save", _files.Write("text.pth", "no pickle at all"u8));
        Refused("magic number", _files.Write("plain.pth", [0x80, 2, (byte)'N', (byte)'.']));
        Refused("no such file", _files["nowhere.pth"]);
    }

    [Theory]
    [InlineData("N1.", "mark that it did not set")]
    [InlineData("R.", "takes a value where there is none")]
    [InlineData("(NR.", "takes a value where there is none")]
    [InlineData("NNR.", "calls something that is no global")]
    [InlineData("h\u0007.", "recalls value 7")]
    [InlineData("NNs.", "takes a value where there is none")]
    [InlineData("]NNs.", "no dictionary")]
    [InlineData("}Na.", "no list or set")]
    [InlineData("}NNb.", "gives a state")]
    [InlineData("NQ.", "no storage")]
    [InlineData("I1\n.", "opcode 0x49")]
    [InlineData("X\u00FF\u00FF\u00FF\u007Fabc", "ends before its end")]
    [InlineData("B\u00FF\u00FF\u00FF\u00FFabc", "ends before its end")]
    public void A_pickle_that_makes_no_sense_is_refused(string pickle, string words) =>
        Refused(words, _files.Write("odd.pth", TorchBytes.Zip([0x80, 2, .. Encoding.Latin1.GetBytes(pickle)])));

    [Fact]
    public void Containers_that_hold_themselves_or_double_at_each_level_end()
    {
        // [[[..]]] a thousand deep; a list within itself; each list twice in the next, sixty times
        Refused("deep", _files.Write("deep.pth", TorchBytes.Zip([0x80, 2, .. Enumerable.Repeat((byte)']', 1000), .. Enumerable.Repeat((byte)'a', 999), (byte)'.'])), read: true);
        string ring = _files.Write("ring.pth", TorchBytes.Zip([0x80, 2, (byte)']', (byte)'q', 0, (byte)'h', 0, (byte)'a', (byte)'.']));
        Assert.Empty(TorchFile.Open(ring).Tensors());
        byte[] level = [(byte)'q', 0, (byte)'0', (byte)']', (byte)'(', (byte)'h', 0, (byte)'h', 0, (byte)'e'];
        byte[] doubled = [0x80, 2, (byte)']', .. Enumerable.Repeat(level, 60).SelectMany(l => l), (byte)'.'];
        Assert.Empty(TorchFile.Open(_files.Write("doubled.pth", TorchBytes.Zip(doubled))).Tensors());
    }

    [Fact]
    public void A_short_pickle_that_asks_for_gigabytes_is_refused()
    {
        // A megabyte of text, stored, and turned into bytes a thousand times.
        byte[] encode = [.. "c_codecs\nencode\nh\u0000X\u0006\u0000\u0000\u0000latin1\u0086R"u8.ToArray().Where(b => b != 0xC2)], text = new byte[1 << 20];
        text.AsSpan().Fill((byte)'a');
        byte[] pickle = [0x80, 2, (byte)'X', .. BitConverter.GetBytes(text.Length), .. text, (byte)'q', 0, .. Enumerable.Repeat(encode, 1000).SelectMany(e => e), (byte)'.'];
        Refused("copies more than", _files.Write("copies.pth", TorchBytes.Zip(pickle)));
        Refused("whole number of 100000 bytes", _files.Write("long.pth", TorchBytes.Zip([0x80, 2, 0x8B, .. BitConverter.GetBytes(100000), .. new byte[100000], (byte)'.'])));
        Refused("'os.\uFFFD[31m'", _files.Write("red.pth", TorchBytes.Zip([0x80, 2, .. "cos\n\u001b[31m\n"u8])));
    }

    private void Refused(string words, string path, bool read = false)
    {
        string message = Assert.Throws<GraftException>(() =>
        {
            TorchFile file = TorchFile.Open(path);
            if (read)
                file.Tensors();
        }).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
    }

    /// <summary>_rebuild_tensor_v2 over ('storage', torch.FloatStorage, key, 'cpu', elements), one axis.</summary>
    private static byte[] Tensor(string key, int elements, int offset, int size, int stride)
    {
        byte[] Text(string text) => [(byte)'X', .. BitConverter.GetBytes(text.Length), .. Encoding.ASCII.GetBytes(text)];
        byte[] Int(int value) => [(byte)'J', .. BitConverter.GetBytes(value)];
        return
        [
            .. "ctorch._utils\n_rebuild_tensor_v2\n(("u8, .. Text("storage"), .. "ctorch\nFloatStorage\n"u8, .. Text(key), .. Text("cpu"), .. Int(elements), (byte)'t', (byte)'Q',
            .. Int(offset), .. Int(size), 0x85, .. Int(stride), 0x85, 0x89, .. "ccollections\nOrderedDict\n)RtR"u8,
        ];
    }
}
