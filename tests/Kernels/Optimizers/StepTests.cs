using Graft.Kernels;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.Optimizers;

/// <summary>Steps worked by hand from w = 1, on both host kernel sets, and on more numbers than a vector or a chunk holds.</summary>
[Collection(CpuThreadsCollection.Name)] // sets the number of threads
public sealed class StepTests
{
    private const int Count = 20011;

    public static TheoryData<string> Sets => [KernelSet.Reference.Name, KernelSet.Cpu.Name];

    [Theory, MemberData(nameof(Sets))]
    public void Sgd_moves_against_the_gradient(string set) =>
        Check(set, steps: 2, slots: 0, start: 0, expected: 0.9, (k, w, g, s, _) => k.SgdStep.Step(new(0.1f), [new(Count, w, g)])); // 1 - 2 * 0.1 * 0.5

    [Theory, MemberData(nameof(Sets))]
    public void Sgd_with_momentum(string set) => // v: -0.05, then 0.9 * -0.05 - 0.05 = -0.095
        Check(set, steps: 2, slots: 1, start: 0, expected: 1 - 0.05 - 0.095, (k, w, g, s, _) => k.SgdStep.Step(new(0.1f, 0.9f), [new(Count, w, g, s[0])]));

    [Theory, MemberData(nameof(Sets))]
    public void Sgd_with_nesterov_momentum(string set) => // moves 0.9 v - 0.05: -0.095, then -0.1355
        Check(set, steps: 2, slots: 1, start: 0, expected: 1 - 0.095 - 0.1355, (k, w, g, s, _) => k.SgdStep.Step(new(0.1f, 0.9f, true), [new(Count, w, g, s[0])]));

    [Theory, MemberData(nameof(Sets))]
    public void RmsProp_divides_by_the_root_of_the_mean_square(string set) => // v = 0.1 * 0.25 = 0.025; epsilon 0.0003 inside the root
        Check(set, steps: 1, slots: 1, start: 0, expected: 1 - 0.1 * 0.5 / Math.Sqrt(0.0253),
            (k, w, g, s, _) => k.RmsPropStep.Step(new(0.1f, 0.9f, 0, 0.0003f), [new(Count, w, g, s[0])]));

    [Theory, MemberData(nameof(Sets))]
    public void An_outer_epsilon_is_added_to_the_root(string set)
    {
        Check(set, steps: 1, slots: 1, start: 0, expected: 1 - 0.1 * 0.5 / (Math.Sqrt(0.025) + 0.0625),
            (k, w, g, s, _) => k.RmsPropStep.Step(new(0.1f, 0.9f, 0, 0, 0.0625f), [new(Count, w, g, s[0])]));
        Check(set, steps: 1, slots: 1, start: 0, expected: 1 - 0.1 * 0.5 / (0.5 + 0.0625), (k, w, g, s, _) => k.AdagradStep.Step(new(0.1f, 0, 0.0625f), [new(Count, w, g, s[0])]));
    }

    [Theory, MemberData(nameof(Sets))]
    public void RmsProp_centered_with_momentum(string set) // mean 0.05, v - mean^2 = 0.0225; then mean 0.095, v 0.0475 - 0.009025
    {
        double first = 0.1 * 0.5 / Math.Sqrt(0.0225 + 1e-7), second = 0.9 * first + 0.1 * 0.5 / Math.Sqrt(0.0475 - 0.009025 + 1e-7);
        Check(set, steps: 2, slots: 3, start: 0, expected: 1 - first - second,
            (k, w, g, s, _) => k.RmsPropStep.Step(new(0.1f, 0.9f, 0.9f, 1e-7f), [new(Count, w, g, s[0], s[1], s[2])]));
    }

