using System.IO.Compression;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Weights;

/// <summary>Parts of archives that are not what the archive says, and descriptions in .graft files that carry a right checksum and are wrong all the same.</summary>
public sealed class ZipPartsTests : IDisposable
{
    private const int CentralSize = 24; // of the unpacked part, in an entry of the central directory

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_part_is_given_back_as_it_was_packed()
    {
        byte[] content = [.. Enumerable.Range(0, 5000).Select(i => (byte)(i * i))];
        Assert.Equal(content, Part(Zip(("a", content))));
        Assert.Null(Part(Zip(("b", content))));
        Assert.Equal(new byte[3 << 20], Part(Zip(("a", new byte[3 << 20])))); // packed a thousandfold: no bomb, there is that much
    }

    [Fact]
    public void A_part_that_is_there_twice_is_refused() => Refused("has 'a' inside 2 times", Zip(("a", new byte[3]), ("a", new byte[4])));

    [Fact]
    public void A_part_that_claims_more_than_its_bytes_can_hold_is_refused_before_there_is_room_made_for_it()
    {
        byte[] zip = Zip(("a", new byte[1000]));
        BitConverter.GetBytes(int.MaxValue).CopyTo(zip, Central(zip) + CentralSize);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused("'a' inside claims 2147483647 bytes, packed into", zip);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    [Theory]
    [InlineData(999, "has not the checksum")] // .NET ends the part where the archive says
    [InlineData(1001, "claims 1001 bytes and unpacks to 1000")]
    public void A_part_of_another_size_than_the_archive_says_is_refused(int claimed, string words)
    {
        byte[] zip = Zip(("a", new byte[1000]));
        BitConverter.GetBytes(claimed).CopyTo(zip, Central(zip) + CentralSize);
        Refused(words, zip);
    }

    [Fact]
    public void A_part_with_a_bit_of_its_content_turned_is_refused()
    {
        byte[] zip = Zip(("a", [.. "These bytes are stored as they are: packing them gains nothing."u8]));
        zip[zip.AsSpan().IndexOf("bytes"u8) is > 0 and var at ? at : 60] ^= 1;
        Refused("", zip);
    }

    [Fact]
    public void Names_that_lead_out_of_a_folder_lead_nowhere()
    {
        string beside = _files["outside"];
        Assert.Null(Part(Zip(("../outside", new byte[4]), ("/outside", new byte[4]))));
        Assert.False(File.Exists(beside));
    }

    [Theory]
    [InlineData("\"tensors\":[", "\"tensors\":[{\"name\":\"x\",\"shape\":[100]},", "goes beyond")]
    [InlineData("\"tensors\":[", "\"tensors\":[{\"name\":\"x\",\"shape\":[-1]},", "is not a .graft model file")]
    [InlineData("\"shape\":[4,3]", "\"shape\":[3,4]", "[4,3] is due")] // as many numbers, of another array
    [InlineData("\"shape\":[4,3]", "\"shape\":[4,2]", "[4,3] is due")]
    [InlineData("weights/fc/kernel", "weights/fc/other", "lacks the weights 'fc/kernel'")]
    [InlineData("\"graph\":", "\"graf\":", "a part of its description is missing")]
    [InlineData("\"nodes\":", "\"n\":", "has no 'nodes'")]
    [InlineData("\"class\":\"Dense\"", "\"class\":\"Dense2\"", "Dense2")]
    [InlineData("\"format\":1", "\"format\":2", "has format 2")]
    public void A_wrong_description_with_a_right_checksum_is_an_error_that_names_the_file(string was, string becomes, string words)
    {
        string path = _files["model.graft"];
        var model = new Sequential(4) { new Dense(3) { Name = "fc" } };
        ModelFile.Save(model, path);
        model.Release();
        Redescribe(path, was, becomes);
        string message = Assert.ThrowsAny<GraftException>(() => ModelFile.Load(path)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Weights_that_are_not_finite_are_given_back_as_they_were_saved()
    {
        string path = _files["diverged.graft"];
        var model = new Sequential(2) { new Dense(1) { Name = "fc", UseBias = false } };
        model.NamedParameters().Single().Parameter.Set([float.NaN, float.PositiveInfinity]);
        ModelFile.Save(model, path);
        model.Release();
        Model again = ModelFile.Load(path).Model;
        Assert.Equal([float.NaN, float.PositiveInfinity], again.NamedParameters().Single().Parameter.Value.ToArray());
        again.Release();
    }

    private static void Redescribe(string path, string was, string becomes)
    {
        Dictionary<string, byte[]> parts = [];
        using (ZipArchive zip = ZipFile.OpenRead(path))
        {
            foreach (ZipArchiveEntry entry in zip.Entries)
                parts[entry.FullName] = ZipParts.Read(zip, path, entry.FullName)!;
        }
        string json = System.Text.Encoding.UTF8.GetString(parts["model.json"]);
        Assert.Contains(was, json, StringComparison.Ordinal);
        parts["model.json"] = System.Text.Encoding.UTF8.GetBytes(json.Replace(was, becomes, StringComparison.Ordinal));
        parts["sha256"] = System.Security.Cryptography.SHA256.HashData([.. parts["model.json"], .. parts["tensors.bin"]]);
        File.WriteAllBytes(path, Zip([.. parts.Select(p => (p.Key, p.Value))]));
    }

    private byte[]? Part(byte[] zip)
    {
        string path = _files.Write("x.zip", zip);
        using ZipArchive archive = ZipFile.OpenRead(path);
        return ZipParts.Read(archive, path, "a");
    }

    private void Refused(string words, byte[] zip)
    {
        string message = Assert.Throws<GraftException>(() => Part(zip)).Message;
        Assert.StartsWith(_files["x.zip"], message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
    }

    private static byte[] Zip(params (string Name, byte[] Bytes)[] parts)
    {
        var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] part) in parts)
            {
                using Stream stream = zip.CreateEntry(name, part.Length < 100 ? CompressionLevel.NoCompression : CompressionLevel.Optimal).Open();
                stream.Write(part);
            }
        }
        return bytes.ToArray();
    }

    private static int Central(byte[] zip) => zip.AsSpan().IndexOf("PK\u0001\u0002"u8);
}
