using System.Buffers.Binary;
using System.Text;
using Graft.Importers;
using Graft.Importers.HuggingFace;
using Graft.Importers.Images;
using Graft.Importers.Keras;
using Graft.Importers.Numpy;
using Graft.Models;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers;

/// <summary>Files that claim what cannot be, lead in circles, or carry names that would spoil a message: one line each, that names the file, for little memory.</summary>
public sealed class FileLimitsTests : IDisposable
{
    private const long MostBytes = 64 << 20;

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void An_index_that_names_itself_or_another_index_as_a_shard_is_refused()
    {
        byte[] index = """{"weight_map":{"w":"model.bin"}}"""u8.ToArray();
        string path = _files.Write("model.bin", index);
        Refused(() => WeightFiles.Open(path), path, "names the shard 'model.bin', which is an index itself");
        path = _files.Write("a.json", """{"weight_map":{"w":"a.json"}}"""u8);
        Refused(() => WeightFiles.Open(path), path, "names the shard 'a.json', which is an index itself");
    }

    [Fact]
    public void Models_and_wrappers_within_one_another_end_on_a_small_stack_too()
    {
        string Nested(int depth, string open, string inner, string close) => string.Concat(Enumerable.Repeat(open, depth)) + inner + string.Concat(Enumerable.Repeat(close, depth));
        const string Dense = """{"class_name":"Dense","config":{"name":"d","units":2,"batch_input_shape":[null,3,3]}}""";
        string models = Nested(40, """{"class_name":"Sequential","config":{"name":"m","layers":[""", Dense, "]}}");
        string wrappers = """{"class_name":"Sequential","config":{"name":"m","layers":[""" + Nested(60, """{"class_name":"TimeDistributed","config":{"name":"t","batch_input_shape":[null,3,3],"layer":""", Dense, "}}") + "]}}";
        string deep = Nested(100_000, "[", "", "]");
        foreach ((string json, string words) in new[] { (models, "models within models, more than 32 deep"), (wrappers, "model.json"), (deep, "model.json") })
        {
            string path = _files.Write("model.json", Encoding.ASCII.GetBytes(json));
            Exception? failure = null;
            var thread = new Thread(() => failure = Record.Exception(() => Refused(() => new KerasImport().Build(path), path, words)), 1 << 19);
            thread.Start();
            thread.Join();
            Assert.Null(failure);
        }
    }

