using Graft.Training;

namespace Graft.Weights;

/// <summary>What a model file holds.</summary>
/// <param name="Model">The model, with weights, class names and preprocessing.</param>
/// <param name="History">Its training so far, or null.</param>
/// <param name="OptimizerState">For <see cref="Optimizer.ImportState"/>; empty where none was stored.</param>
public sealed record SavedModel(Model Model, History? History, IReadOnlyList<(string Name, float[] Values)> OptimizerState);
