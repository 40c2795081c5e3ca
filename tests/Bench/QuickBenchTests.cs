using Graft.Bench.Quick;
using Xunit;

namespace Graft.Tests.Bench;

/// <summary>The parts of the quick bench that need no clock: its arguments, its check of results, its figures.</summary>
public sealed class QuickBenchTests
{
    [Fact]
    public void Arguments_set_threads_pattern_contender_and_memory()
    {
        QuickOptions options = QuickOptions.Parse(["--threads", "3", "--memory", "--only", "vgg16-*-b1", "--contender", "ort"]);
        Assert.Equal((3, "ort", true), (options.Threads, options.Contender, options.Memory));
        Assert.True(options.Wants("vgg16-forward-b1"));
        Assert.False(options.Wants("vgg16-forward-b20"));
    }

    [Fact]
    public void A_pattern_without_wildcards_is_looked_for_anywhere_in_a_name()
    {
        QuickOptions options = QuickOptions.Parse(["--only", "resnet"]);
        Assert.True(options.Wants("resnet50-forward-b32"));
        Assert.True(options.Wants("ort-resnet18-forward-b32"));
        Assert.False(options.Wants("gemm-1024"));
    }

    [Theory]
    [InlineData("graft", true, true)]
    [InlineData("ort", true, false)]
    [InlineData("torch", false, true)]
    public void An_engine_alone_runs_what_it_has(string contender, bool networks, bool steps)
    {
        QuickOptions options = QuickOptions.Parse(["--contender", contender]);
        Assert.Equal((true, networks, steps), (options.IsApart, options.RunsNetworks, options.RunsSteps));
        Assert.False(QuickOptions.Parse([]).IsApart);
    }

    [Theory]
    [InlineData("--only '*head*' asks for head-step-b20, which --contender graft does not run. It runs vgg16-forward-b1.", "--only", "head", "--contender", "graft")]
    [InlineData("--only '*head*' asks for head-step-b20, which --memory does not run. It runs vgg16-forward-b1.", "--only", "head", "--memory")]
    [InlineData("--only '*heat*' asks for none of: vgg16-forward-b1.", "--only", "heat", "--contender", "graft")]
    public void What_no_engine_runs_alone_is_named(string message, params string[] arguments) =>
        Assert.Equal(message, QuickOptions.Parse(arguments).Nothing(["vgg16-forward-b1"], ["head-step-b20"]).Message);

    [Theory]
    [InlineData("--threads")]
    [InlineData("--threads", "0")]
    [InlineData("--threads", "-1")]
    [InlineData("--contender", "tensorflow")]
    [InlineData("--quickly", "yes")]
    public void An_argument_that_is_not_understood_is_named(params string[] arguments)
    {
        var thrown = Assert.Throws<GraftException>(() => QuickOptions.Parse(arguments));
        Assert.Contains(arguments[0], thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_deviation_is_relative_to_the_number_and_to_the_whole()
    {
        Assert.Equal(0, OutputCheck.Deviation([1, -2, 3], [1, -2, 3]));
        Assert.Equal(0.5 / (0 + Math.Sqrt(0.5)), OutputCheck.Deviation([1, 0.5f], [1, 0]), 1e-12); // rms of (1, 0)
        Assert.True(OutputCheck.Deviation([1, 2.1f], [1, 2]) > OutputCheck.Tolerance);
    }

    [Fact]
    public void What_cannot_be_compared_deviates_without_end()
    {
        Assert.Equal(double.PositiveInfinity, OutputCheck.Deviation([float.NaN, 1], [1, 1]));
        Assert.Equal(double.PositiveInfinity, OutputCheck.Deviation([1, 1], [float.PositiveInfinity, 1]));
        Assert.Equal(double.PositiveInfinity, OutputCheck.Deviation([0, 0], [0, 0]));
        Assert.Equal(double.PositiveInfinity, OutputCheck.Deviation([1], [1, 1]));
    }

    [Fact]
    public void Seconds_become_images_a_second_of_a_batch_milliseconds_of_one_image_and_operations_a_second()
    {
        Contender batch = Contender.Forward("b", 20, () => { }), one = Contender.Forward("o", 1, () => { }), product = Contender.Flops("f", 4e9, () => { });
        Assert.Equal(("images/s", 10.0), (batch.Unit, batch.Figure(2)));
        Assert.Equal(("ms", 250.0), (one.Unit, one.Figure(0.25)));
        Assert.Equal(("GFLOP/s", 2.0), (product.Unit, product.Figure(2)));
    }
}
