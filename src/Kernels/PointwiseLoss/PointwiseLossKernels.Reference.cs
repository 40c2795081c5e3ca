namespace Graft.Kernels;

internal sealed unsafe class ReferencePointwiseLossKernels : PointwiseLossKernels
{
    private const float Least = CategoricalCrossEntropyKernels.Least, Most = CategoricalCrossEntropyKernels.Most;

    public override void Forward(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss)
    {
        for (long i = 0; i < g.Count; i++)
            loss.Pointer[i] = (float)Value(g, x.Pointer[i], t.Pointer[i]);
    }

    public override void BackwardInput(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta)
    {
        for (long i = 0; i < g.Count; i++)
            BetaStore.Store(ref dx.Pointer[i], dloss.Pointer[i] * Slope(g, x.Pointer[i], t.Pointer[i]), beta);
    }

    internal static double Value(in PointwiseLossGeometry g, double x, double t)
    {
        double e = x - t;
        switch (g.Formula)
        {
            case LossFormula.SigmoidCrossEntropy:
                return Math.Max(x, 0) - x * Smooth(g, t) + ReferenceUnaryKernels.Log1P(Math.Exp(-Math.Abs(x)));
            case LossFormula.BinaryCrossEntropy:
                double p = Math.Clamp(x, Least, Most), label = Smooth(g, t);
                return -label * Math.Log(p) - (1 - label) * Math.Log(1 - p);
            case LossFormula.SquaredError:
                return e * e;
            case LossFormula.AbsoluteError:
                return Math.Abs(e);
            case LossFormula.Huber:
                return Math.Abs(e) <= g.Parameter ? 0.5 * e * e : g.Parameter * Math.Abs(e) - 0.5 * g.Parameter * g.Parameter;
            default:
                throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula.");
        }
    }

    internal static double Slope(in PointwiseLossGeometry g, double x, double t)
    {
        double e = x - t;
        return g.Formula switch
        {
            LossFormula.SigmoidCrossEntropy => ReferenceUnaryKernels.Sigmoid(x) - Smooth(g, t),
            LossFormula.BinaryCrossEntropy => x is >= Least and <= Most ? (x - Smooth(g, t)) / (x * (1 - x)) : 0,
            LossFormula.SquaredError => 2 * e,
            LossFormula.AbsoluteError => e > 0 ? 1 : e < 0 ? -1 : 0,
            LossFormula.Huber => Math.Clamp(e, -g.Parameter, g.Parameter),
            _ => throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula."),
        };
    }

    private static double Smooth(in PointwiseLossGeometry g, double t) => t * (1.0 - g.LabelSmoothing) + 0.5 * g.LabelSmoothing;
}
