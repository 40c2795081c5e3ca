using System.Numerics;
using System.Text;
using System.Text.Json;
using Graft.Importers;
using Graft.Importers.PyTorch;
using Xunit;

namespace Graft.Tests.Importers.PyTorch;

public sealed class TorchFileTests
{
    [Theory]
    [InlineData("tensors_zip.pth", true)]
    [InlineData("tensors_zip_protocol4.pth", true)]
    [InlineData("tensors_legacy.pth", false)]
    public void Tensors_have_the_shape_strides_type_and_bits_that_PyTorch_saved(string name, bool isZip)
    {
        TorchFile file = TorchFile.Open(TorchGolden.Path(name));
        Assert.Equal(isZip, file.IsZip);
        var expected = TorchGolden.Tensors("tensors_expected.safetensors");
        JsonElement facts = TorchGolden.Expected.GetProperty("tensors");
        Assert.Equal(facts.EnumerateObject().Select(f => f.Name), file.Tensors().Select(t => t.Name));
        foreach ((string key, TorchTensor tensor) in file.Tensors())
        {
            JsonElement fact = facts.GetProperty(key);
            Assert.Equal(Integers(fact, "shape"), tensor.Shape.Dims.ToArray().Select(d => (long)d));
            Assert.Equal(Integers(fact, "stride"), tensor.Strides);
            Assert.Equal(fact.GetProperty("storage_offset").GetInt64(), tensor.Offset);
            Assert.Equal(fact.GetProperty("dtype").GetString(), tensor.Type.Name());
            Assert.Equal(expected[key].Bytes, tensor.ReadBytes());
        }
    }

