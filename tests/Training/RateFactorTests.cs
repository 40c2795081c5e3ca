using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Learning rates that differ from parameter to parameter.</summary>
public sealed class RateFactorTests
{
    [Theory]
    [InlineData("sgd")]
    [InlineData("adamw")]
    [InlineData("nadam")]
    [InlineData("rmsprop")]
    public void A_parameter_moves_as_under_an_optimizer_with_its_rate(string name)
    {
        const float Rate = 0.02f, Gentle = 0.25f; // a power of two: both ways to the rate give the same bits
        Sequential both = Trained(Make(name, Rate, p => p.LayerName == "base" ? Gentle : 1), "none"), gentle = Trained(Make(name, Rate * Gentle, null), "head"), whole = Trained(Make(name, Rate, null), "base");
        // After one step no layer has felt yet how the other moves.
        Assert.Equal(gentle.GetLayer("base").Parameters.Select(p => p.Value.ToArray()), both.GetLayer("base").Parameters.Select(p => p.Value.ToArray()));
        Assert.Equal(whole.GetLayer("head").Parameters.Select(p => p.Value.ToArray()), both.GetLayer("head").Parameters.Select(p => p.Value.ToArray()));
    }

    [Fact]
    public void A_factor_of_0_leaves_a_parameter_where_it_is_and_weight_decay_keeps_its_parameters()
    {
        var optimizer = new AdamW(0.02f, weightDecay: 0.5f) { Decays = AdamW.AllButBiasesAndNorms, LearningRateFactor = p => p.LayerName == "base" ? 0 : 0.5f };
        var same = new AdamW(0.01f, weightDecay: 0.5f) { Decays = AdamW.AllButBiasesAndNorms };
        Sequential start = TrainingData.BinaryModel(), moved = Trained(optimizer, "none"), whole = Trained(same, "base");
        Assert.Equal(start.GetLayer("base").Parameters.Select(p => p.Value.ToArray()), moved.GetLayer("base").Parameters.Select(p => p.Value.ToArray()));
        Assert.Equal(whole.GetLayer("head").Parameters.Select(p => p.Value.ToArray()), moved.GetLayer("head").Parameters.Select(p => p.Value.ToArray()));
    }

    [Fact]
    public void A_negative_factor_is_told_with_the_parameter_before_anything_moves()
    {
        Sequential model = TrainingData.BinaryModel(new Adam(0.1f) { LearningRateFactor = p => p.Name == "bias" ? -1 : 1 });
        float[] before = TrainingData.Weights(model);
        Assert.Contains("'base/bias' would be multiplied by -1", Assert.Throws<GraftException>(() => model.Fit(TrainingData.Binary(), 1)).Message, StringComparison.Ordinal);
        Assert.Equal(before, TrainingData.Weights(model));
    }

    private static Optimizer Make(string name, float rate, Func<Parameter, float>? factor) => name switch
    {
        "sgd" => new Sgd(rate, momentum: 0.9f) { LearningRateFactor = factor },
        "adamw" => new AdamW(rate) { LearningRateFactor = factor },
        "nadam" => new Nadam(rate) { LearningRateFactor = factor },
        _ => new RMSprop(rate) { LearningRateFactor = factor },
    };

    private static Sequential Trained(Optimizer optimizer, string frozen)
    {
        Sequential model = TrainingData.BinaryModel(optimizer);
        foreach (Layer layer in model.Layers.Where(l => l.Name == frozen))
            layer.Trainable = false;
        model.Fit(TrainingData.Binary(count: 8), 1);
        return model;
    }
}
