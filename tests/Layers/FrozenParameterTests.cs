using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>One parameter of a layer that is frozen while the others learn.</summary>
public sealed class FrozenParameterTests
{
    [Fact]
    public void A_kernel_that_is_frozen_alone_stays_while_its_bias_moves_until_it_is_let_go()
    {
        Sequential model = TrainingData.BinaryModel();
        Parameter kernel = model.GetLayer("base").Parameters[0], bias = model.GetLayer("base").Parameters[1];
        float[] before = kernel.Value.ToArray(), biasBefore = bias.Value.ToArray();
        kernel.Trainable = false;
        Assert.Equal((false, true), (kernel.IsTrainable, bias.IsTrainable));
        model.Fit(TrainingData.Binary(), 2);
        Assert.Equal(before, kernel.Value.ToArray());
        Assert.NotEqual(biasBefore, bias.Value.ToArray());
        Assert.Contains(" Non-trainable params: 48 ", model.Summary(), StringComparison.Ordinal); // 6 x 8
        kernel.Trainable = true;
        model.Fit(TrainingData.Binary(), 1);
        Assert.NotEqual(before, kernel.Value.ToArray());
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void A_model_file_keeps_what_is_frozen_alone()
    {
        using var files = new TemporaryFiles();
        Sequential model = TrainingData.BinaryModel();
        model.GetLayer("head").Parameters[1].Trainable = false;
        ModelFile.Save(model, files["m.graft"]);
        Model loaded = ModelFile.Load(files["m.graft"]).Model;
        Assert.Equal(["base/kernel", "base/bias", "head/kernel"], loaded.NamedParameters().Where(p => p.Parameter.IsTrainable).Select(p => p.Path));
        model.Release();
        loaded.Release();
    }

    [Fact]
    public void What_serves_the_gradient_of_a_frozen_kernel_alone_is_not_kept()
    {
        Sequential model = TrainingData.BinaryModel();
        model.Fit(TrainingData.Binary(), 1);
        const long Output = 8 * 8 * sizeof(float); // what tanh reads of a batch; before, the inputs were kept too
        Assert.True(model.MemoryReport!.KeptBy("base") > Output);
        model.GetLayer("base").Parameters[0].Trainable = false;
        model.Fit(TrainingData.Binary(), 1);
        Assert.Equal(Output, model.MemoryReport!.KeptBy("base"));
        model.Optimizer!.Dispose();
        model.Release();
    }
}
