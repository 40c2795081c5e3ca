using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class ScheduleTests
{
    // Rates are float32: six digits.
    private static void Same(double expected, float actual) => Assert.Equal(expected, actual, Math.Abs(expected) * 1e-6 + 1e-12);

    [Fact]
    public void A_number_is_a_constant_schedule()
    {
        LearningRateSchedule schedule = 0.25f;
        Assert.Equal(0.25f, schedule.At(0));
        Assert.Equal(0.25f, schedule.At(1_000_000));
    }

    [Fact]
    public void Exponential_decay_multiplies_once_a_period_smoothly_or_in_stairs()
    {
        var smooth = new ExponentialDecay(0.1f, 100, 0.5f);
        Same(0.1, smooth.At(0));
        Same(0.1 / Math.Sqrt(2), smooth.At(50));
        Same(0.05, smooth.At(100));
        var stairs = new ExponentialDecay(0.1f, 100, 0.5f, staircase: true);
        Same(0.1, stairs.At(99));
        Same(0.025, stairs.At(299));
    }

    [Fact]
    public void Step_decay_falls_every_so_many_steps()
    {
        var schedule = new StepDecay(1, every: 10, factor: 0.1f);
        Same(1, schedule.At(9));
        Same(0.1, schedule.At(10));
        Same(0.01, schedule.At(20));
    }

    [Fact]
    public void Piecewise_rates_change_after_their_boundary_not_at_it()
    {
        var schedule = new PiecewiseConstant([10, 20], [1f, 0.5f, 0.1f]);
        Assert.Equal([1f, 1f, 0.5f, 0.5f, 0.1f], new long[] { 0, 10, 11, 20, 21 }.Select(schedule.At));
        Assert.Contains("2 boundaries take 3 rates, not 2", Assert.Throws<GraftException>(() => new PiecewiseConstant([1, 2], [1f, 2f])).Message, StringComparison.Ordinal);
        Assert.Throws<GraftException>(() => new PiecewiseConstant([2, 2], [1f, 2f, 3f]));
    }

    [Fact]
    public void Cosine_decay_ends_at_alpha_and_stays_there()
    {
        var schedule = new CosineDecay(0.1f, 1000, alpha: 0.1f);
        Same(0.1, schedule.At(0));
        Same(0.055, schedule.At(500));
        Same(0.01 + 0.09 * 0.5 * (1 + Math.Cos(Math.PI / 4)), schedule.At(250));
        Same(0.01, schedule.At(1000));
        Same(0.01, schedule.At(5000));
    }

    [Fact]
    public void Cosine_decay_begins_at_the_target_of_its_warm_up()
    {
        var schedule = new CosineDecay(0, 1000, warmupTarget: 0.1f, warmupSteps: 100);
        Same(0, schedule.At(0));
        Same(0.05, schedule.At(50));
        Same(0.1, schedule.At(100));
        Same(0.05, schedule.At(600));
        Same(0, schedule.At(1100));
    }

    [Fact]
    public void Warm_up_is_a_line_and_then_the_other_schedule_from_its_start()
    {
        var schedule = new WarmUp(new StepDecay(1, 10), steps: 4);
        Assert.Equal([0f, 0.25f, 0.75f, 1f], new long[] { 0, 1, 3, 4 }.Select(schedule.At));
        Same(1, schedule.At(13));
        Same(0.1, schedule.At(14));
    }

    [Fact]
    public void One_cycle_rises_to_its_maximum_and_falls_to_almost_nothing()
    {
        var schedule = new OneCycle(1, totalSteps: 11, riseShare: 6f / 11); // the top is at step 5, the end at 10
        Same(0.04, schedule.At(0));
        Same(1, schedule.At(5));
        Same(0.04 + 0.96 * 0.5 * (1 - Math.Cos(Math.PI * 2 / 5)), schedule.At(2));
        Same(4e-6, schedule.At(10));
        Same(4e-6, schedule.At(99));
    }

    [Fact]
    public void Lengths_and_rates_that_cannot_be_trained_with_are_refused()
    {
        foreach (Func<int, object> of in new Func<int, object>[] { n => new CosineDecay(1, n), n => new ExponentialDecay(1, n, 0.5f), n => new InverseTimeDecay(1, n, 0.5f), n => new StepDecay(1, n), n => new PolynomialDecay(1, n), n => new OneCycle(1, n) })
        {
            Assert.NotNull(of(1));
            Assert.Contains("over 0 steps; take 1 or more", Assert.Throws<GraftException>(() => of(0)).Message, StringComparison.Ordinal);
        }
        foreach (Func<float, object> of in new Func<float, object>[] { r => new CosineDecay(r, 1), r => new ExponentialDecay(r, 1, 0.5f), r => new InverseTimeDecay(r, 1, 0.5f), r => new StepDecay(r, 1), r => new PolynomialDecay(1, 1, r), r => new OneCycle(r, 1), r => new PiecewiseConstant([1], [1, r]) })
        {
            Assert.NotNull(of(0.5f));
            Assert.All([-1, float.NaN, float.PositiveInfinity], r => Assert.Contains("A learning rate of", Assert.Throws<GraftException>(() => of(r)).Message, StringComparison.Ordinal));
        }
        foreach (float limit in new[] { 0, -1, float.NaN, float.PositiveInfinity })
        {
            Assert.Contains("ClipNorm", Assert.Throws<GraftException>(() => new Sgd { ClipNorm = limit }).Message, StringComparison.Ordinal);
            Assert.Contains("ClipValue", Assert.Throws<GraftException>(() => new Sgd { ClipValue = limit }).Message, StringComparison.Ordinal);
            Assert.Contains("GlobalClipNorm", Assert.Throws<GraftException>(() => new Sgd { GlobalClipNorm = limit }).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Options_and_callbacks_that_cannot_be_followed_are_refused_before_the_first_step()
    {
        var model = new Sequential(2) { new Graft.Layers.Dense(1) };
        var data = new ArrayBatches([1, 2], new Shape(2), [1], new Shape(1), LabelKind.Values);
        void Says(string part, FitOptions options) => Assert.Contains(part, Assert.Throws<GraftException>(() => model.Fit(data, 1, null, options)).Message, StringComparison.Ordinal);
        model.Compile(new Sgd(new CosineDecay(0.1f, 10)), Loss.MeanSquaredError());
        Says("The learning rate follows CosineDecay", new FitOptions { Callbacks = [new ReduceLROnPlateau("loss")] });
        Says("FitOptions.AccumulationSteps is 0; take 1 or more", new FitOptions { AccumulationSteps = 0 });
        Says("FitOptions.CheckpointEvery is -1", new FitOptions { CheckpointEvery = -1 });
        Says("FitOptions.InitialEpoch is -1", new FitOptions { InitialEpoch = -1 });
        Says("FitOptions.InitialBatch is -1", new FitOptions { InitialBatch = -1 });
        Assert.Equal(0, model.Optimizer!.Iterations);
    }
}
