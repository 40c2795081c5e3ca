using System.Globalization;
using Graft.Training;

namespace Graft.Cli;

/// <summary>Looks for a learning rate before a training, tells it and draws the curve: --find-learning-rate.</summary>
internal static class RateSearch
{
    private const string Picture = "learning_rate.png";

    /// <summary>Looks for it; the model is left as it is.</summary>
    /// <exception cref="GraftException">The loss fell at no rate, or the picture cannot be written.</exception>
    public static void Tell(Terminal terminal, Model model, BatchSource data, FitOptions options, string folder)
    {
        terminal.Line("Looking for a learning rate ...");
        LearningRateCurve curve = LearningRateFinder.Run(model, data, options: options);
        Charts.LearningRates(curve, Path.Combine(folder, Picture));
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"Suggested --learning-rate {curve.Suggestion:G2}; the loss falls fastest at {curve.Steepest:G2}. The curve is in {Picture}."));
    }
}
