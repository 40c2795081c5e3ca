namespace Graft.Kernels;

/// <summary>The error function in double, which the runtime lacks.</summary>
internal static class Erf
{
    /// <summary>Phi(x) = (1 + erf(x / sqrt(2))) / 2, without cancellation in the left tail.</summary>
    public static double NormalCumulative(double x)
    {
        double z = x / Math.Sqrt(2);
        return z > -2 ? 0.5 * (1 + Value(z)) : 0.5 * Complement(-z);
    }

    /// <summary>exp(-x^2 / 2) / sqrt(2 pi).</summary>
    public static double NormalDensity(double x) => Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);

    /// <summary>erf(x) to about 1e-15. Abramowitz and Stegun 7.1.6: a series whose terms are all positive.</summary>
    public static double Value(double x)
    {
        double z = Math.Abs(x);
        if (double.IsNaN(x))
            return x;
        if (z > 2)
            return Math.Sign(x) * (1 - Complement(z));
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    /// <summary>erfc(x) for x of 2 and more. Abramowitz and Stegun 7.1.14: a continued fraction, evaluated from its far end.</summary>
    private static double Complement(double x)
    {
        double tail = x;
        for (int n = 60; n > 0; n--)
            tail = x + 0.5 * n / tail;
        return Math.Exp(-x * x) / (Math.Sqrt(Math.PI) * tail);
    }
}
