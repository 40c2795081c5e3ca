using System.Globalization;
using Graft.Adapters;

namespace Graft.Training;

/// <summary>Tells before the first step what would go wrong in it, or silently never work.</summary>
internal static class DataCheck
{
    /// <exception cref="GraftException">The data does not fit the model or the loss.</exception>
    public static void Check(Model model, Objective objective, BatchSource data)
    {
        Shape[] shapes = [data.SampleShape, .. data.MoreSampleShapes];
        IReadOnlyList<LabelSet> labels = data.LabelSets;
        if (model.Inputs.Count != shapes.Length || model.Outputs.Count != labels.Count)
            throw new GraftException($"Model '{model.Name}' has {model.Inputs.Count} inputs ({string.Join(", ", model.Inputs.Select(i => i.Layer.Name))}) and {model.Outputs.Count} outputs ({string.Join(", ", Objective.NamesOf(model))}), but a sample of the data has {shapes.Length} and {labels.Count}. JoinedBatches puts further inputs and labels beside those of a data set.");
        for (int i = 0; i < shapes.Length; i++)
        {
            if (!model.Inputs[i].Shape.Equals(shapes[i]))
                throw new ShapeException($"Model '{model.Name}' takes samples of shape {model.Inputs[i].Shape}{(i == 0 ? "" : $" in input '{model.Inputs[i].Layer.Name}'")}, but the data has {shapes[i]}. Build the model for that shape, or let the data source deliver the model's.");
        }
        if (data.Count == 0)
            throw new GraftException("The data has no samples.");
        PreprocessingChoice.Check(model, data);
        for (int i = 0; i < labels.Count; i++)
            LossRule.Check(objective.Targets[i].Loss, objective.Targets[i].Head, labels[i].Kind, labels[i].Shape, labels[i].ClassNames.Count);
    }

    /// <summary>Looks at the labels of a batch: a wrong one would be learned, or left out, without a word.</summary>
    /// <exception cref="GraftException">A label is no class of the model's, no probability, or no number.</exception>
    public static void CheckLabels(Objective objective, Batch batch)
    {
        for (int i = 0; i < objective.Targets.Length; i++)
            CheckLabels(objective.Targets[i], batch, batch.LabelsOf(i).Values, objective.Targets.Length == 1 ? "label" : $"label of '{objective.Targets[i].Name}'");
    }

    private static void CheckLabels(Target target, Batch batch, float[] labels, string what)
    {
        (Loss loss, int units) = (target.Loss, target.Head.Units);
        if (loss.Kind == LossKind.Custom)
            return; // what its labels mean is known outside alone
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
                throw WrongLabel(loss, batch, labels, i, units, what);
        }
    }

    private static GraftException WrongLabel(Loss loss, Batch batch, float[] labels, int at, int units, string what)
    {
        int row = at / (labels.Length / batch.Size);
        string which = batch.Indices.Length == batch.Size ? $"sample {batch.Indices[row]}" : $"sample {row} of its batch";
        string due = loss.Kind switch
        {
            LossKind.Sparse => $"the model tells {units} classes apart, 0 to {units - 1}. Mend the label, or give the last layer a unit for each class",
            LossKind.Binary or LossKind.Categorical => $"{loss.Name} takes labels of 0 to 1. Mend the label, or take Loss.MeanSquaredError() for numbers",
            _ => "a label is a finite number. Mend it, or leave the sample out",
        };
        return new GraftException(string.Create(CultureInfo.InvariantCulture, $"The {what} of {which} (counted from 0) is {labels[at]}, but {due}."));
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
