using Graft.Importers;
using Graft.Importers.PyTorch;
using Graft.Importers.Safetensors;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Importers.PyTorch;

public sealed class TorchWeightsTests
{
    [Fact]
    public void The_prefix_of_DataParallel_is_dropped()
    {
        TorchWeights file = TorchWeights.Open(TorchGolden.Path("dataparallel_module_prefix.pth"));
        Assert.NotEmpty(file.Names);
        Assert.DoesNotContain(file.Names, n => n.StartsWith("module.", StringComparison.Ordinal));
        Assert.All(TorchFile.Open(file.Source).Tensors(), t => Assert.Equal(t.Tensor.ReadBytes(), file.Tensors[t.Name["module.".Length..]].ReadBytes()));
    }

    [Theory]
    [InlineData("nested_state_dict_key.pth")]
    [InlineData("checkpoint_zip.pth")]
    [InlineData("checkpoint_legacy.pth")]
    public void The_state_dict_within_a_checkpoint_is_found(string name)
    {
        TorchWeights file = TorchWeights.Open(TorchGolden.Path(name));
        Assert.Contains("fc1.weight", file.Names);
        Assert.All(file.Names, n => Assert.Equal(file.ShapeOf(n).Count, file.Read(n).Length));
    }

    [Fact]
    public void A_checkpoint_s_weights_are_loaded_into_layers_and_counters_are_no_weights()
    {
        TorchWeights file = TorchWeights.Open(TorchGolden.Path("checkpoint_legacy.pth"));
        Assert.True(file.Tensors.ContainsKey("bn.num_batches_tracked"));
        Assert.DoesNotContain("bn.num_batches_tracked", file.Names);
        Shape first = file.ShapeOf("fc1.weight"), last = file.ShapeOf("fc2.weight");
        var model = new Sequential(first[1]) { new Dense(first[0]) { Name = "fc1" }, new BatchNormalization { Name = "bn" }, new Dense(last[0]) { Name = "fc2" } };
        Assert.True(WeightLoader.Load(model, file).IsComplete);
        float[] weight = file.Read("fc1.weight"), kernel = model.GetLayer("fc1").Parameters[0].Value.ToArray();
        for (int i = 0; i < weight.Length; i++)
            Assert.Equal(weight[i], kernel[i % first[1] * first[0] + i / first[1]]); // [out,in] to [in,out]
    }

    [Theory]
    [InlineData("vision_torch/tiny_basic", "model.pth", "model.safetensors")]
    [InlineData("vision_torch/tiny_bottleneck", "model.pth", "model.safetensors")]
    [InlineData("bert_tiny", "seqcls_bin/pytorch_model.bin", "seqcls_safetensors/model.safetensors")]
    [InlineData("bert_tiny", "seqcls_bin_gamma_beta/pytorch_model.bin", "seqcls_safetensors/model.safetensors")]
    [InlineData("roberta_tiny", "seqcls_bin/pytorch_model.bin", "seqcls_safetensors/model.safetensors")]
    public void The_pickle_of_a_model_holds_the_weights_of_its_safetensors(string folder, string pickle, string safetensors)
    {
        string Name(string name) => name.Replace("LayerNorm.gamma", "LayerNorm.weight", StringComparison.Ordinal).Replace("LayerNorm.beta", "LayerNorm.bias", StringComparison.Ordinal);
        string root = GraftShared.Path(["reference", "hf", .. folder.Split('/')]);
        WeightFile found = WeightFiles.Open(Path.Combine(root, pickle));
        SafetensorsWeights expected = SafetensorsWeights.Open(Path.Combine(root, safetensors));
        Assert.Equal(expected.Names.Order(), found.Names.Select(Name).Order());
        Assert.All(found.Names, n => Assert.Equal(expected.Read(Name(n)), found.Read(n)));
    }

    [Fact]
    public void A_file_without_a_state_dict_says_what_it_holds()
    {
        Assert.Contains("a list of", Assert.Throws<GraftException>(() => TorchWeights.Open(TorchGolden.Path("tensors_list_zip.pth"))).Message, StringComparison.Ordinal);
        using var files = new TemporaryFiles();
        string losses = files.Write("losses.pth", TorchBytes.Zip([0x80, 2, .. "}X\u0004\u0000\u0000\u0000lossNs."u8]));
        Assert.Contains("its keys are loss, and none of state_dict", Assert.Throws<GraftException>(() => TorchWeights.Open(losses)).Message, StringComparison.Ordinal);
        Assert.Contains("holds None", Assert.Throws<GraftException>(() => TorchWeights.Open(files.Write("none.pth", TorchBytes.Zip([0x80, 2, (byte)'N', (byte)'.'])))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_told_by_its_content_and_a_damaged_one_by_its_name()
    {
        using var files = new TemporaryFiles();
        byte[] zip = File.ReadAllBytes(TorchGolden.Path("tensors_zip.pth"));
        Assert.IsType<TorchWeights>(WeightFiles.Open(files.Write("weights.h5", zip)));
        Assert.IsType<TorchWeights>(WeightFiles.Open(files.Write("weights", File.ReadAllBytes(TorchGolden.Path("tensors_legacy.pth")))));
        Assert.Contains("truncated", Assert.Throws<GraftException>(() => WeightFiles.Open(files.Write("cut.bin", zip.AsSpan(0, 3000)))).Message, StringComparison.Ordinal);
        Assert.Contains("page of HTML", Assert.Throws<GraftException>(() => WeightFiles.Open(files.Write("page.bin", "<!DOCTYPE html>"u8))).Message, StringComparison.Ordinal);
        Assert.Contains("__builtin__.print", Assert.Throws<GraftException>(() => WeightFiles.Open(TorchGolden.Path("unsafe_global.pth"))).Message, StringComparison.Ordinal);
    }
}
