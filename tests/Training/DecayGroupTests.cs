using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class DecayGroupTests
{
    [Fact]
    public void What_does_not_decay_moves_as_under_Adam_and_the_rest_as_under_AdamW()
    {
        Dictionary<string, float[]> adam = Train(new Adam(1e-2f)), adamW = Train(new AdamW(1e-2f, weightDecay: 0.5f)),
            groups = Train(new AdamW(1e-2f, weightDecay: 0.5f) { Decays = AdamW.AllButBiasesAndNorms });
        Assert.Equal(["gamma", "beta", "kernel", "bias"], groups.Keys);
        foreach ((string name, float[] values) in groups)
        {
            Assert.NotEqual(adam[name], adamW[name]);
            Assert.Equal(name == "kernel" ? adamW[name] : adam[name], values);
        }
    }

    [Fact]
    public void Where_nothing_decays_AdamW_is_Adam() =>
        Assert.Equal(Train(new Adam(1e-2f)), Train(new AdamW(1e-2f, weightDecay: 0.5f) { Decays = _ => false }));

    [Fact]
    public void A_common_norm_is_taken_over_both_groups()
    {
        static AdamW Clipped() => new(1e-2f, weightDecay: 0) { GlobalClipNorm = 0.1f, Decays = AdamW.AllButBiasesAndNorms };
        Dictionary<string, float[]> all = Train(new Adam(1e-2f) { GlobalClipNorm = 0.1f }), groups = Train(Clipped());
        foreach ((string name, float[] values) in groups)
        {
            for (int i = 0; i < values.Length; i++)
                Assert.Equal(all[name][i], values[i], 1e-6); // the sum of squares is taken in another order
        }
    }

    // Three steps along the same gradients, whatever the weights.
    private static Dictionary<string, float[]> Train(Optimizer optimizer)
    {
        var model = new Sequential(4) { new LayerNormalization(), new Dense(3) };
        foreach (Parameter p in model.Parameters)
            p.Set([.. Enumerable.Range(0, (int)p.Shape.Count).Select(i => 1 + i * 0.1f)]);
        (Parameter, Tensor)[] gradients = [.. model.Parameters.Select(p => (p, Tensor.From(model.Device, p.Shape, [.. Enumerable.Range(0, (int)p.Shape.Count).Select(i => 0.3f - i * 0.2f)])))];
        for (int step = 0; step < 3; step++)
            optimizer.Apply(gradients);
        Dictionary<string, float[]> result = model.Parameters.ToDictionary(p => p.Name, p => p.Value.ToArray());
        optimizer.Dispose();
        foreach ((_, Tensor gradient) in gradients)
            gradient.Release();
        model.Release();
        return result;
    }
}