    [Theory, MemberData(nameof(Sets))]
    public void Adam_with_a_steady_gradient_moves_by_the_rate(string set) => // m-hat = g and v-hat = g^2 at every step
        Check(set, steps: 3, slots: 2, start: 0, expected: 1 - 3 * 0.1, (k, w, g, s, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 0, t), [new(Count, w, g, s[0], s[1])]),
            tolerance: 2e-5); // epsilon 1e-7 against an uncorrected root of 0.5 * sqrt(0.001) = 0.016 at the first step: 6e-6 of 0.1, thrice

    [Theory, MemberData(nameof(Sets))]
    public void AdamW_takes_its_decay_off_first(string set) => // 1 * (1 - 0.1 * 0.2) - 0.1
        Check(set, steps: 1, slots: 2, start: 0, expected: 0.98 - 0.1, (k, w, g, s, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 0, 0.2f, t), [new(Count, w, g, s[0], s[1])]));

    [Theory, MemberData(nameof(Sets))]
    public void Amsgrad_divides_by_the_largest_mean_square_so_far(string set) => // peak starts at 1, above v = 0.00025: root 1, m = 0.05
        Check(set, steps: 1, slots: 3, start: 1, expected: 1 - 0.1 * Math.Sqrt(0.001) / 0.1 * (0.9 + 0.05) / Math.Sqrt(1),
            (k, w, g, s, t) =>
            {
                k.Memory.Fill(s[1], Count, 0);
                k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 0, 0, t), [new(Count, w, g, s[0], s[1], s[2])]);
            });

    [Theory, MemberData(nameof(Sets))]
    public void Adagrad_divides_by_the_root_of_the_sum_of_squares(string set) => // 0.1 + 0.25, then 0.6
        Check(set, steps: 2, slots: 1, start: 0.1f, expected: 1 - 0.05 / Math.Sqrt(0.35) - 0.05 / Math.Sqrt(0.6),
            (k, w, g, s, _) => k.AdagradStep.Step(new(0.1f), [new(Count, w, g, s[0])]));

    [Theory, MemberData(nameof(Sets))]
    public void Adadelta_moves_by_the_root_of_earlier_moves_over_that_of_gradients(string set) // a = 0.05 * 0.25 = 0.0125, then 0.024375
    {
        double first = Math.Sqrt(0.01 / (0.0125 + 0.01)) * 0.5, second = Math.Sqrt((0.05 * first * first + 0.01) / (0.024375 + 0.01)) * 0.5;
        Check(set, steps: 2, slots: 2, start: 0, expected: 1 - 0.1 * (first + second),
            (k, w, g, s, _) => k.AdadeltaStep.Step(new(0.1f, 0.95f, 0.01f), [new(Count, w, g, s[0], s[1])]));
    }

    [Theory, MemberData(nameof(Sets))]
    public void Adamax_divides_by_the_largest_magnitude_so_far(string set) => // u starts at 2: 0.999 * 2; m = 0.9 * 2 + 0.1 * 0.5 = 1.85
        Check(set, steps: 1, slots: 2, start: 2, expected: 1 - 0.1 / 0.1 * 1.85 / (1.998 + 0.25),
            (k, w, g, s, t) => k.AdamaxStep.Step(new(0.1f, 0.9f, 0.999f, 0.25f, t), [new(Count, w, g, s[0], s[1])]));

    [Theory, MemberData(nameof(Sets))]
    public void Nadam_looks_ahead_by_its_momentum_schedule(string set) // u1 = 0.9 * 0.52 = 0.468, u2 = 0.9 * 0.5392 = 0.48528; v-hat = 0.25
    {
        double move = 0.48528 * 0.05 / (1 - 0.468 * 0.48528) + (1 - 0.468) * 0.5 / (1 - 0.468);
        Check(set, steps: 1, slots: 2, start: 0, expected: 1 - 0.1 * move / (0.5 + 0.1),
            (k, w, g, s, t) => k.NadamStep.Step(new(0.1f, 0.9f, 0.999f, 0.1f, t), [new(Count, w, g, s[0], s[1])]));
    }

    [Theory, MemberData(nameof(Sets))]
    public void Gradients_are_scaled_added_and_measured(string set)
    {
        Check(set, steps: 1, slots: 0, start: 0, expected: 3, (k, w, g, s, _) => k.Gradient.Scale(w, Count, 3));
        Check(set, steps: 1, slots: 0, start: 0, expected: 1 + 0.5 * 0.2, (k, w, g, s, _) => k.Gradient.AddScaled(g, 0.2f, w, Count));
        Check(set, steps: 1, slots: 0, start: 0, expected: 1, (k, w, g, s, _) =>
        {
            double[] sums = [-1, -1, -1];
            k.Gradient.SumsOfSquares([new(3, w, g), new(0, w, g), new(Count, g, w)], sums); // 0.5 thrice, nothing, and ones
            Assert.Equal([0.75, 0, Count], sums);
        });
    }

    [Theory, MemberData(nameof(Sets))]
    public void A_gradient_is_scaled_then_limited_and_stays_as_it_was(string set)
    {
        Check(set, steps: 2, slots: 0, start: 0, expected: 1 - 2 * 0.1 * 0.5 * 0.5, (k, w, g, s, _) => k.SgdStep.Step(new(0.1f), [new StepTensor(Count, w, g) { Factor = 0.5f }]));
        Check(set, steps: 2, slots: 0, start: 0, expected: 1 - 2 * 0.1 * 0.125, (k, w, g, s, _) => k.SgdStep.Step(new(0.1f), [new StepTensor(Count, w, g) { Limit = 0.125f }]));
        Check(set, steps: 1, slots: 0, start: 0, expected: 1 + 0.1 * 0.75, (k, w, g, s, _) => k.SgdStep.Step(new(0.1f), [new StepTensor(Count, w, g) { Factor = -2, Limit = 0.75f }]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Tensors_of_all_sizes_in_one_step_get_the_bits_of_steps_of_their_own(int threads)
    {
        long[] sizes = [1, 40000, 0, 17, 16384, 5, 15, 16, 100, 33000]; // chunks of 16384 begin and end within tensors, and hold several
        int before = CpuThreads.Count;
        CpuThreads.Count = threads;
        KernelSet kernels = KernelSet.Cpu;
        DevicePtr<float>[] blocks = [.. Enumerable.Range(0, 2 * 3 * sizes.Length).Select(i => Random(kernels, sizes[i / 3 % sizes.Length], i % (3 * sizes.Length)))];
        StepTensor[] Tensors(int copy) => [.. sizes.Select((size, i) => new StepTensor(size, blocks[(copy * sizes.Length + i) * 3], blocks[(copy * sizes.Length + i) * 3 + 1], blocks[(copy * sizes.Length + i) * 3 + 2]))];
        StepTensor[] together = Tensors(0), alone = Tensors(1);
        var settings = new RmsPropStepSettings(0.1f);
        kernels.RmsPropStep.Step(settings, together);
        foreach (StepTensor tensor in alone)
            kernels.RmsPropStep.Step(settings, [tensor]);
        CpuThreads.Count = before;
        for (int i = 0; i < sizes.Length; i++)
        {
            Assert.Equal(Read(kernels, alone[i].W, sizes[i]), Read(kernels, together[i].W, sizes[i]));
            Assert.Equal(Read(kernels, alone[i].A, sizes[i]), Read(kernels, together[i].A, sizes[i]));
        }
        foreach (DevicePtr<float> block in blocks)
            kernels.Memory.Free(block.Address);
    }

    private static DevicePtr<float> Random(KernelSet kernels, long count, int seed)
    {
        var random = new Random(seed);
        var block = new DevicePtr<float>(kernels.Memory.Allocate(count * sizeof(float)));
        kernels.Memory.Upload<float>([.. Enumerable.Range(0, (int)count).Select(_ => random.NextSingle())], block);
        return block;
    }

    private static float[] Read(KernelSet kernels, DevicePtr<float> block, long count)
    {
        var values = new float[count];
        kernels.Memory.Download(block, values.AsSpan());
        return values;
    }

    /// <summary>Tolerance: a few roundings of float32 numbers near 1.</summary>
    private static void Check(string set, int steps, int slots, float start, double expected, StepCall step, double tolerance = 1e-6)
    {
        KernelSet kernels = set == KernelSet.Cpu.Name ? KernelSet.Cpu : KernelSet.Reference;
        DevicePtr<float>[] blocks = [.. Enumerable.Range(0, slots + 2).Select(_ => new DevicePtr<float>(kernels.Memory.Allocate(Count * sizeof(float))))];
        for (int i = 0; i < blocks.Length; i++)
            kernels.Memory.Fill(blocks[i], Count, i switch { 0 => 1, 1 => 0.5f, _ => start });
        for (int t = 1; t <= steps; t++)
            step(kernels, blocks[0], blocks[1], blocks[2..], t);
        var weights = new float[Count];
        kernels.Memory.Download(blocks[0], weights.AsSpan());
        foreach (DevicePtr<float> block in blocks)
            kernels.Memory.Free(block.Address);
        Assert.All(weights, w => Assert.Equal(expected, w, tolerance));
    }

    private delegate void StepCall(KernelSet kernels, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float>[] slots, int t);
}
