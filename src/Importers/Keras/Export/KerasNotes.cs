using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Keras.Export;

/// <summary>What a model has that Keras's files do not hold, and what computes otherwise in its training.</summary>
internal static class KerasNotes
{
    /// <summary>The notes, one a matter.</summary>
    public static IEnumerable<string> Of(KerasDialect dialect, Model model)
    {
        if (model.Preprocessing is { } p && p.Name != "none")
            yield return $"pixels must be prepared as {PreprocessingText.Of(p)}: Keras's files do not say it";
        if (model.ClassNames.Count > 0)
            yield return $"the names of {model.ClassNames.Count} {OutputKindText.Of(model.OutputKind ?? OutputKind.Classes)} are not kept: {string.Join(", ", model.ClassNames.Take(5))}{(model.ClassNames.Count > 5 ? ", ..." : "")}";
        BatchNormalization[] other = [.. KerasOrder.Leaves(model).OfType<BatchNormalization>().Where(b => b.Trainable && b.UnbiasedMovingVariance == dialect.IsThree)];
        if (other.Length > 0)
            yield return $"'{other[0].Name}' and {other.Length - 1} more BatchNormalization move their variance {(dialect.IsThree ? "unbiased, as Keras 2 does" : "biased, as Keras 3 does")}; Keras {dialect.Generation} moves it {(dialect.IsThree ? "biased" : "unbiased")} when they train on";
    }
}
