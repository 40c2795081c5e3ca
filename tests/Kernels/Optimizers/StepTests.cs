using Graft.Kernels;
using Xunit;

namespace Graft.Tests.Kernels.Optimizers;

/// <summary>Steps worked by hand from w = 1, on both host kernel sets, and on more numbers than a vector or a chunk holds.</summary>
public sealed class StepTests
{
    private const int Count = 20011;

    public static TheoryData<string> Sets => [KernelSet.Reference.Name, KernelSet.Cpu.Name];

    [Theory, MemberData(nameof(Sets))]
    public void Sgd_moves_against_the_gradient(string set) =>
        Check(set, steps: 2, slots: 0, start: 0, expected: 0.9, (k, w, g, s, _) => k.SgdStep.Step(new(0.1f), Count, w, g, DevicePtr<float>.Null)); // 1 - 2 * 0.1 * 0.5

    [Theory, MemberData(nameof(Sets))]
    public void Sgd_with_momentum(string set) => // v: -0.05, then 0.9 * -0.05 - 0.05 = -0.095
        Check(set, steps: 2, slots: 1, start: 0, expected: 1 - 0.05 - 0.095, (k, w, g, s, _) => k.SgdStep.Step(new(0.1f, 0.9f), Count, w, g, s[0]));

    [Theory, MemberData(nameof(Sets))]
    public void Sgd_with_nesterov_momentum(string set) => // moves 0.9 v - 0.05: -0.095, then -0.1355
        Check(set, steps: 2, slots: 1, start: 0, expected: 1 - 0.095 - 0.1355, (k, w, g, s, _) => k.SgdStep.Step(new(0.1f, 0.9f, true), Count, w, g, s[0]));

    [Theory, MemberData(nameof(Sets))]
    public void RmsProp_divides_by_the_root_of_the_mean_square(string set) => // v = 0.1 * 0.25 = 0.025; epsilon 0.0003 inside the root
        Check(set, steps: 1, slots: 1, start: 0, expected: 1 - 0.1 * 0.5 / Math.Sqrt(0.0253),
            (k, w, g, s, _) => k.RmsPropStep.Step(new(0.1f, 0.9f, 0, 0.0003f), Count, w, g, s[0], DevicePtr<float>.Null, DevicePtr<float>.Null));

    [Theory, MemberData(nameof(Sets))]
    public void An_outer_epsilon_is_added_to_the_root(string set)
    {
        Check(set, steps: 1, slots: 1, start: 0, expected: 1 - 0.1 * 0.5 / (Math.Sqrt(0.025) + 0.0625),
            (k, w, g, s, _) => k.RmsPropStep.Step(new(0.1f, 0.9f, 0, 0, 0.0625f), Count, w, g, s[0], DevicePtr<float>.Null, DevicePtr<float>.Null));
        Check(set, steps: 1, slots: 1, start: 0, expected: 1 - 0.1 * 0.5 / (0.5 + 0.0625), (k, w, g, s, _) => k.AdagradStep.Step(new(0.1f, 0, 0.0625f), Count, w, g, s[0]));
    }

    [Theory, MemberData(nameof(Sets))]
    public void RmsProp_centered_with_momentum(string set) // mean 0.05, v - mean^2 = 0.0225; then mean 0.095, v 0.0475 - 0.009025
    {
        double first = 0.1 * 0.5 / Math.Sqrt(0.0225 + 1e-7), second = 0.9 * first + 0.1 * 0.5 / Math.Sqrt(0.0475 - 0.009025 + 1e-7);
        Check(set, steps: 2, slots: 3, start: 0, expected: 1 - first - second,
            (k, w, g, s, _) => k.RmsPropStep.Step(new(0.1f, 0.9f, 0.9f, 1e-7f), Count, w, g, s[0], s[1], s[2]));
    }

