using Graft.Kernels;
using Graft.Tests.OpCases;

namespace Graft.Tests.Ops;

/// <summary>A case with its numbers, and what the Reference set makes of them.</summary>
internal sealed class ParityCase
{
    private static readonly Device s_reference = new(KernelSet.Reference); // of its own: a run counts its live blocks while other tests use the shared one

    private readonly OpCase _test;
    private readonly OpValue[] _inputs;
    private readonly float[] _upstream;
    private OpResult? _expected;

    private ParityCase(OpCase test)
    {
        _test = test;
        _inputs = OpHarness.Values(test);
        _upstream = OpHarness.Random(test.Op.InferShape([.. _inputs.Select(v => v.Shape)]).Count, seed: 7);
    }

    /// <summary>The case of a name.</summary>
    public static ParityCase Of(string name) => new(AllCases.Ops.Single(c => c.Name == name));

    /// <summary>A gradient that is there before backward adds to it.</summary>
    public float[] Before(int input) => OpHarness.Random(_inputs[input].Shape.Count, seed: 100 + input);

    /// <summary>Forward and backward.</summary>
    public OpResult Run(Device device, Func<int, float[]>? before = null) => OpHarness.Run(device, _test.Op, _inputs, _upstream, before);

    /// <summary>Output, gradients and changed inputs are those of the Reference set.</summary>
    public void Compare(OpResult actual) => Same(Expected, actual);

    /// <summary>The same where gradients were added to those of <see cref="Before"/>.</summary>
    public void CompareAdded(OpResult actual)
    {
        float[]?[] sums = [.. Expected.Gradients.Select((g, i) => g is null ? null : g.Zip(Before(i), (a, b) => a + b).ToArray())];
        Same(Expected with { Gradients = sums }, actual);
    }

    private OpResult Expected => _expected ??= Run(s_reference);

    private void Same(OpResult expected, OpResult actual)
    {
        Near("output", expected.Output, actual.Output);
        for (int i = 0; i < expected.Gradients.Length; i++)
        {
            if (expected.Gradients[i] is float[] gradient)
                Near($"gradient of input {i}", gradient, actual.Gradients[i]!);
            if (expected.InputsAfter[i] is float[] after)
                Near($"input {i} after the run", after, actual.InputsAfter[i]!);
        }
    }

    private void Near(string what, float[] expected, float[] actual)
    {
        double difference = OpHarness.Difference(expected, actual);
        Assert.True(difference <= _test.Tolerance, $"{_test.Name}: {what} differs by {difference:g3}, more than {_test.Tolerance:g3}.");
    }
}
