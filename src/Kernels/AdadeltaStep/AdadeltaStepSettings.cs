namespace Graft.Kernels;

/// <summary>Rates of one Adadelta step.</summary>
/// <param name="Rate">The learning rate; 1 in the paper.</param>
/// <param name="Rho">Decay of both mean squares.</param>
/// <param name="Epsilon">Added inside both roots.</param>
public readonly record struct AdadeltaStepSettings(float Rate, float Rho = 0.95f, float Epsilon = 1e-7f);
