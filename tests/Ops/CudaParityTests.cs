using Graft.Ops;
using Graft.Tests.CudaEmulator;
using Graft.Tests.OpCases;
using Xunit;

namespace Graft.Tests.Ops;

/// <summary>The Cuda set, on the emulated GPU, against the Reference set.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaParityTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int MostChecked = 2000; // elements: with every access checked, larger cases take long and show nothing new

    public static TheoryData<string> Names => ParityTests.Names;

    public static TheoryData<string> SmallNames => new(AllCases.Ops.Where(IsSmall).Select(c => c.Name));

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    /// <summary>Cases of the op that a library computes where it is there.</summary>
    public static TheoryData<string> ConvolutionNames => new(Convolutions().Select(c => c.Name));

    public static TheoryData<string> SmallConvolutionNames => new(Convolutions().Where(IsSmall).Select(c => c.Name));

    [Theory, MemberData(nameof(Names))]
    public void Cuda_kernels_equal_the_reference_and_add_to_a_gradient_that_is_there(string name) => Compare(name, usesCudnn: true);

    [Theory, MemberData(nameof(ConvolutionNames))]
    public void Without_cudnn_own_convolutions_equal_the_reference(string name) => Compare(name, usesCudnn: false);

    [Theory, MemberData(nameof(SmallNames))]
    public void Every_access_is_in_bounds_initialised_and_ordered_and_no_order_of_threads_changes_a_bit(string name) => CompareChecked(name, usesCudnn: true);

    [Theory, MemberData(nameof(SmallConvolutionNames))]
    public void Without_cudnn_every_access_is_in_bounds_initialised_and_ordered_and_no_order_of_threads_changes_a_bit(string name) => CompareChecked(name, usesCudnn: false);

    private void Compare(string name, bool usesCudnn)
    {
        Begin(name);
        using var gpu = new EmulatedGpu(usesCudnn: usesCudnn);
        ParityCase parity = ParityCase.Of(name);
        parity.Compare(parity.Run(gpu.Device));
        parity.CompareAdded(parity.Run(gpu.Device, parity.Before));
    }

    private void CompareChecked(string name, bool usesCudnn)
    {
        Begin(name);
        ParityCase parity = ParityCase.Of(name);
        (emulator.Checked, emulator.Tight) = (true, true);
        OpResult forward;
        using (var gpu = new EmulatedGpu(usesCudnn: usesCudnn))
            forward = parity.Run(gpu.Device);
        parity.Compare(forward);
        (emulator.Checked, emulator.Tight, emulator.ThreadOrder, emulator.Seed, emulator.Progress) = (false, false, EmulatorThreadOrder.Shuffled, 7, EmulatorProgress.Random);
        using (var gpu = new EmulatedGpu(usesCudnn: usesCudnn))
        {
            OpResult shuffled = parity.Run(gpu.Device);
            Assert.Equal(forward.Output, shuffled.Output);
            Assert.Equal(forward.Gradients, shuffled.Gradients);
        }
    }

    private static IEnumerable<OpCase> Convolutions() => AllCases.Ops.Where(c => c.Op is Conv2DOp or Conv2DTransposeOp);

    private static bool IsSmall(OpCase test) => test.Inputs.Sum(i => i.Shape.Count) <= MostChecked;

    private void Begin(string name) => emulator.Begin(name);
}
