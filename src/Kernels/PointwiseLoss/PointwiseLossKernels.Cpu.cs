using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe class CpuPointwiseLossKernels : PointwiseLossKernels
{
    public override void Forward(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss)
    {
        switch (g.Formula)
        {
            case LossFormula.SigmoidCrossEntropy: Value(new SigmoidCrossEntropyFormula(g.LabelSmoothing), g, x, t, loss); break;
            case LossFormula.BinaryCrossEntropy: Value(new BinaryCrossEntropyFormula(g.LabelSmoothing), g, x, t, loss); break;
            case LossFormula.SquaredError: Value(new SquaredErrorFormula(), g, x, t, loss); break;
            case LossFormula.AbsoluteError: Value(new AbsoluteErrorFormula(), g, x, t, loss); break;
            case LossFormula.Huber: Value(new HuberFormula(g.Parameter), g, x, t, loss); break;
            default: throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula.");
        }
    }

    public override void BackwardInput(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta)
    {
        switch (g.Formula)
        {
            case LossFormula.SigmoidCrossEntropy: Slope(new SigmoidCrossEntropyFormula(g.LabelSmoothing), g, x, t, dloss, dx, beta); break;
            case LossFormula.BinaryCrossEntropy: Slope(new BinaryCrossEntropyFormula(g.LabelSmoothing), g, x, t, dloss, dx, beta); break;
            case LossFormula.SquaredError: Slope(new SquaredErrorFormula(), g, x, t, dloss, dx, beta); break;
            case LossFormula.AbsoluteError: Slope(new AbsoluteErrorFormula(), g, x, t, dloss, dx, beta); break;
            case LossFormula.Huber: Slope(new HuberFormula(g.Parameter), g, x, t, dloss, dx, beta); break;
            default: throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula.");
        }
    }

    private static void Value<T>(T formula, in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss)
        where T : unmanaged, IBinaryFormula => Elementwise.Binary(formula, g.Count, x.Pointer, t.Pointer, loss.Pointer);

    private static void Slope<T>(T formula, in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta)
        where T : unmanaged, ITernaryFormula => Elementwise.Ternary(formula, g.Count, x.Pointer, t.Pointer, dloss.Pointer, dx.Pointer, beta);

    private readonly struct SigmoidCrossEntropyFormula(float smoothing) : IBinaryFormula, ITernaryFormula
    {
        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t) =>
            Vector512.Max(x, Vector512<float>.Zero) - x * Smooth(t, smoothing) + SoftplusFormula.Log1P(VectorMath.Exp(-Vector512.Abs(x)));

        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t, Vector512<float> dloss) =>
            dloss * (VectorMath.Sigmoid(x) - Smooth(t, smoothing));
    }

    private readonly struct BinaryCrossEntropyFormula(float smoothing) : IBinaryFormula, ITernaryFormula
    {
        private static Vector512<float> Least => Vector512.Create(CategoricalCrossEntropyKernels.Least);

        private static Vector512<float> Most => Vector512.Create(CategoricalCrossEntropyKernels.Most);

        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t)
        {
            Vector512<float> p = Vector512.Min(Vector512.Max(x, Least), Most), label = Smooth(t, smoothing);
            return -label * VectorMath.Log(p) - (Vector512<float>.One - label) * VectorMath.Log(Vector512<float>.One - p);
        }

        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t, Vector512<float> dloss)
        {
            Vector512<float> slope = (x - Smooth(t, smoothing)) / (x * (Vector512<float>.One - x));
            Vector512<float> inside = Vector512.GreaterThanOrEqual(x, Least) & Vector512.LessThanOrEqual(x, Most);
            return Vector512.ConditionalSelect(inside, dloss * slope, Vector512<float>.Zero);
        }
    }

    private readonly struct SquaredErrorFormula : IBinaryFormula, ITernaryFormula
    {
        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t) => (x - t) * (x - t);

        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t, Vector512<float> dloss) => Vector512.Create(2f) * dloss * (x - t);
    }

    private readonly struct AbsoluteErrorFormula : IBinaryFormula, ITernaryFormula
    {
        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t) => Vector512.Abs(x - t);

        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t, Vector512<float> dloss) => new AbsFormula().Apply(x - t, dloss);
    }

    private readonly struct HuberFormula(float delta) : IBinaryFormula, ITernaryFormula
    {
        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t)
        {
            Vector512<float> e = Vector512.Abs(x - t), d = Vector512.Create(delta), half = Vector512.Create(0.5f);
            return Vector512.ConditionalSelect(Vector512.LessThanOrEqual(e, d), half * e * e, d * e - half * d * d);
        }

        public Vector512<float> Apply(Vector512<float> x, Vector512<float> t, Vector512<float> dloss) =>
            dloss * Vector512.Min(Vector512.Max(x - t, Vector512.Create(-delta)), Vector512.Create(delta));
    }

    private static Vector512<float> Smooth(Vector512<float> t, float smoothing) =>
        t * Vector512.Create(1 - smoothing) + Vector512.Create(0.5f * smoothing);
}
