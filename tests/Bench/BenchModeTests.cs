using Graft.Bench;
using Graft.Bench.Ops;
using Graft.Bench.Quick;
using Graft.Kernels;
using Xunit;

namespace Graft.Tests.Bench;

/// <summary>The bench's command line: help says what there is, and what is not understood is named and ends in exit code 2.</summary>
public sealed class BenchModeTests
{
    private const string PlanUsage = "plan NETWORK [threads]";

    private static readonly string[] s_names = ["vgg16-forward-b1"];

    [Theory]
    [InlineData(0, "--help")]
    [InlineData(0, "help")]
    [InlineData(2)]
    [InlineData(2, "measrue", "3")]
    public void Help_and_an_unknown_word_list_all_ways_to_measure(int code, params string[] arguments)
    {
        string text = Dispatch(code, [], arguments);
        Assert.Contains("\n  measure       how fast it is\n  suite         all ops\n", text, StringComparison.Ordinal);
        Assert.Equal(arguments is ["measrue", ..], text.Contains("'measrue'", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("now", "-h")]
    public void Help_of_one_shows_its_arguments_and_measures_nothing(params string[] arguments) =>
        Assert.Contains("-- measure [THREADS]\nmeasure: how fast it is.", Dispatch(0, [], ["measure", .. arguments]), StringComparison.Ordinal);

    [Theory]
    [InlineData("measure 3", "measure", "3")]
    [InlineData("suite --filter x", "suite", "--filter", "x")]
    [InlineData("suite --filter x", "--filter", "x")] // an option without a word
    [InlineData("suite -h Mean", "suite", "-h", "Mean")] // BenchmarkDotNet's own
    public void What_stands_behind_the_word_is_handed_on(string ran, params string[] arguments) => Dispatch(1, [ran], arguments);

    [Theory]
    [InlineData("'x'", "vgg16", "x")]
    [InlineData("'0'", "vgg16", "0")]
    [InlineData("'-1'", "vgg16", "-1")]
    [InlineData("'2'", "vgg16", "1", "2")]
    public void Convolutions_take_a_network_and_a_number_of_images(string words, params string[] arguments)
    {
        Assert.Equal(new ConvolutionOptions("vgg16", 4), ConvolutionOptions.Parse(["vgg16", "4"]));
        Assert.True(ConvolutionOptions.Parse([]).Wants("VGG16"));
        Assert.False(ConvolutionOptions.Parse(["resnet"]).Wants("VGG16"));
        Assert.Contains(words, Assert.Throws<GraftException>(() => ConvolutionOptions.Parse(arguments)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vgg16-forward-b1")]
    [InlineData("'0'", "vgg16-forward-b1", "0")]
    [InlineData("'two'", "vgg16-forward-b1", "two")]
    [InlineData(PlanUsage, "vgg16-forward-b1", "2", "3")]
    public void Plan_and_step_take_a_name_and_a_number_of_threads(string words, params string[] arguments)
    {
        Assert.Equal(new NamedOptions("a", 3), NamedOptions.Parse(PlanUsage, s_names, ["a", "3"]));
        Assert.Equal(new NamedOptions("a", CpuThreads.Count), NamedOptions.Parse(PlanUsage, s_names, ["a"]));
        Assert.Contains(words, Assert.Throws<GraftException>(() => NamedOptions.Parse(PlanUsage, s_names, arguments)).Message, StringComparison.Ordinal);
    }

    private static string Dispatch(int code, string[] runs, string[] arguments)
    {
        List<string> ran = [];
        int Run(string name, string[] rest)
        {
            ran.Add($"{name} {string.Join(' ', rest)}");
            return 1;
        }
        BenchMode[] all = [new("measure [THREADS]", "how fast it is", a => Run("measure", a)), new("suite ...", "all ops", a => Run("suite", a)) { IsDefault = true }];
        using StringWriter output = new(), error = new();
        Assert.Equal(code, BenchMode.Dispatch(all, arguments, output, error));
        Assert.Equal(runs, ran);
        Assert.Empty((code == 2 ? output : error).ToString());
        return (code == 2 ? error : output).ToString().ReplaceLineEndings("\n");
    }
}
