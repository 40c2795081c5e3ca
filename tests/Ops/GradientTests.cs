using Graft.Tests.OpCases;
using Xunit;

namespace Graft.Tests.Ops;

/// <summary>The Reference set against finite differences of itself.</summary>
[Collection(OpsCollection.Name)]
public sealed class GradientTests
{
    private const int ElementsPerInput = 40;

    public static TheoryData<string> Names => new(AllCases.Ops.Where(c => c.ChecksGradient).Select(c => c.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Backward_of_the_reference_kernels_equals_finite_differences(string name)
    {
        OpCase test = AllCases.Ops.Single(c => c.Name == name);
        OpValue[] inputs = OpHarness.Values(test);
        float[] upstream = OpHarness.Random(test.Op.InferShape([.. inputs.Select(v => v.Shape)]).Count, seed: 7);
        OpResult result = OpHarness.Run(Device.Reference, test.Op, inputs, upstream);
        int compared = 0;
        for (int i = 0; i < inputs.Length; i++)
        {
            if (result.Gradients[i] is not float[] gradient)
                continue;
            int step = Math.Max(1, gradient.Length / ElementsPerInput);
            double largest = Math.Max(1, gradient.Max(Math.Abs));
            for (int e = 0; e < gradient.Length; e += step, compared++)
            {
                double expected = Slope(test, inputs, i, e, upstream);
                Assert.True(
                    Math.Abs(expected - gradient[e]) <= test.GradientTolerance * largest,
                    $"{name}: d/d input {i}[{e}] is {gradient[e]}, finite differences give {expected}.");
            }
        }
        Assert.True(compared > 0, $"{name}: no gradient was compared.");
    }

    /// <summary>The five-point rule, whose error falls with the fourth power of the step.</summary>
    private static double Slope(OpCase test, OpValue[] inputs, int input, int element, float[] upstream)
    {
        const double Step = 2e-2;
        double At(double steps) => Loss(test, inputs, input, element, (float)(inputs[input].Floats![element] + steps * Step), upstream);
        return (8 * (At(1) - At(-1)) - (At(2) - At(-2))) / (12 * Step);
    }

    private static double Loss(OpCase test, OpValue[] inputs, int input, int element, float value, float[] upstream)
    {
        OpValue[] moved = (OpValue[])inputs.Clone();
        moved[input] = moved[input].With(element, value);
        float[] output = OpHarness.Forward(Device.Reference, test.Op, moved);
        double sum = 0;
        for (int i = 0; i < output.Length; i++)
            sum += (double)output[i] * upstream[i];
        return sum;
    }
}
