namespace Graft.Kernels;

/// <summary>Rates of one Adagrad step.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Epsilon">Added inside the root.</param>
/// <param name="OuterEpsilon">Added to the root.</param>
public readonly record struct AdagradStepSettings(float Rate, float Epsilon = 1e-7f, float OuterEpsilon = 0);
