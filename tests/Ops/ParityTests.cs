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
        ParityCase parity = ParityCase.Of(name);
        parity.Compare(parity.Run(Device.Cpu));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Both_kernel_sets_add_to_a_gradient_that_is_there(string name)
    {
        ParityCase parity = ParityCase.Of(name);
        parity.CompareAdded(parity.Run(Device.Reference, parity.Before));
        parity.CompareAdded(parity.Run(Device.Cpu, parity.Before));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void One_and_three_threads_give_the_same_bits(string name)
    {
        ParityCase parity = ParityCase.Of(name);
        int threads = CpuThreads.Count;
        try
        {
            CpuThreads.Count = 1;
            OpResult one = parity.Run(Device.Cpu);
            CpuThreads.Count = 3;
            OpResult three = parity.Run(Device.Cpu);
            Assert.Equal(one.Output, three.Output);
            Assert.Equal(one.Gradients, three.Gradients);
            Assert.Equal(one.InputsAfter, three.InputsAfter);
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }
}