    [Fact]
    public void An_array_of_more_bytes_than_can_be_counted_is_refused()
    {
        string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2147483647, 2147483647), }\n";
        string path = _files.Write("x.npy", [0x93, .. "NUMPY"u8, 1, 0, .. BitConverter.GetBytes((ushort)header.Length), .. Encoding.ASCII.GetBytes(header)]);
        Refused(() => NpyFile.Read(path), path, "out of range");
    }

    [Fact]
    public void A_name_with_line_ends_and_escapes_leaves_a_message_on_one_line()
    {
        string json = "{\"a\\nb\\u001b[2J\":{\"dtype\":\"X\\n9\",\"shape\":[1],\"data_offsets\":[0,4]}}";
        string path = _files.Write("x.safetensors", [.. BitConverter.GetBytes((long)json.Length), .. Encoding.ASCII.GetBytes(json), 0, 0, 0, 0]);
        Refused(() => WeightFiles.Open(path), path, "tensor 'a; b\uFFFD[2J' has type 'X; 9'");
    }

    [Fact]
    public void Settings_that_are_there_twice_or_of_another_kind_are_refused_by_file()
    {
        string config = _files.Write("config.json", """{"model_type":"gpt2","n_head":2,"n_head":3}"""u8);
        Refused(() => Gpt2Config.Open(config), config, "n_head");
        string generation = _files.Write("generation_config.json", """{"eos_token_id":{"a":1}}"""u8);
        Refused(() => GenerationConfigFile.EosTokens(Path.GetDirectoryName(generation)!, new Gpt2Config()), generation, "eos_token_id");
    }

    [Fact]
    public void An_adapter_that_does_not_fit_is_refused_by_its_folder()
    {
        string config = _files.Write("adapter_config.json", """{"peft_type":"LORA","r":-1,"target_modules":["c_attn"]}"""u8), folder = Path.GetDirectoryName(config)!;
        _files.Write("adapter_model.safetensors", [2, 0, 0, 0, 0, 0, 0, 0, .. "{}"u8]);
        Gpt2 model = Gpt2.Build(new Gpt2Config { VocabularySize = 4, Positions = 4, Width = 4, Blocks = 1, Heads = 1 });
        Refused(() => PeftAdapter.Open(folder).AttachTo(model), folder, "Rank is -1");
        model.Release();
    }

    [Fact]
    public void Images_whose_header_says_more_than_their_bytes_can_hold_are_refused_before_there_is_room_made_for_them()
    {
        foreach (byte depth in new byte[] { 8, 16 })
            Refused(() => ImageDecoder.Decode(Png(12000, 12000, depth), "x.png"), "x.png", "cannot hold");
        Refused(() => ImageDecoder.Decode("P3 12000 12000 255\n1 2 3"u8.ToArray(), "x.ppm"), "x.ppm", "truncated");
        Refused(() => ImageDecoder.Decode("P6 12000 12000 255\n123"u8.ToArray(), "x.ppm"), "x.ppm", "truncated");
        Refused(() => ImageDecoder.Decode(Tiff((256, 11), (257, 14_000_000), (277, 3)), "x.tif"), "x.tif", "cannot hold"); // a strip a row, and one strip is there
        Refused(() => ImageDecoder.Decode(Tiff((256, 4), (257, 1), (277, 1), (279, int.MaxValue)), "x.tif"), "x.tif", "strip or tile 0 has 2147483647 bytes");
        Refused(() => ImageDecoder.Decode(Tiff((256, 12000), (257, 12), (277, 65535)), "x.tif"), "x.tif", "65535 samples a pixel");
        byte[] unknown = Tiff((256, 4), (257, 1), (277, 1), (32768, 0));
        BinaryPrimitives.WriteInt32LittleEndian(unknown.AsSpan(unknown.Length - 12), 1 << 27); // the count of the last tag
        Refused(() => ImageDecoder.Decode(unknown, "x.tif"), "x.tif", "tag 32768 has 134217728 values");
        Refused(() => ImageDecoder.Decode(Tiff((256, 16), (257, 16), (277, 1), (322, 1 << 20), (323, 1 << 20)), "x.tif"), "x.tif", "damaged"); // LibTiff's own check
    }

    // A signature, a header with a right checksum, one byte of data, an end.
    private static byte[] Png(int width, int height, byte depth)
    {
        byte[] Chunk(string type, byte[] data)
        {
            byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
            return [.. BigEndian(data.Length), .. body, .. BigEndian((int)Crc(body))];
        }
        return [0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n', .. Chunk("IHDR", [.. BigEndian(width), .. BigEndian(height), depth, 2, 0, 0, 0]), .. Chunk("IDAT", [0x78, 0x9C, 3, 0, 0, 0, 0, 1]), .. Chunk("IEND", [])];
    }

    // Entries of one long each; strips or tiles lie at byte 8.
    private static byte[] Tiff(params (ushort Tag, int Value)[] tags)
    {
        (ushort Tag, int Value)[] all = [.. tags.Concat([((ushort)258, 8), ((ushort)259, 1), ((ushort)262, 1), .. tags.Any(t => t.Tag == 322) ? new (ushort, int)[] { (324, 8), (325, 8) } : [(273, 8), (278, 1), (279, 8)]]).DistinctBy(t => t.Item1).OrderBy(t => t.Item1)];
        return [.. "II*\0"u8, 16, 0, 0, 0, .. new byte[8], .. BitConverter.GetBytes((ushort)all.Length), .. all.SelectMany(t => (byte[])[.. BitConverter.GetBytes(t.Tag), 4, 0, 1, 0, 0, 0, .. BitConverter.GetBytes(t.Value)]), 0, 0, 0, 0];
    }

    private static byte[] BigEndian(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static uint Crc(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++)
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }
        return ~crc;
    }

    private static void Refused(Action read, string path, string words)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Assert.ThrowsAny<GraftException>(read).Message;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
    }
}
