using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Optimizer steps and norms over tensors of all sizes, on the emulated GPU against the Reference set.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaStepTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private static readonly int[] s_sizes = [1, 5000, 0, 17, 4096, 5, 8193]; // blocks of 4096 begin and end within tensors, and tensors within none

    private static readonly Dictionary<string, (int Slots, Action<KernelSet, StepTensor[]> Step)> s_steps = new()
    {
        ["sgd"] = (0, (k, t) => k.SgdStep.Step(new(0.1f), t)),
        ["sgd with momentum"] = (1, (k, t) => k.SgdStep.Step(new(0.1f, 0.9f), t)),
        ["sgd with nesterov momentum"] = (1, (k, t) => k.SgdStep.Step(new(0.1f, 0.9f, true), t)),
        ["rmsprop"] = (1, (k, t) => k.RmsPropStep.Step(new(0.1f), t)),
        ["rmsprop with momentum"] = (2, (k, t) => k.RmsPropStep.Step(new(0.1f, 0.9f, 0.8f), t)),
        ["rmsprop centered with an outer epsilon"] = (3, (k, t) => k.RmsPropStep.Step(new(0.1f, 0.9f, 0.8f, 1e-7f, 1e-3f), t)),
        ["adam"] = (2, (k, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 0, 3), t)),
        ["adamw"] = (2, (k, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 0.2f, 1), t)),
        ["adamw, decay of the first alone"] = (2, (k, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 0.2f, 1) { Decayed = 4 }, t)), // an empty one among them
        ["amsgrad"] = (3, (k, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 0, 2), t)),
        ["adagrad"] = (1, (k, t) => k.AdagradStep.Step(new(0.1f, 1e-7f, 1e-3f), t)),
        ["adadelta"] = (2, (k, t) => k.AdadeltaStep.Step(new(0.1f), t)),
        ["adamax"] = (2, (k, t) => k.AdamaxStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 3), t)),
        ["nadam"] = (2, (k, t) => k.NadamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 3), t)),
        ["sums of squares"] = (0, (k, t) =>
        {
            var sums = new double[t.Length];
            k.Gradient.SumsOfSquares(t, sums);
            for (int i = 0; i < t.Length; i++)
            {
                if (t[i].Count > 0)
                    k.Memory.Fill(t[i].W, 1, (float)sums[i]);
            }
        }),
    };

    public static TheoryData<string> Names => new(s_steps.Keys);

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(Names))]
    public void A_step_moves_all_tensors_as_the_reference_does(string name) => Compare(name, offset: 0);

    /// <summary>Packs of 16 bytes need addresses that are multiples of them; other tensors go number by number.</summary>
    [Theory, MemberData(nameof(Names))]
    public void A_step_moves_tensors_at_odd_addresses(string name) => Compare(name, offset: 1);

    private void Compare(string name, int offset)
    {
        emulator.Begin($"{name} {offset}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        float[][] expected = Run(KernelSet.Reference, name, 0), actual = Run(gpu.Kernels, name, offset);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i].Zip(actual[i], (a, b) => Math.Abs(a - b) / Math.Max(1, Math.Abs(a))).DefaultIfEmpty().Max()) < 2e-6, $"{name}: array {i} differs."); // some roundings of numbers near 1
    }

    [Fact]
    public void All_tensors_take_one_launch()
    {
        emulator.Begin(nameof(All_tensors_take_one_launch));
        using var gpu = new EmulatedGpu();
        Run(gpu.Kernels, "adam", 0);
        Assert.Equal(1UL, emulator.Counter("launches"));
    }

    private static float[][] Run(KernelSet kernels, string name, int offset)
    {
        (int slots, Action<KernelSet, StepTensor[]> step) = s_steps[name];
        DevicePtr<float>[][] blocks = [.. s_sizes.Select((size, t) => Enumerable.Range(0, 2 + slots).Select(i => New(kernels, size, seed: 10 * t + i, array: i, offset)).ToArray())];
        StepTensor[] tensors = [.. blocks.Select((b, t) => new StepTensor(s_sizes[t], b[0].At(offset), b[1].At(offset), At(b, 2, offset), At(b, 3, offset), At(b, 4, offset))
        {
            Factor = t % 2 == 0 ? 1 : 0.5f, Limit = t % 3 == 0 ? float.PositiveInfinity : 0.3f,
        })];
        step(kernels, tensors);
        float[][] all = [.. blocks.SelectMany((b, t) => b.Select(block => KernelBlocks.Read(kernels.Memory, block.At(offset), s_sizes[t])))];
        foreach (DevicePtr<float> block in blocks.SelectMany(b => b))
            kernels.Memory.Free(block.Address);
        return all;
    }

    private static DevicePtr<float> At(DevicePtr<float>[] blocks, int i, int offset) => i < blocks.Length ? blocks[i].At(offset) : DevicePtr<float>.Null;

    private static DevicePtr<float> New(KernelSet kernels, int count, int seed, int array, int offset)
    {
        // Slots A and B hold mean squares, well above the square of the mean in C: the centered root stays real and no digits cancel.
        (float from, float to) = array switch { 2 or 3 => (1, 1.1f), 4 => (-0.5f, 0.5f), _ => (-1f, 1f) };
        return KernelBlocks.New(kernels.Memory, [.. new float[offset], .. KernelBlocks.Numbers(count, seed, from, to)]);
    }
}
