using System.Text.Json;
using Graft.Importers.Safetensors;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Importers.Safetensors;

public sealed class SafetensorsWeightsTests
{
    private static string Reference(string name) => GraftShared.Path("reference", "hf", "safetensors_format", name);

    [Theory]
    [InlineData("valid_all_dtypes")]
    [InlineData("valid_f8_u16")]
    [InlineData("valid_no_tensors")]
    [InlineData("valid_trailing_spaces")]
    [InlineData("valid_unsorted_header_not_padded")]
    [InlineData("either_leading_space")]
    public void A_valid_file_is_read(string name)
    {
        SafetensorsWeights file = SafetensorsWeights.Open(Reference($"{name}.safetensors"));
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllText(Reference("expected.json")));
        if (!expected.RootElement.TryGetProperty(name, out JsonElement facts) || facts.ValueKind != JsonValueKind.Object || !facts.TryGetProperty("values", out JsonElement values))
            return; // opened without error: nothing else is stored for it
        foreach (JsonProperty tensor in values.EnumerateObject().Where(t => file.Names.Contains(t.Name)))
        {
            float[] read = file.Read(tensor.Name);
            Assert.Equal(facts.GetProperty("shapes").GetProperty(tensor.Name).EnumerateArray().Select(d => d.GetInt32()), file.ShapeOf(tensor.Name).Dims.ToArray());
            Assert.Equal(tensor.Value.EnumerateArray().Select(v => (float)double.Parse(v.GetString()!.Replace("nan", "NaN", StringComparison.Ordinal).Replace("inf", "Infinity", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture)), read);
        }
    }

