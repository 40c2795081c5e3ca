using Graft.Bench.Gpu;
using Graft.Bench.Quick;
using Graft.Bench.Suite;
using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Bench;

/// <summary>The kernels that the GPU check times, naive, own and the libraries', give the reference's numbers.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class LadderTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    public static TheoryData<string> Names => new(LadderCases.Of(isTiny: true).Select(c => c.Op.Name));

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_rung_gives_the_references_numbers(string name)
    {
        emulator.Begin(name);
        emulator.Checked = true;
        LadderCase of = LadderCases.Of(isTiny: true).Single(c => c.Op.Name == name);
        using var there = new Workspace(KernelSet.Reference.Memory);
        of.Op.Graft(KernelSet.Reference, there, of.Op.Batch)();
        float[] expected = there.Result();
        foreach (Rung rung in of.Rungs)
        {
            using var gpu = new EmulatedGpu(usesCudnn: rung.UsesCudnn);
            using var here = new Workspace(gpu.Kernels.Memory);
            try
            {
                (rung.Make ?? of.Op.Graft)((CudaKernelSet)gpu.Kernels, here, of.Op.Batch)();
            }
            catch (Exception e) when (CudaEmulator.CudaEmulator.UsesHardware && rung.IsRefusedBy(e))
            {
                continue; // a version that has nothing for such small sizes
            }
            double deviation = OutputCheck.Deviation(here.Result(), expected);
            Assert.True(deviation <= of.Op.Tolerance, $"{rung.Name} deviates by {deviation}.");
        }
    }
}
