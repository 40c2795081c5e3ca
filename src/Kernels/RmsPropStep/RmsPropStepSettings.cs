namespace Graft.Kernels;

/// <summary>Rates of one RMSprop step.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Rho">Decay of the mean square.</param>
/// <param name="Momentum">Share of the last move that goes on; 0 for none.</param>
/// <param name="Epsilon">Added inside the root.</param>
/// <param name="OuterEpsilon">Added to the root.</param>
public readonly record struct RmsPropStepSettings(float Rate, float Rho = 0.9f, float Momentum = 0, float Epsilon = 1e-7f, float OuterEpsilon = 0);
