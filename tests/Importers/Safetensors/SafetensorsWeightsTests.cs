using System.Text.Json;
using Graft.Importers.Safetensors;
using Graft.Tests.Golden;
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
}
