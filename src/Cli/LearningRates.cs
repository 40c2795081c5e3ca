using System.Globalization;
using Graft.Training;

namespace Graft.Cli;

/// <summary>How the learning rate moves over a training: --schedule and --warmup.</summary>
internal static class LearningRates
{
    /// <summary>What --schedule takes.</summary>
    public static readonly string[] Schedules = ["linear", "cosine", "constant"];

    /// <summary>The schedule of a training.</summary>
    /// <param name="schedule">One of <see cref="Schedules"/>.</param>
    /// <param name="rate">The highest rate.</param>
    /// <param name="steps">Steps of the whole training, at whose end the rate is 0 unless it is constant.</param>
    /// <param name="warmUp">Steps among them in which it rises from 0.</param>
    /// <param name="training">What the training is called, for the error.</param>
    /// <exception cref="GraftException">Nothing is left behind the warm-up.</exception>
    public static LearningRateSchedule Of(string schedule, float rate, int steps, int warmUp, string training = "this training")
    {
        int decay = steps - warmUp;
        if (decay < 1)
            throw new GraftException($"--warmup {warmUp}: {training} has {steps} steps; warm up for fewer, or train for more epochs.");
        LearningRateSchedule then = schedule switch
        {
            "linear" => new PolynomialDecay(rate, decay),
            "cosine" => new CosineDecay(rate, decay),
            _ => rate,
        };
        return warmUp > 0 ? new WarmUp(then, warmUp) : then;
    }

    /// <summary>In words: "learning rate 0.001, to 0 by cosine over 40 steps, 5 of them warm-up".</summary>
    public static string Describe(string schedule, float rate, int steps, int warmUp)
    {
        string falls = schedule == "constant" ? "" : $", to 0 by {schedule} over {steps} steps";
        string rises = warmUp == 0 ? "" : schedule == "constant" ? $", {warmUp} of {steps} steps warm-up" : $", {warmUp} of them warm-up";
        return string.Create(CultureInfo.InvariantCulture, $"learning rate {rate}{falls}{rises}");
    }
}
