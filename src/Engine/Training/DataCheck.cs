using System.Globalization;
using Graft.Adapters;

namespace Graft.Training;

/// <summary>Tells before the first step what would go wrong in it, or silently never work.</summary>
internal static class DataCheck
{
    /// <exception cref="GraftException">The data does not fit the model or the loss.</exception>
    public static void Check(Model model, Loss loss, BatchSource data)
    {
        if (model.Inputs.Count != 1 || model.Outputs.Count != 1)
            throw new GraftException($"Model '{model.Name}' has {model.Inputs.Count} inputs and {model.Outputs.Count} outputs; Fit and Evaluate take one of each.");
        if (!model.Inputs[0].Shape.Equals(data.SampleShape))
            throw new ShapeException($"Model '{model.Name}' takes samples of shape {model.Inputs[0].Shape}, but the data has {data.SampleShape}. Build the model for that shape, or let the data source deliver the model's.");
        if (data.Count == 0)
            throw new GraftException("The data has no samples.");
        PreprocessingChoice.Check(model, data);
        LossRule.Check(loss, ModelHead.Of(model), data.LabelKind, data.LabelShape, data.ClassNames.Count);
    }

    /// <summary>Looks at the labels of a batch: a wrong one would be learned, or left out, without a word.</summary>
    /// <exception cref="GraftException">A label is no class of the model's, no probability, or no number.</exception>
    public static void CheckLabels(Model model, Loss loss, Batch batch)
    {
        if (loss.Kind == LossKind.Custom)
            return; // what its labels mean is known outside alone
        int units = ModelHead.Of(model).Units;
        ReadOnlySpan<float> labels = batch.Labels;
        for (int i = 0; i < labels.Length; i++)
        {
            float label = labels[i];
            bool fits = loss.Kind switch
            {
                LossKind.Sparse => (label >= 0 && label < units && label == MathF.Floor(label)) || label == loss.IgnoredClass,
                LossKind.Binary or LossKind.Categorical => label is >= 0 and <= 1,
                _ => float.IsFinite(label),
            };
            if (!fits)
                throw WrongLabel(loss, batch, i, units);
        }
    }

    private static GraftException WrongLabel(Loss loss, Batch batch, int at, int units)
    {
        int row = at / (batch.Labels.Length / batch.Size);
        string which = batch.Indices.Length == batch.Size ? $"sample {batch.Indices[row]}" : $"sample {row} of its batch";
        string due = loss.Kind switch
        {
            LossKind.Sparse => $"the model tells {units} classes apart, 0 to {units - 1}. Mend the label, or give the last layer a unit for each class",
            LossKind.Binary or LossKind.Categorical => $"{loss.Name} takes labels of 0 to 1. Mend the label, or take Loss.MeanSquaredError() for numbers",
            _ => "a label is a finite number. Mend it, or leave the sample out",
        };
        return new GraftException(string.Create(CultureInfo.InvariantCulture, $"The label of {which} (counted from 0) is {batch.Labels[at]}, but {due}."));
    }

    /// <exception cref="GraftException">No parameter would move, or an adapter that should cannot.</exception>
    public static void CheckTrainable(Model model)
    {
        if (Lora.FindMerged(model) is { } merged)
            throw new GraftException($"Model '{model.Name}': the adapter of '{merged.Name}' is merged and would not learn. Call Lora.Unmerge first, or Lora.Detach to train the merged weights themselves.");
        if (!model.Parameters.Any(p => p.IsTrainable))
            throw new GraftException($"Model '{model.Name}' has nothing to train: {(model.Parameters.Count == 0 ? "its layers have no parameters" : "all of its layers are frozen")}. Add a head, or set Trainable = true on a layer.");
    }
}
