using System.Runtime.InteropServices;
using Google.Protobuf;
using Graft.Importers;
using Graft.Importers.Onnx;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.Onnx;

public sealed class OnnxWeightsTests : IDisposable
{
    private const int Float = 1, Int64 = 7, Half = 10, Double = 11, BFloat16 = 16;

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Numbers_are_read_raw_packed_in_pieces_and_one_by_one()
    {
        float[] numbers = [1.5f, -2, 3.25f, 1e-20f, 5, 6];
        byte[] bytes = MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray();
        OnnxWeights file = Open(Model(
            Tensor("raw", Float, [2, 3], m => Bytes(m, 9, bytes)),
            Tensor("packed", Float, [2, 3], m => Bytes(m, 4, bytes)),
            Tensor("pieces", Float, [2, 3], m => Bytes(Bytes(m, 4, bytes[..8]), 4, bytes[8..])),
            Tensor("single", Float, [2, 3], m => numbers.Aggregate(m, Fixed32)),
            Tensor("scalar", Float, [], m => Bytes(m, 9, bytes[..4])),
            Tensor("none", Float, [0, 3], m => m),
            Tensor("axes", Int64, [1], m => Bytes(m, 9, new byte[8]))));
        Assert.Equal(["none", "packed", "pieces", "raw", "scalar", "single"], file.Names.Order(StringComparer.Ordinal));
        foreach (string name in new[] { "raw", "packed", "pieces", "single" })
        {
            Assert.Equal(new Shape(2, 3), file.ShapeOf(name));
            Assert.Equal(numbers, file.Read(name));
        }
        Assert.Equal([1.5f], file.Read("scalar"));
        Assert.Empty(file.Read("none"));
    }

    [Fact]
    public void Halves_are_widened_and_doubles_rounded()
    {
        OnnxWeights file = Open(Model(
            Tensor("half", Half, [2], m => Bytes(m, 9, MemoryMarshal.AsBytes<Half>([(Half)1.5f, (Half)(-0.0001f)]).ToArray())),
            Tensor("brain", BFloat16, [1], m => Bytes(m, 9, [0xC0, 0x3F])), // 0x3FC0: the upper half of 1.5
            Tensor("double", Double, [1], m => Bytes(m, 10, BitConverter.GetBytes(0.1)))));
        Assert.Equal([1.5f, (float)(Half)(-0.0001f)], file.Read("half"));
        Assert.Equal([1.5f], file.Read("brain"));
        Assert.Equal([0.1f], file.Read("double"));
    }

    [Fact]
    public void Numbers_in_another_file_are_read_from_beside_the_model()
    {
        float[] numbers = [1, 2, 3, 4];
        byte[] place = [.. new byte[8], .. MemoryMarshal.AsBytes(numbers.AsSpan())];
        byte[] Entry(string key, string value) => Message(m => Text(Text(m, 1, key), 2, value));
        byte[] model = Model(Tensor("w", Float, [2, 2], m => Number(Bytes(Bytes(Bytes(m, 13, Entry("location", "model.bin")), 13, Entry("offset", "8")), 13, Entry("length", "16")), 14, 1)));
        Refused(model, "'w'", "another file", "model.bin", "not there");
        _files.Write("model.bin", place.AsSpan(0, 20));
        Refused(model, "bytes 8 to 23", "has 20 bytes");
        _files.Write("model.bin", place);
        Assert.Equal(numbers, Open(model).Read("w"));
        foreach (string outside in new[] { "../model.bin", "/etc/hostname", "" })
            Refused(Model(Tensor("w", Float, [2], m => Number(Bytes(m, 13, Entry("location", outside)), 14, 1))), "no file in the folder of the model");
    }

    [Theory]
    [InlineData(new long[] { 3 }, "holds 8 bytes, 12 are due")]
    [InlineData(new long[] { -1 }, "an axis of -1")]
    [InlineData(new long[] { 1L << 40 }, "an axis of 1099511627776")]
    [InlineData(new long[] { 1 << 30, 1 << 30, 1 << 30, 1 << 30 }, "holds 8 bytes")] // the product does not fit into 64 bits
    public void Dimensions_that_the_numbers_do_not_fill_are_refused(long[] dims, string words) =>
        Refused(Model(Tensor("w", Float, dims, m => Bytes(m, 9, new byte[8]))), "'w'", words);

    [Fact]
    public void What_is_no_whole_ONNX_model_is_refused_by_name()
    {
        byte[] good = Model(Tensor("w", Float, [2], m => Bytes(m, 9, new byte[8])));
        foreach (int length in new[] { 1, 3, good.Length / 2, good.Length - 1 })
            Refused(good[..length], "truncated");
        Refused([], "no floating-point initialisers");
        Refused("<html>not found</html>"u8.ToArray(), "not an ONNX model");
        Refused([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "longer than 10 bytes");
        Refused(Model(Tensor("w", Float, [2], m => Number(m, 4, 7))), "holds 0 bytes"); // float_data as a whole number
        Refused(Model(Tensor("w", Float, [1], m => Bytes(m, 9, new byte[4])), Tensor("w", Float, [1], m => Bytes(m, 9, new byte[4]))), "two initialisers named 'w'");
        Refused(Message(m => Bytes(m, 7, Message(g => Bytes(g, 15, [])))), "sparse");
    }

    [Fact]
    public void Real_files_of_others_are_read_and_told_by_their_content()
    {
        string path = GraftShared.Path("corpora", "wild", "COLVERTYETY__cifar100edge", "model.onnx");
        var file = Assert.IsType<OnnxWeights>(WeightFiles.Open(path));
        Assert.Equal(10, file.Names.Count);
        Assert.All(file.Names, n => Assert.All(file.Read(n), v => Assert.True(float.IsFinite(v))));
    }

    private OnnxWeights Open(byte[] model) => OnnxWeights.Open(_files.Write("model.onnx", model));

    private void Refused(byte[] model, params string[] words)
    {
        string message = Assert.Throws<GraftException>(() => Open(model)).Message;
        Assert.Contains(_files["model.onnx"], message, StringComparison.Ordinal);
        foreach (string word in words)
            Assert.Contains(word, message, StringComparison.Ordinal);
    }

    // ModelProto.graph 7, GraphProto.initializer 5
    private static byte[] Model(params byte[][] tensors) => Message(m => Bytes(Number(m, 1, 8), 7, Message(g => tensors.Aggregate(g, (graph, t) => Bytes(graph, 5, t)))));

    private static byte[] Tensor(string name, int type, long[] dims, Func<CodedOutputStream, CodedOutputStream> numbers) =>
        Message(m => numbers(Text(Number(dims.Aggregate(m, (output, d) => Number(output, 1, d)), 2, type), 8, name)));

    private static byte[] Message(Func<CodedOutputStream, CodedOutputStream> fields)
    {
        using var bytes = new MemoryStream();
        fields(new CodedOutputStream(bytes, leaveOpen: true)).Flush();
        return bytes.ToArray();
    }

    private static CodedOutputStream Number(CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
        return output;
    }

    private static CodedOutputStream Fixed32(CodedOutputStream output, float value)
    {
        output.WriteTag(4, WireFormat.WireType.Fixed32);
        output.WriteFloat(value);
        return output;
    }

    private static CodedOutputStream Text(CodedOutputStream output, int field, string value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(value);
        return output;
    }

    private static CodedOutputStream Bytes(CodedOutputStream output, int field, byte[] value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(value));
        return output;
    }
}
