using Graft.Kernels;
using Graft.Tests.OpCases;
using Xunit;

namespace Graft.Tests.Ops;

/// <summary>The Cpu set against the Reference set.</summary>
[Collection(OpsCollection.Name)]
public sealed class ParityTests
{
    public static TheoryData<string> Names => new(AllCases.Ops.Select(c => c.Name));

    [Fact]
    public void Every_case_has_a_name_of_its_own() =>
        Assert.Equal(AllCases.Ops.Count, AllCases.Ops.Select(c => c.Name).Distinct().Count());

    [Theory]
    [MemberData(nameof(Names))]
    public void Cpu_kernels_equal_the_reference_forward_and_backward(string name)
    {
        (OpCase test, OpValue[] inputs, float[] upstream) = Prepare(name);
        Same(test, OpHarness.Run(Device.Reference, test.Op, inputs, upstream), OpHarness.Run(Device.Cpu, test.Op, inputs, upstream));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Both_kernel_sets_add_to_a_gradient_that_is_there(string name)
    {
        (OpCase test, OpValue[] inputs, float[] upstream) = Prepare(name);
        float[] Before(int i) => OpHarness.Random(inputs[i].Shape.Count, seed: 100 + i);
        OpResult alone = OpHarness.Run(Device.Reference, test.Op, inputs, upstream);
        for (int i = 0; i < inputs.Length; i++)
        {
            if (alone.Gradients[i] is float[] gradient)
                alone.Gradients[i] = [.. gradient.Zip(Before(i), (a, b) => a + b)];
        }
        Same(test, alone, OpHarness.Run(Device.Reference, test.Op, inputs, upstream, Before));
        Same(test, alone, OpHarness.Run(Device.Cpu, test.Op, inputs, upstream, Before));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void One_and_three_threads_give_the_same_bits(string name)
    {
        (OpCase test, OpValue[] inputs, float[] upstream) = Prepare(name);
        int threads = CpuThreads.Count;
        try
        {
            CpuThreads.Count = 1;
            OpResult one = OpHarness.Run(Device.Cpu, test.Op, inputs, upstream);
            CpuThreads.Count = 3;
            OpResult three = OpHarness.Run(Device.Cpu, test.Op, inputs, upstream);
            Assert.Equal(one.Output, three.Output);
            Assert.Equal(one.Gradients, three.Gradients);
            Assert.Equal(one.InputsAfter, three.InputsAfter);
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }

    private static (OpCase Test, OpValue[] Inputs, float[] Upstream) Prepare(string name)
    {
        OpCase test = AllCases.Ops.Single(c => c.Name == name);
        OpValue[] inputs = OpHarness.Values(test);
        return (test, inputs, OpHarness.Random(test.Op.InferShape([.. inputs.Select(v => v.Shape)]).Count, seed: 7));
    }

    private static void Same(OpCase test, OpResult expected, OpResult actual)
    {
        Near(test, "output", expected.Output, actual.Output);
        for (int i = 0; i < expected.Gradients.Length; i++)
        {
            if (expected.Gradients[i] is float[] gradient)
                Near(test, $"gradient of input {i}", gradient, actual.Gradients[i]!);
            if (expected.InputsAfter[i] is float[] after)
                Near(test, $"input {i} after the run", after, actual.InputsAfter[i]!);
        }
    }

    private static void Near(OpCase test, string what, float[] expected, float[] actual)
    {
        double difference = OpHarness.Difference(expected, actual);
        Assert.True(difference <= test.Tolerance, $"{test.Name}: {what} differs by {difference:g3}, more than {test.Tolerance:g3}.");
    }
}
