namespace Graft.Kernels;

/// <summary>Rates of one Nadam step.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Beta1">Decay of the mean gradient, before its schedule.</param>
/// <param name="Beta2">Decay of the mean square.</param>
/// <param name="Epsilon">Added to the corrected root.</param>
/// <param name="Step">Number of this step, from 1.</param>
public readonly record struct NadamStepSettings(float Rate, float Beta1, float Beta2, float Epsilon, long Step)
{
    private const double Decay = 0.96; // of the momentum's schedule: Dozat 2016

    /// <summary>Share of the mean in this step's move: u(t+1) / (1 - u(1) .. u(t+1)).</summary>
    public double MeanShare => Momentum(Step + 1) / (1 - Product(Step + 1));

    /// <summary>Share of the gradient in this step's move: (1 - u(t)) / (1 - u(1) .. u(t)).</summary>
    public double GradientShare => (1 - Momentum(Step)) / (1 - Product(Step));

    /// <summary>1 / (1 - beta2^t): the correction for a mean square that starts at 0.</summary>
    public double SquareCorrection => 1 / (1 - Math.Pow(Beta2, Step));

    /// <summary>u(t) = beta1 (1 - 0.96^t / 2).</summary>
    private double Momentum(long step) => Beta1 * (1 - 0.5 * Math.Pow(Decay, step));

    /// <summary>u(1) .. u(step); the loop ends where further factors change 1 minus the product no more.</summary>
    private double Product(long step)
    {
        double product = 1;
        for (long t = 1; t <= step && product > 1e-20; t++)
            product *= Momentum(t);
        return product;
    }
}