    [Fact]
    public void Every_file_whose_header_lies_is_refused_by_name()
    {
        string[] bad = Directory.GetFiles(GraftShared.Path("reference", "hf", "safetensors_format"), "bad_*");
        Assert.Equal(18, bad.Length);
        foreach (string path in bad)
        {
            Exception? error = Record.Exception(() => SafetensorsWeights.Open(path));
            Assert.True(error is GraftException, $"{path}: {error}");
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}""", 16, "a hole")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", 8, "truncated")] // beyond the end
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 12, "followed by something else")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "takes 8 bytes")] // half the numbers
    [InlineData("""{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}""", 8, "takes 4 bytes")] // the size of another type
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "range 8 to 0")]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, "'F33'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "not the JSON of a safetensors file")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,8]}}""", 8, "not the JSON of a safetensors file")] // overflows
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775808]}}""", 8, "not the JSON of a safetensors file")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "not the JSON of a safetensors file")] // a name twice
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "not the JSON of a safetensors file")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", 8, "data_offsets")]
    [InlineData("""[1,2]""", 0, "not the JSON of a safetensors file")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"da""", 8, "not the JSON of a safetensors file")]
    public void A_header_that_is_not_true_is_refused_with_what_is_wrong(string header, int dataBytes, string words)
    {
        using var files = new TemporaryFiles();
        byte[] json = System.Text.Encoding.UTF8.GetBytes(header);
        string path = files.Write("lies.safetensors", [.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[dataBytes]]);
        string message = Assert.Throws<GraftException>(() => SafetensorsWeights.Open(path)).Message;
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.Contains(path, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(-1L)] // 2^64 - 1
    [InlineData(1_000L)]
    public void A_header_length_that_the_file_cannot_have_is_refused(long length)
    {
        using var files = new TemporaryFiles();
        string path = files.Write("long.safetensors", [.. BitConverter.GetBytes(length), .. "{}"u8]);
        string message = Assert.Throws<GraftException>(() => SafetensorsWeights.Open(path)).Message;
        Assert.Contains($"its header has {(ulong)length} bytes, the file has 10", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_of_HTML_a_truncated_and_an_empty_file_are_told_apart()
    {
        using var files = new TemporaryFiles();
        string Message(string name, byte[] bytes) => Assert.Throws<GraftException>(() => SafetensorsWeights.Open(files.Write(name, bytes))).Message;
        Assert.Contains("HTML", Message("page.safetensors", "<!DOCTYPE html><html>not found</html>"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("truncated", Message("empty.safetensors", []), StringComparison.Ordinal);
        byte[] header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"u8.ToArray();
        Assert.Contains("truncated", Message("cut.safetensors", [.. BitConverter.GetBytes((long)header.Length), .. header, 0, 0, 0, 0]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_is_written_is_read_back_bit_for_bit_in_either_layout()
    {
        using var files = new TemporaryFiles();
        var model = new Sequential(3) { new Dense(5) { Name = "zwei é" }, new Dense(2) { Name = "a" } };
        foreach (WeightLayout layout in new[] { WeightLayout.Same, WeightLayout.DenseTransposed })
        {
            WeightName Name(string layer, Parameter p) => new($"{layer}.{p.Name}", p.Name == "kernel" ? layout : WeightLayout.Same);
            SafetensorsWriter.Save(files["model.safetensors"], model, Name, new Dictionary<string, string> { ["note"] = "of \"mine\"" });
            SafetensorsWeights file = SafetensorsWeights.Open(files["model.safetensors"]);
            Assert.Equal(["a.bias", "a.kernel", "zwei é.bias", "zwei é.kernel"], file.Tensors.Select(t => t.Name));
            Assert.Equal(("pt", "of \"mine\""), (file.Metadata["format"], file.Metadata["note"]));
            Assert.Equal(layout == WeightLayout.Same ? new Shape(3, 5) : new Shape(5, 3), file.ShapeOf("zwei é.kernel"));
            var other = new Sequential(3) { new Dense(5) { Name = "zwei é" }, new Dense(2) { Name = "a" } };
            Assert.True(WeightLoader.Load(other, file, Name).IsComplete);
            Assert.Equal(model.Parameters.Select(p => p.Value.ToArray()), other.Parameters.Select(p => p.Value.ToArray()));
            Assert.Equal(0, (BitConverter.ToInt64(File.ReadAllBytes(files["model.safetensors"])) + 8) % 8);
        }
    }

    [Fact]
    public void A_file_that_cannot_be_written_leaves_the_old_one_and_no_other()
    {
        using var files = new TemporaryFiles();
        var model = new Sequential(3) { new Dense(5) { Name = "a" }, new Dense(2) { Name = "b" } };
        string path = files.Write("old.safetensors", "old"u8);
        string twice = Assert.Throws<GraftException>(() => SafetensorsWriter.Save(path, model, (_, p) => new WeightName(p.Name))).Message;
        Assert.Contains("two parameters would be called 'kernel', one of them b/kernel", twice, StringComparison.Ordinal);
        Assert.Throws<GraftException>(() => SafetensorsWriter.Save(path, model, (layer, p) => new WeightName($"{layer}.{p.Name}", WeightLayout.ConvOihw)));
        Assert.Contains("cannot be written", Assert.Throws<GraftException>(() => SafetensorsWriter.Save(Path.Combine(path, "below.safetensors"), model, (layer, p) => new WeightName($"{layer}.{p.Name}"))).Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_file_that_shrinks_after_it_was_opened_is_an_error_that_says_so()
    {
        using var files = new TemporaryFiles();
        var model = new Sequential(3) { new Dense(5) { Name = "a" } };
        WeightName Name(string layer, Parameter p) => new($"{layer}.{p.Name}");
        SafetensorsWriter.Save(files["m.safetensors"], model, Name);
        SafetensorsWeights file = SafetensorsWeights.Open(files["m.safetensors"]);
        File.WriteAllBytes(file.Source, File.ReadAllBytes(file.Source)[..^4]);
        string message = Assert.Throws<GraftException>(() => WeightLoader.Load(new Sequential(3) { new Dense(5) { Name = "a" } }, file, Name)).Message;
        Assert.StartsWith(file.Source, message, StringComparison.Ordinal);
        Assert.Contains("shorter since it was opened", message, StringComparison.Ordinal);
    }
}
