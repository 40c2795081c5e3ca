using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Fuzz;

/// <summary>The fuzzer itself: its seeds can be read, its inputs follow from the seed, and its first inputs find nothing. scripts/fuzz does the longer run.</summary>
public sealed class FuzzTests : IDisposable
{
    private const int Seed = 1, Inputs = 150;

    private readonly TemporaryFiles _files = new();

    public static TheoryData<string> Readers => [.. FuzzTargets.All.Select(t => t.Name)];

    public void Dispose() => _files.Dispose();

    [Theory]
    [MemberData(nameof(Readers))]
    public void The_seeds_can_be_read(string reader)
    {
        FuzzTarget target = Target(reader);
        int[] read = [.. target.Files.Select(f => Try(target, f).Read)];
        Assert.Contains(target.Steps.Count, read); // some are refused by design: a whole module, weights without an architecture
        Assert.True(read.Count(r => r > 0) * 2 > read.Length, string.Join(", ", read));
    }

    [Theory]
    [MemberData(nameof(Readers))]
    public void An_input_follows_from_seed_and_number(string reader)
    {
        FuzzTarget target = Target(reader);
        foreach (long i in new long[] { 0, 1, 77 })
        {
            FuzzFiles first = target.Input(Seed, i), again = target.Input(Seed, i);
            Assert.Equal(first.Keys, again.Keys);
            Assert.All(first, f => Assert.Equal(f.Value, again[f.Key]));
        }
        Assert.True(Enumerable.Range(0, 20).Select(i => Convert.ToHexString([.. target.Input(Seed, i).Values.SelectMany(b => b)])).Distinct().Count() > 10);
    }

    [Theory]
    [MemberData(nameof(Readers))]
    public void The_first_inputs_are_read_or_refused_in_one_line(string reader)
    {
        FuzzTarget target = Target(reader);
        for (int i = 0; i < Inputs; i++)
            Assert.Null(Try(target, target.Input(Seed, i)).Finding?.Text);
    }

    /// <summary>Inputs that once took more memory than a reader may: what PureHDF reads of a damaged group again and again, the values of a tag that TIFF does not know.</summary>
    [Theory]
    [InlineData("keras", 20261126, 1519)]
    [InlineData("image", 7, 22110)]
    public void What_was_found_stays_mended(string reader, int seed, long input)
    {
        FuzzTarget target = Target(reader);
        Assert.Null(Try(target, target.Input(seed, input)).Finding?.Text);
    }

    private (FuzzFinding? Finding, int Read) Try(FuzzTarget target, FuzzFiles files)
    {
        files.Write(_files["input"]);
        return FuzzOracle.Try(target, _files["input"], files.Bytes);
    }

    private static FuzzTarget Target(string name) => FuzzTargets.All.Single(t => t.Name == name);
}
