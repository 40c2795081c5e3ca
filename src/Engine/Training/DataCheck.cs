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

    /// <exception cref="GraftException">No parameter would move, or an adapter that should cannot.</exception>
    public static void CheckTrainable(Model model)
    {
        if (Lora.FindMerged(model) is { } merged)
            throw new GraftException($"Model '{model.Name}': the adapter of '{merged.Name}' is merged and would not learn. Call Lora.Unmerge first, or Lora.Detach to train the merged weights themselves.");
        if (!model.Parameters.Any(p => p.IsTrainable))
            throw new GraftException($"Model '{model.Name}' has nothing to train: {(model.Parameters.Count == 0 ? "its layers have no parameters" : "all of its layers are frozen")}. Add a head, or set Trainable = true on a layer.");
    }
}