    [Fact]
    public void Views_of_one_storage_share_its_key_and_floats_of_any_layout_are_read_in_order()
    {
        var tensors = TorchFile.Open(TorchGolden.Path("tensors_zip.pth")).Tensors().ToDictionary(t => t.Name, t => t.Tensor);
        Assert.Equal(tensors["view_a offset 0"].StorageKey, tensors["view_b offset 12 same storage"].StorageKey);
        float[] all = tensors["contiguous"].ReadFloats();
        Assert.False(tensors["transposed (stride 1,6)"].IsContiguous);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => all[i % 4 * 6 + i / 4]), tensors["transposed (stride 1,6)"].ReadFloats());
        Assert.Equal(Enumerable.Range(0, 12).Select(i => all[i / 3 * 6 + i % 3 * 2]), tensors["strided view [:, ::2]"].ReadFloats());
        Assert.Empty(tensors["empty (0,3)"].ReadFloats());
        Assert.Contains("int64", Assert.Throws<GraftException>(() => tensors["int64"].ReadFloats()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_tensors_is_read_by_place()
    {
        TorchFile file = TorchFile.Open(TorchGolden.Path("tensors_list_zip.pth"));
        Assert.IsType<List<object?>>(file.Root);
        var expected = TorchGolden.Tensors("tensors_expected.safetensors").Values.Select(e => Convert.ToHexString(e.Bytes)).ToHashSet();
        Assert.NotEmpty(file.Tensors());
        foreach ((string name, TorchTensor tensor) in file.Tensors())
        {
            Assert.True(int.TryParse(name, out _), name);
            Assert.Contains(Convert.ToHexString(tensor.ReadBytes()), expected);
        }
    }

    [Theory]
    [InlineData("checkpoint_zip.pth")]
    [InlineData("checkpoint_legacy.pth")]
    public void A_training_checkpoint_keeps_its_plain_values(string name)
    {
        TorchFile file = TorchFile.Open(TorchGolden.Path(name));
        OrderedDictionary<object, object?> root = Dictionary(file.Root);
        Assert.Equal(3L, root["epoch"]);
        Assert.Equal(1099511627777L, root["big_int"]);
        Assert.Equal(-7L, root["neg"]);
        Assert.Equal(BigInteger.Pow(2, 70), root["huge_int"]);
        Assert.Equal(0.8125, root["best_acc"]);
        Assert.Equal("run é", root["name"]);
        Assert.Equal(true, root["flag"]);
        Assert.Null(root["none"]);
        Assert.Equal([1L, "a", null, new object?[] { 2.5, false }], Assert.IsType<List<object?>>(root["list"]));
        Assert.Equal([1L], Assert.IsType<object?[]>(root["tuple1"]));
        Assert.Equal([1L, 2L, 3L], Assert.IsType<object?[]>(root["tuple3"]));
        Assert.Equal([1L, 2L, 3L, 4L], Assert.IsType<object?[]>(root["tuple4"]));
        Assert.Equal([2L, 3L], Assert.IsType<object?[]>(root["size"]));
        Assert.Equal(StoredType.Float16, Assert.IsType<StoredType>(root["dtype"]));
        Assert.Equal("cpu", root["device"]);
        Assert.Equal([1L, 2L], Assert.IsType<HashSet<object?>>(root["set"]).Order());
        Assert.Equal([0, 255], Assert.IsType<byte[]>(root["bytes"]));
        OrderedDictionary<object, object?> scheduler = Dictionary(root["scheduler_state_dict"]);
        Assert.Equal((0.1, false, 4L), (scheduler["gamma"], scheduler["verbose"], scheduler["_step_count"]));
        OrderedDictionary<object, object?> group = Dictionary(Assert.Single(Assert.IsType<List<object?>>(Dictionary(root["optimizer_state_dict"])["param_groups"])));
        Assert.Equal([0.9, 0.999], Assert.IsType<object?[]>(group["betas"]));
        Assert.Equal([0L, 1L, 2L, 3L, 4L, 5L], Assert.IsType<List<object?>>(group["params"]));
        Assert.Null(group["foreach"]);
    }

    [Theory]
    [InlineData("checkpoint_zip.pth")]
    [InlineData("checkpoint_legacy.pth")]
    public void A_training_checkpoint_keeps_its_tensors(string name)
    {
        var found = TorchFile.Open(TorchGolden.Path(name)).Tensors().ToDictionary(t => t.Name, t => t.Tensor);
        var expected = TorchGolden.Tensors("checkpoint_expected.safetensors");
        Assert.NotEmpty(expected);
        foreach ((string key, (_, byte[] bytes)) in expected)
            Assert.Equal(bytes, found[key.Replace("model.", "model_state_dict.", StringComparison.Ordinal).Replace("optimizer.", "optimizer_state_dict.", StringComparison.Ordinal)].ReadBytes());
    }

    [Fact]
    public void Arrays_and_numbers_of_NumPy_are_values()
    {
        OrderedDictionary<object, object?> root = Dictionary(TorchFile.Open(TorchGolden.Path("with_numpy.pth")).Root);
        NumpyValue history = Assert.IsType<NumpyValue>(root["loss_history"]);
        Assert.Equal((StoredType.Float64, new Shape(3)), (history.Type, history.Shape));
        Assert.Equal([1.5, 1.25, 1.0], history.ToDoubles());
        Assert.Equal((0.5, 7L), (root["np_scalar"], root["np_int"]));
    }

    [Theory]
    [InlineData("unsafe_global.pth", "'__builtin__.print'", "safetensors")]
    [InlineData("whole_module.pth", "'torch.nn.", "state_dict")]
    public void A_file_that_names_anything_else_is_refused_by_that_name(string name, string global, string mend)
    {
        using var output = new StringWriter();
        TextWriter before = Console.Out;
        Console.SetOut(output);
        string message;
        try
        {
            message = Assert.Throws<GraftException>(() => TorchFile.Open(TorchGolden.Path(name))).Message;
        }
        finally
        {
            Console.SetOut(before);
        }
        Assert.Empty(output.ToString());
        Assert.Contains(name, message, StringComparison.Ordinal);
        Assert.Contains(global, message, StringComparison.Ordinal);
        Assert.Contains(mend, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cos\nsystem\n", "os.system")]
    [InlineData("cposix\nsystem\n", "posix.system")]
    [InlineData("c__builtin__\neval\n", "__builtin__.eval")]
    [InlineData("\u008C\u0008builtins\u008C\u0004exec\u0093", "builtins.exec")] // STACK_GLOBAL
    [InlineData("ctorch\nload\n", "torch.load")]
    [InlineData("ctorch\nComplexFloatStorage\n", "torch.ComplexFloatStorage")]
    [InlineData("ctorch.storage\n_load_from_bytes\n", "torch.storage._load_from_bytes")]
    [InlineData("ccollections.OrderedDict\n__reduce__\n", "collections.OrderedDict.__reduce__")]
    public void A_pickle_that_names_os_system_is_refused_and_nothing_is_run(string global, string name)
    {
        using var files = new Golden.TemporaryFiles();
        string trace = files["trace"];
        byte[] command = Encoding.UTF8.GetBytes($"touch {trace}");
        byte[] pickle = [0x80, 2, .. Encoding.Latin1.GetBytes(global), (byte)'X', .. BitConverter.GetBytes(command.Length), .. command, 0x85, (byte)'R', (byte)'.'];
        foreach (string path in new[] { files.Write("legacy.bin", [.. TorchBytes.LegacyHead, .. pickle]), files.Write("zip.bin", TorchBytes.Zip(pickle)) })
        {
            string message = Assert.Throws<GraftException>(() => TorchFile.Open(path)).Message;
            Assert.Contains($"'{name}'", message, StringComparison.Ordinal);
            Assert.Contains(path, message, StringComparison.Ordinal);
        }
        Assert.False(File.Exists(trace));
    }

    [Fact]
    public void Numbers_come_from_the_mapped_file_without_memory_of_their_own()
    {
        const int Count = 1 << 20;
        using var files = new Golden.TemporaryFiles();
        byte[] head = Encoding.Latin1.GetBytes("ctorch._utils\n_rebuild_tensor_v2\n((X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0001\0\0\u00000X\u0003\0\0\0cpuJ\0\0\u0010\0tQK\0J\0\0\u0010\0\u0085K\u0001\u0085\u0089}tR.");
        string path = files.Write("large.pth", TorchBytes.Zip([0x80, 2, .. head], others: ("some/data/0", new byte[4 * Count])));
        TorchTensor tensor = Assert.IsType<TorchTensor>(TorchFile.Open(path).Root);
        Assert.Equal(new Shape(Count), tensor.Shape);
        var values = new float[Count];
        values.AsSpan().Fill(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        tensor.ReadInto(values);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024); // handles, not 4 MB
        Assert.Equal(-1, values.AsSpan().IndexOfAnyExcept(0f));
    }

    private static OrderedDictionary<object, object?> Dictionary(object? value) => Assert.IsType<OrderedDictionary<object, object?>>(value);

    private static IEnumerable<long> Integers(JsonElement fact, string name) => fact.GetProperty(name).EnumerateArray().Select(d => d.GetInt64());
}
