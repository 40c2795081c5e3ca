namespace Graft.Kernels;

/// <summary>Rates of one step of gradient descent.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Momentum">Share of the last move that goes on; 0 for none.</param>
/// <param name="Nesterov">True looks one move ahead.</param>
public readonly record struct SgdStepSettings(float Rate, float Momentum = 0, bool Nesterov = false);
