using System.Text.Json;
using Graft.Importers.HuggingFace;
using Graft.Importers.Safetensors;
using Graft.Tests.Golden;
using Graft.Tests.Importers.HuggingFace;
using Graft.Tests.Importers.PyTorch;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>graft inspect on files of PyTorch and folders of Hugging Face.</summary>
[Collection("command line")]
public sealed class InspectTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_checkpoint_is_shown_with_names_shapes_types_and_totals()
    {
        (int code, string output, string error) = Run("inspect", TorchGolden.Path("checkpoint_legacy.pth"));
        Assert.Equal((0, ""), (code, error));
        foreach (string part in new[] { "PyTorch legacy", "epoch", "model_state_dict.bn.num_batches_tracked", "int64", "Total: 0 layers, " })
            Assert.Contains(part, output, StringComparison.Ordinal);
        JsonElement json = JsonDocument.Parse(Run("inspect", TorchGolden.Path("tensors_zip.pth"), "--json").Output).RootElement;
        Assert.Equal(("PyTorch zip", 21), (json.GetProperty("format").GetString(), json.GetProperty("totals").GetProperty("arrays").GetInt32()));
    }

    [Fact]
    public void A_folder_and_its_index_are_shown_and_a_missing_shard_is_one_line()
    {
        Model model = TinyGpt2.Layers(blocks: 1, width: 8, vocabulary: 16, positions: 4);
        SafetensorsWriter.Save(_files["model-1.safetensors"], model, Gpt2Names.Locate);
        _files.Write("config.json", "{\"model_type\":\"gpt2\",\n\"architectures\":[\n\"GPT2LMHeadModel\"]}"u8);
        string index = _files.Write("model.safetensors.index.json", "{\"weight_map\":{\"wte.weight\":\"model-1.safetensors\"}}"u8), folder = Path.GetDirectoryName(index)!;
        (int code, string output, _) = Run("inspect", folder);
        Assert.Equal(0, code);
        foreach (string part in new[] { "Hugging Face folder with model.safetensors.index.json (safetensors in 1 shards)", "[\"GPT2LMHeadModel\"]", "h.0.attn.c_attn.weight", "[8,24]", "Total: 0 layers, 16 arrays" })
            Assert.Contains(part, output, StringComparison.Ordinal);
        Assert.Contains("safetensors in 1 shards", Run("inspect", index).Output, StringComparison.Ordinal);
        File.Delete(_files["model-1.safetensors"]);
        (code, _, string error) = Run("inspect", folder);
        Assert.Equal(1, code);
        Assert.Contains("names the shard 'model-1.safetensors', which is not beside it", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pickle_that_would_run_something_is_refused_in_one_line()
    {
        (int code, _, string error) = Run("inspect", TorchGolden.Path("unsafe_global.pth"));
        Assert.Equal(1, code);
        Assert.Contains("'__builtin__.print'", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_file_is_named_inside_moves_no_cursor()
    {
        byte[] pickle = [0x80, 2, .. "}X\u0006\u0000\u0000\u0000a\u001b[2Jb"u8, (byte)'N', (byte)'s', (byte)'.'];
        string output = Run("inspect", _files.Write("names.pth", TorchBytes.Zip(pickle))).Output;
        Assert.Contains("a\uFFFD[2Jb", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);
    }
}
