namespace Graft.Kernels;

/// <summary>Each formula and each derivative in one line of double arithmetic.</summary>
internal sealed unsafe class ReferenceUnaryKernels : UnaryKernels
{
    private const double SeluAlpha = 1.6732632423543772, SeluScale = 1.0507009873554805; // Klambauer et al. 2017, section 2
    private const double GeluSlope = 0.7978845608028654; // sqrt(2 / pi)

    public override void Forward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (long i = 0; i < g.Count; i++)
            y.Pointer[i] = (float)Value(g.Formula, x.Pointer[i], g.Alpha, g.Beta);
    }

    public override void Backward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (long i = 0; i < g.Count; i++)
        {
            double slope = g.DerivesFromOutput ? SlopeFromOutput(g.Formula, y.Pointer[i], g.Alpha) : Slope(g.Formula, x.Pointer[i], g.Alpha, g.Beta);
            BetaStore.Store(ref dx.Pointer[i], dy.Pointer[i] * slope, beta);
        }
    }

    private static double Value(UnaryFormula formula, double x, double alpha, double beta) => formula switch
    {
        UnaryFormula.ReLU => Math.Max(x, 0),
        UnaryFormula.ReLUMax => Math.Min(Math.Max(x, 0), alpha),
        UnaryFormula.LeakyReLU => x > 0 ? x : alpha * x,
        UnaryFormula.ELU => x > 0 ? x : alpha * (Math.Exp(x) - 1),
        UnaryFormula.SELU => SeluScale * (x > 0 ? x : SeluAlpha * (Math.Exp(x) - 1)),
        UnaryFormula.Sigmoid => Sigmoid(x),
        UnaryFormula.HardSigmoid => Math.Clamp(x + 3, 0, 6) / 6,
        UnaryFormula.Tanh => Math.Tanh(x),
        UnaryFormula.Gelu => x * Normal(x),
        UnaryFormula.GeluTanh => 0.5 * x * (1 + Math.Tanh(GeluSlope * (x + 0.044715 * x * x * x))),
        UnaryFormula.SiLU => x * Sigmoid(x),
        UnaryFormula.Softplus => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x))),
        UnaryFormula.Softsign => x / (1 + Math.Abs(x)),
        UnaryFormula.Exp => Math.Exp(x),
        UnaryFormula.Log => Math.Log(x),
        UnaryFormula.Sqrt => Math.Sqrt(x),
        UnaryFormula.Rsqrt => 1 / Math.Sqrt(x),
        UnaryFormula.Square => x * x,
        UnaryFormula.Abs => Math.Abs(x),
        UnaryFormula.Negate => -x,
        UnaryFormula.Reciprocal => 1 / x,
        UnaryFormula.Scale => alpha * x + beta,
        UnaryFormula.Clip => Math.Min(Math.Max(x, alpha), beta),
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "No such formula."),
    };

    private static double SlopeFromOutput(UnaryFormula formula, double y, double alpha) => formula switch
    {
        UnaryFormula.ReLU => y > 0 ? 1 : 0,
        UnaryFormula.ReLUMax => y > 0 && y < alpha ? 1 : 0,
        UnaryFormula.Sigmoid => y * (1 - y),
        UnaryFormula.Tanh => 1 - y * y,
        UnaryFormula.Exp => y,
        UnaryFormula.Sqrt => 0.5 / y,
        UnaryFormula.Rsqrt => -0.5 * y * y * y,
        UnaryFormula.Reciprocal => -y * y,
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "Its derivative is not computed from the output."),
    };

    private static double Slope(UnaryFormula formula, double x, double alpha, double beta) => formula switch
    {
        UnaryFormula.LeakyReLU => x > 0 ? 1 : alpha,
        UnaryFormula.ELU => x > 0 ? 1 : alpha * Math.Exp(x),
        UnaryFormula.SELU => SeluScale * (x > 0 ? 1 : SeluAlpha * Math.Exp(x)),
        UnaryFormula.HardSigmoid => x > -3 && x < 3 ? 1.0 / 6 : 0,
        UnaryFormula.Gelu => Normal(x) + x * Math.Exp(-0.5 * x * x) * 0.3989422804014327, // 1 / sqrt(2 pi)
        UnaryFormula.GeluTanh => GeluTanhSlope(x),
        UnaryFormula.SiLU => Sigmoid(x) * (1 + x * (1 - Sigmoid(x))),
        UnaryFormula.Softplus => Sigmoid(x),
        UnaryFormula.Softsign => 1 / ((1 + Math.Abs(x)) * (1 + Math.Abs(x))),
        UnaryFormula.Log => 1 / x,
        UnaryFormula.Square => 2 * x,
        UnaryFormula.Abs => Math.Sign(x),
        UnaryFormula.Negate => -1,
        UnaryFormula.Scale => alpha,
        UnaryFormula.Clip => x >= alpha && x <= beta ? 1 : 0,
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "Its derivative is computed from the output."),
    };

    private static double GeluTanhSlope(double x)
    {
        double t = Math.Tanh(GeluSlope * (x + 0.044715 * x * x * x));
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * GeluSlope * (1 + 3 * 0.044715 * x * x);
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static double Normal(double x) => 0.5 * (1 + Erf(x / Math.Sqrt(2)));

    // Maclaurin series up to 3, continued fraction of erfc beyond: Abramowitz and Stegun 7.1.6 and 7.1.14.
    private static double Erf(double x)
    {
        double a = Math.Abs(x);
        if (a < 3)
        {
            double term = a, sum = a;
            for (int n = 1; n < 60; n++)
            {
                term *= 2 * a * a / (2 * n + 1);
                sum += term;
            }
            return Math.CopySign(2 / Math.Sqrt(Math.PI) * Math.Exp(-a * a) * sum, x);
        }
        double fraction = 0;
        for (int n = 60; n >= 1; n--)
            fraction = n / 2.0 / (a + fraction);
        return Math.CopySign(1 - Math.Exp(-a * a) / Math.Sqrt(Math.PI) / (a + fraction), x);
    }
}
