using Graft.Training;

namespace Graft.Weights;

/// <summary>What a model file holds.</summary>
/// <param name="Model">The model, with weights, class names and preprocessing, compiled as it was saved.</param>
/// <param name="History">Its training so far, or null.</param>
/// <param name="OptimizerState">What the optimizer remembered, which a compiled model has already; for <see cref="Optimizer.ImportState"/> of one that your own code compiles. Empty where none was stored.</param>
public sealed record SavedModel(Model Model, History? History, IReadOnlyList<(string Name, float[] Values)> OptimizerState);
