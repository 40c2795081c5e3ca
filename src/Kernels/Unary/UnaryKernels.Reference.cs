namespace Graft.Kernels;

internal sealed unsafe class ReferenceUnaryKernels : UnaryKernels
{
    // Klambauer et al. 2017, the fixed point for mean 0 and variance 1.
    public const double SeluAlpha = 1.6732632423543772848170429916717, SeluScale = 1.0507009873554804934193349852946;
    private const double GeluRoot = 0.79788456080286535587989211986876; // sqrt(2 / pi)

    public override void Forward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (long i = 0; i < g.Count; i++)
            y.Pointer[i] = (float)Value(g, x.Pointer[i]);
    }

    public override void BackwardInput(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        bool hasX = UnaryGeometry.NeedsInput(g.Formula), hasY = UnaryGeometry.NeedsOutput(g.Formula);
        for (long i = 0; i < g.Count; i++)
            BetaStore.Store(ref dx.Pointer[i], dy.Pointer[i] * Slope(g, hasX ? x.Pointer[i] : 0, hasY ? y.Pointer[i] : 0), beta);
    }

    /// <summary>f(x).</summary>
    public static double Value(in UnaryGeometry g, double x) => g.Formula switch
    {
        UnaryFormula.ReLU => Math.Max(x, 0),
        UnaryFormula.ReLUMax => Math.Min(Math.Max(x, 0), g.Alpha),
        UnaryFormula.LeakyReLU => x > 0 ? x : g.Alpha * x,
        UnaryFormula.ELU => x > 0 ? x : g.Alpha * ExpM1(x),
        UnaryFormula.SELU => SeluScale * (x > 0 ? x : SeluAlpha * ExpM1(x)),
        UnaryFormula.Sigmoid => Sigmoid(x),
        UnaryFormula.HardSigmoid => Math.Min(Math.Max(x + 3, 0), 6) / 6,
        UnaryFormula.HardSigmoidKeras2 => Math.Min(Math.Max(0.2 * x + 0.5, 0), 1),
        UnaryFormula.Tanh => Math.Tanh(x),
        UnaryFormula.Gelu => x * Erf.NormalCumulative(x),
        UnaryFormula.GeluTanh => 0.5 * x * (1 + Math.Tanh(GeluRoot * (x + 0.044715 * x * x * x))),
        UnaryFormula.SiLU => x * Sigmoid(x),
        UnaryFormula.Mish => x * MishGate(x),
        UnaryFormula.Softplus => Math.Max(x, 0) + Log1P(Math.Exp(-Math.Abs(x))), // the exponent is never positive: no overflow
        UnaryFormula.Softsign => x / (1 + Math.Abs(x)),
        UnaryFormula.Exp => Math.Exp(x),
        UnaryFormula.Log => Math.Log(x),
        UnaryFormula.Sqrt => Math.Sqrt(x),
        UnaryFormula.Rsqrt => 1 / Math.Sqrt(x),
        UnaryFormula.Square => x * x,
        UnaryFormula.Abs => Math.Abs(x),
        UnaryFormula.Negate => -x,
        UnaryFormula.Reciprocal => 1 / x,
        UnaryFormula.Scale => g.Alpha * x + g.Beta,
        UnaryFormula.Clip => Math.Min(Math.Max(x, g.Alpha), g.Beta),
        UnaryFormula.Threshold => x > g.Alpha ? Math.Min(x, g.Beta) : 0,
        UnaryFormula.NotEqual => x != g.Alpha ? 1 : 0,
        UnaryFormula.Pow => Math.Pow(x, g.Alpha),
        UnaryFormula.SparseSigmoid => Math.Min(Math.Max(0.5 * x + 0.5, 0), 1),
        UnaryFormula.HardSiLU => x * Math.Min(Math.Max(x + 3, 0), 6) / 6,
        UnaryFormula.LogSigmoid => Math.Min(x, 0) - Log1P(Math.Exp(-Math.Abs(x))),
        UnaryFormula.TanhShrink => x - Math.Tanh(x),
        UnaryFormula.SoftShrink => x > g.Alpha ? x - g.Alpha : x < -g.Alpha ? x + g.Alpha : 0,
        UnaryFormula.HardShrink => Math.Abs(x) > g.Alpha ? x : 0,
        UnaryFormula.SquarePlus => 0.5 * (x + Math.Sqrt(x * x + g.Alpha)),
        UnaryFormula.SparsePlus => x <= -1 ? 0 : x < 1 ? 0.25 * (x + 1) * (x + 1) : x,
        _ => throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula."),
    };

    /// <summary>f'(x), from x or from y = f(x), whichever the geometry says is there.</summary>
    public static double Slope(in UnaryGeometry g, double x, double y) => g.Formula switch
    {
        UnaryFormula.ReLU => y > 0 ? 1 : 0,
        UnaryFormula.ReLUMax => y > 0 && y < g.Alpha ? 1 : 0,
        UnaryFormula.LeakyReLU => y > 0 ? 1 : g.Alpha,
        UnaryFormula.ELU => y > 0 ? 1 : y + g.Alpha, // a exp(x) = a (exp(x) - 1) + a
        UnaryFormula.SELU => y > 0 ? SeluScale : y + SeluScale * SeluAlpha,
        UnaryFormula.Sigmoid => y * (1 - y),
        UnaryFormula.HardSigmoid => y > 0 && y < 1 ? 1 / 6.0 : 0,
        UnaryFormula.HardSigmoidKeras2 => y > 0 && y < 1 ? 0.2 : 0,
        UnaryFormula.Tanh => 1 - y * y,
        UnaryFormula.Gelu => Erf.NormalCumulative(x) + x * Erf.NormalDensity(x),
        UnaryFormula.GeluTanh => GeluTanhSlope(x),
        UnaryFormula.SiLU => Sigmoid(x) * (1 + x * (1 - Sigmoid(x))),
        UnaryFormula.Mish => MishGate(x) + x * (1 - MishGate(x) * MishGate(x)) * Sigmoid(x),
        UnaryFormula.Softplus => Sigmoid(x),
        UnaryFormula.Softsign => (1 - Math.Abs(y)) * (1 - Math.Abs(y)), // 1 / (1 + |x|) = 1 - |y|
        UnaryFormula.Exp => y,
        UnaryFormula.Log => 1 / x,
        UnaryFormula.Sqrt => 0.5 / y,
        UnaryFormula.Rsqrt => -0.5 * y * y * y,
        UnaryFormula.Square => 2 * x,
        UnaryFormula.Abs => x > 0 ? 1 : x < 0 ? -1 : 0,
        UnaryFormula.Negate => -1,
        UnaryFormula.Reciprocal => -y * y,
        UnaryFormula.Scale => g.Alpha,
        UnaryFormula.Clip => x >= g.Alpha && x <= g.Beta ? 1 : 0,
        UnaryFormula.Threshold => x > g.Alpha && x < g.Beta ? 1 : 0,
        UnaryFormula.NotEqual => 0,
        UnaryFormula.Pow => g.Alpha == 0 ? 0 : g.Alpha * Math.Pow(x, g.Alpha - 1.0),
        UnaryFormula.SparseSigmoid => y > 0 && y < 1 ? 0.5 : 0,
        UnaryFormula.HardSiLU => x <= -3 ? 0 : x < 3 ? (2 * x + 3) / 6 : 1,
        UnaryFormula.LogSigmoid => Sigmoid(-x),
        UnaryFormula.TanhShrink => Math.Tanh(x) * Math.Tanh(x),
        UnaryFormula.SoftShrink or UnaryFormula.HardShrink => y != 0 ? 1 : 0,
        UnaryFormula.SquarePlus => 0.5 * (1 + x / Math.Sqrt(x * x + g.Alpha)),
        UnaryFormula.SparsePlus => x <= -1 ? 0 : x < 1 ? 0.5 * (x + 1) : 1,
        _ => throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula."),
    };

    /// <summary>1 / (1 + exp(-x)), by the side whose exponential stays finite.</summary>
    public static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));

    /// <summary>log(1 + x) for x in 0..1, exact for small x: Kahan's correction of the rounded 1 + x.</summary>
    public static double Log1P(double x)
    {
        double sum = 1 + x;
        return sum == 1 ? x : Math.Log(sum) * x / (sum - 1);
    }

    private static double ExpM1(double x) => Math.Abs(x) < 1e-5 ? x + 0.5 * x * x : Math.Exp(x) - 1;

    private static double MishGate(double x) => Math.Tanh(Math.Max(x, 0) + Log1P(Math.Exp(-Math.Abs(x))));

    private static double GeluTanhSlope(double x)
    {
        double t = Math.Tanh(GeluRoot * (x + 0.044715 * x * x * x));
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * GeluRoot * (1 + 3 * 0.044715 * x * x);
    }
}
