using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>From outputs to the classes of pixels.</summary>
public sealed class PixelClassesTests
{
    [Fact]
    public void The_largest_channel_is_the_class()
    {
        Model model = Ends(3, Activation.Linear, "a", "b", "c");
        Assert.True(PixelClasses.AreGivenBy(model));
        Assert.Equal([2, 0], PixelClasses.Of(model, [-3, -2, -1, 5, 5, 1])); // of equal ones the first
        Assert.Contains("[1,2,3], 6 numbers for a sample; these are 5", Assert.Throws<ShapeException>(() => PixelClasses.Of(model, [1, 2, 3, 4, 5])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Activation.Sigmoid, new byte[] { 0, 1 })]
    [InlineData(Activation.Linear, new byte[] { 1, 1 })]
    public void One_channel_is_a_probability_or_a_logit(Activation activation, byte[] classes) =>
        Assert.Equal(classes, PixelClasses.Of(Ends(1, activation, "back", "front"), [0.4f, 0.6f]));

    [Fact]
    public void Other_models_give_none()
    {
        Model unnamed = Ends(3, Activation.Linear), whole = new Sequential(4) { new Dense(2) };
        whole.ClassNames = ["a", "b"];
        Assert.False(PixelClasses.AreGivenBy(unnamed));
        Assert.False(PixelClasses.AreGivenBy(whole));
        Assert.Contains("Set Model.ClassNames", Assert.Throws<GraftException>(() => PixelClasses.Of(unnamed, new float[6])).Message, StringComparison.Ordinal);
    }

    private static Sequential Ends(int channels, Activation activation, params string[] names)
    {
        var model = new Sequential(1, 2, 3) { new Conv2D(channels, 1) { Activation = activation } };
        model.ClassNames = names;
        return model;
    }
}
