using System.Runtime.CompilerServices;
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
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t)
            where V : unmanaged, ILanes<V> =>
            V.Max(x, V.Zero) - x * Smooth(t, smoothing) + SoftplusFormula.Log1P(VectorMath.Exp(-V.Abs(x)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t, V dloss)
            where V : unmanaged, ILanes<V> =>
            dloss * (VectorMath.Sigmoid(x) - Smooth(t, smoothing));
    }

    private readonly struct BinaryCrossEntropyFormula(float smoothing) : IBinaryFormula, ITernaryFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t)
            where V : unmanaged, ILanes<V>
        {
            V p = V.Min(V.Max(x, V.Create(CategoricalCrossEntropyKernels.Least)), V.Create(CategoricalCrossEntropyKernels.Most)), label = Smooth(t, smoothing);
            return -label * VectorMath.Log(p) - (V.One - label) * VectorMath.Log(V.One - p);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t, V dloss)
            where V : unmanaged, ILanes<V>
        {
            V slope = (x - Smooth(t, smoothing)) / (x * (V.One - x));
            V inside = V.GreaterThanOrEqual(x, V.Create(CategoricalCrossEntropyKernels.Least)) & V.LessThanOrEqual(x, V.Create(CategoricalCrossEntropyKernels.Most));
            return V.Select(inside, dloss * slope, V.Zero);
        }
    }

    private readonly struct SquaredErrorFormula : IBinaryFormula, ITernaryFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t)
            where V : unmanaged, ILanes<V> => (x - t) * (x - t);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t, V dloss)
            where V : unmanaged, ILanes<V> => V.Create(2f) * dloss * (x - t);
    }

    private readonly struct AbsoluteErrorFormula : IBinaryFormula, ITernaryFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t)
            where V : unmanaged, ILanes<V> => V.Abs(x - t);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t, V dloss)
            where V : unmanaged, ILanes<V> => new AbsFormula().Apply(x - t, dloss);
    }

    private readonly struct HuberFormula(float delta) : IBinaryFormula, ITernaryFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t)
            where V : unmanaged, ILanes<V>
        {
            V e = V.Abs(x - t), d = V.Create(delta), half = V.Create(0.5f);
            return V.Select(V.LessThanOrEqual(e, d), half * e * e, d * e - half * d * d);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V x, V t, V dloss)
            where V : unmanaged, ILanes<V> =>
            dloss * V.Min(V.Max(x - t, V.Create(-delta)), V.Create(delta));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Smooth<V>(V t, float smoothing)
        where V : unmanaged, ILanes<V> =>
        t * V.Create(1 - smoothing) + V.Create(0.5f * smoothing);
}