    [Theory, MemberData(nameof(Sets))]
    public void Adam_with_a_steady_gradient_moves_by_the_rate(string set) => // m-hat = g and v-hat = g^2 at every step
        Check(set, steps: 3, slots: 2, start: 0, expected: 1 - 3 * 0.1, (k, w, g, s, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 0, t), Count, w, g, s[0], s[1], DevicePtr<float>.Null),
            tolerance: 2e-5); // epsilon 1e-7 against an uncorrected root of 0.5 * sqrt(0.001) = 0.016 at the first step: 6e-6 of 0.1, thrice

    [Theory, MemberData(nameof(Sets))]
    public void AdamW_takes_its_decay_off_first(string set) => // 1 * (1 - 0.1 * 0.2) - 0.1
        Check(set, steps: 1, slots: 2, start: 0, expected: 0.98 - 0.1, (k, w, g, s, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 0, 0.2f, t), Count, w, g, s[0], s[1], DevicePtr<float>.Null));

    [Theory, MemberData(nameof(Sets))]
    public void Amsgrad_divides_by_the_largest_mean_square_so_far(string set) => // peak starts at 1, above v = 0.00025: root 1, m = 0.05
        Check(set, steps: 1, slots: 3, start: 1, expected: 1 - 0.1 * Math.Sqrt(0.001) / 0.1 * (0.9 + 0.05) / Math.Sqrt(1),
            (k, w, g, s, t) =>
            {
                k.Memory.Fill(s[1], Count, 0);
                k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 0, 0, t), Count, w, g, s[0], s[1], s[2]);
            });

    [Theory, MemberData(nameof(Sets))]
    public void Adagrad_divides_by_the_root_of_the_sum_of_squares(string set) => // 0.1 + 0.25, then 0.6
        Check(set, steps: 2, slots: 1, start: 0.1f, expected: 1 - 0.05 / Math.Sqrt(0.35) - 0.05 / Math.Sqrt(0.6),
            (k, w, g, s, _) => k.AdagradStep.Step(new(0.1f), Count, w, g, s[0]));

    [Theory, MemberData(nameof(Sets))]
    public void Adadelta_moves_by_the_root_of_earlier_moves_over_that_of_gradients(string set) // a = 0.05 * 0.25 = 0.0125, then 0.024375
    {
        double first = Math.Sqrt(0.01 / (0.0125 + 0.01)) * 0.5, second = Math.Sqrt((0.05 * first * first + 0.01) / (0.024375 + 0.01)) * 0.5;
        Check(set, steps: 2, slots: 2, start: 0, expected: 1 - 0.1 * (first + second),
            (k, w, g, s, _) => k.AdadeltaStep.Step(new(0.1f, 0.95f, 0.01f), Count, w, g, s[0], s[1]));
    }

    [Theory, MemberData(nameof(Sets))]
    public void Adamax_divides_by_the_largest_magnitude_so_far(string set) => // u starts at 2: 0.999 * 2; m = 0.9 * 2 + 0.1 * 0.5 = 1.85
        Check(set, steps: 1, slots: 2, start: 2, expected: 1 - 0.1 / 0.1 * 1.85 / (1.998 + 0.25),
            (k, w, g, s, t) => k.AdamaxStep.Step(new(0.1f, 0.9f, 0.999f, 0.25f, t), Count, w, g, s[0], s[1]));

    [Theory, MemberData(nameof(Sets))]
    public void Nadam_looks_ahead_by_its_momentum_schedule(string set) // u1 = 0.9 * 0.52 = 0.468, u2 = 0.9 * 0.5392 = 0.48528; v-hat = 0.25
    {
        double move = 0.48528 * 0.05 / (1 - 0.468 * 0.48528) + (1 - 0.468) * 0.5 / (1 - 0.468);
        Check(set, steps: 1, slots: 2, start: 0, expected: 1 - 0.1 * move / (0.5 + 0.1),
            (k, w, g, s, t) => k.NadamStep.Step(new(0.1f, 0.9f, 0.999f, 0.1f, t), Count, w, g, s[0], s[1]));
    }

    [Theory, MemberData(nameof(Sets))]
    public void Gradients_are_scaled_clipped_added_and_measured(string set)
    {
        Check(set, steps: 1, slots: 0, start: 0, expected: 3, (k, w, g, s, _) => k.Gradient.Scale(w, Count, 3));
        Check(set, steps: 1, slots: 0, start: 0, expected: 0.25, (k, w, g, s, _) => k.Gradient.ClipValue(w, Count, 0.25f));
        Check(set, steps: 1, slots: 0, start: 0, expected: 1 + 0.5 * 0.2, (k, w, g, s, _) => k.Gradient.AddScaled(g, 0.2f, w, Count));
        Check(set, steps: 1, slots: 0, start: 0, expected: 1, (k, w, g, s, _) => Assert.Equal(0.25 * Count, k.Gradient.SumOfSquares(g, Count), 1e-9));
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
