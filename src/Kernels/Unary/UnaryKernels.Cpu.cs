using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;
using V = System.Runtime.Intrinsics.Vector512<float>;

namespace Graft.Kernels;

/// <summary>Each formula as one struct with its value and its slope on 16 lanes; the loops are shared.</summary>
internal sealed unsafe class CpuUnaryKernels : UnaryKernels
{
    public override void Forward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        Dispatch(g, new ForwardLoop { Count = g.Count, X = x.Pointer, Y = y.Pointer });

    public override void Backward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        Dispatch(g, new BackwardLoop { Count = g.Count, XOrY = g.DerivesFromOutput ? y.Pointer : x.Pointer, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    private static void Dispatch<TLoop>(in UnaryGeometry g, TLoop loop)
        where TLoop : struct, ILoop
    {
        switch (g.Formula)
        {
            case UnaryFormula.ReLU: loop.Run(default(ReLU)); break;
            case UnaryFormula.ReLUMax: loop.Run(new ReLUMax { Alpha = Vector512.Create(g.Alpha) }); break;
            case UnaryFormula.LeakyReLU: loop.Run(new LeakyReLU { Alpha = Vector512.Create(g.Alpha) }); break;
            case UnaryFormula.ELU: loop.Run(new Elu { Scale = V.One, Alpha = Vector512.Create(g.Alpha) }); break;
            case UnaryFormula.SELU: loop.Run(new Elu { Scale = Vector512.Create(1.05070099f), Alpha = Vector512.Create(1.67326324f) }); break;
            case UnaryFormula.Sigmoid: loop.Run(default(Sigmoid)); break;
            case UnaryFormula.HardSigmoid: loop.Run(default(HardSigmoid)); break;
            case UnaryFormula.Tanh: loop.Run(default(Tanh)); break;
            case UnaryFormula.Gelu: loop.Run(default(Gelu)); break;
            case UnaryFormula.GeluTanh: loop.Run(default(GeluTanh)); break;
            case UnaryFormula.SiLU: loop.Run(default(SiLU)); break;
            case UnaryFormula.Softplus: loop.Run(default(Softplus)); break;
            case UnaryFormula.Softsign: loop.Run(default(Softsign)); break;
            case UnaryFormula.Exp: loop.Run(default(Exp)); break;
            case UnaryFormula.Log: loop.Run(default(Log)); break;
            case UnaryFormula.Sqrt: loop.Run(default(Sqrt)); break;
            case UnaryFormula.Rsqrt: loop.Run(default(Rsqrt)); break;
            case UnaryFormula.Square: loop.Run(default(Square)); break;
            case UnaryFormula.Abs: loop.Run(default(Abs)); break;
            case UnaryFormula.Negate: loop.Run(new Linear { Alpha = Vector512.Create(-1f) }); break;
            case UnaryFormula.Reciprocal: loop.Run(default(Reciprocal)); break;
            case UnaryFormula.Scale: loop.Run(new Linear { Alpha = Vector512.Create(g.Alpha), Beta = Vector512.Create(g.Beta) }); break;
            case UnaryFormula.Clip: loop.Run(new Clip { Low = Vector512.Create(g.Alpha), High = Vector512.Create(g.Beta) }); break;
            default: throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula.");
        }
    }

    /// <summary>A value and a slope; the slope is a function of x, or of y where the geometry says so.</summary>
    private interface IFormula
    {
        V Value(V x);

        V Slope(V xOrY);
    }

    private interface ILoop
    {
        void Run<T>(T formula)
            where T : unmanaged, IFormula;
    }

    private struct ForwardLoop : ILoop
    {
        public long Count;
        public float* X, Y;

        public readonly void Run<T>(T formula)
            where T : unmanaged, IFormula => Elementwise.Unary(new Forward1<T> { Formula = formula }, Count, X, Y);
    }

    private struct BackwardLoop : ILoop
    {
        public long Count;
        public float* XOrY, Dy, Dx;
        public float Beta;

        public readonly void Run<T>(T formula)
            where T : unmanaged, IFormula => Elementwise.Binary(new Backward1<T> { Formula = formula }, Count, XOrY, Dy, Dx, Beta);
    }

    private struct Forward1<T> : IUnaryFormula
        where T : unmanaged, IFormula
    {
        public T Formula;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply(V x) => Formula.Value(x);
    }

    private struct Backward1<T> : IBinaryFormula
        where T : unmanaged, IFormula
    {
        public T Formula;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply(V a, V b) => Formula.Slope(a) * b;
    }

    private static V Select(V condition, V yes, V no) => Vector512.ConditionalSelect(condition, yes, no);

    private static V Positive(V x) => Vector512.GreaterThan(x, V.Zero);

    private readonly struct ReLU : IFormula
    {
        // Select, not Max: NaN must stay NaN.
        public V Value(V x) => Select(Vector512.LessThanOrEqual(x, V.Zero), V.Zero, x);

        public V Slope(V y) => Select(Positive(y), V.One, V.Zero);
    }

    private struct ReLUMax : IFormula
    {
        public V Alpha;

        public readonly V Value(V x) => Select(Vector512.LessThanOrEqual(x, V.Zero), V.Zero, Select(Vector512.GreaterThan(x, Alpha), Alpha, x));

        public readonly V Slope(V y) => Select(Positive(y) & Vector512.LessThan(y, Alpha), V.One, V.Zero);
    }

    private struct LeakyReLU : IFormula
    {
        public V Alpha;

        public readonly V Value(V x) => Select(Positive(x), x, Alpha * x);

        public readonly V Slope(V x) => Select(Positive(x), V.One, Alpha);
    }

    private struct Elu : IFormula
    {
        public V Scale, Alpha;

        public readonly V Value(V x) => Scale * Select(Positive(x), x, Alpha * (VectorMath.Exp(x) - V.One));

        public readonly V Slope(V x) => Scale * Select(Positive(x), V.One, Alpha * VectorMath.Exp(x));
    }

    private readonly struct Sigmoid : IFormula
    {
        public V Value(V x) => VectorMath.Sigmoid(x);

        public V Slope(V y) => y * (V.One - y);
    }

    private readonly struct HardSigmoid : IFormula
    {
        private static V Three => Vector512.Create(3f);

        public V Value(V x) => Vector512.Min(Vector512.Max(x + Three, V.Zero), Vector512.Create(6f)) / Vector512.Create(6f);

        public V Slope(V x) => Select(Vector512.LessThan(Vector512.Abs(x), Three), Vector512.Create(1f / 6), V.Zero);
    }

    private readonly struct Tanh : IFormula
    {
        public V Value(V x) => VectorMath.Tanh(x);

        public V Slope(V y) => V.One - y * y;
    }

    private readonly struct Gelu : IFormula
    {
        public V Value(V x) => x * Normal(x);

        public V Slope(V x) => Normal(x) + x * VectorMath.Exp(x * x * Vector512.Create(-0.5f)) * Vector512.Create(0.3989422804f);

        private static V Normal(V x) => Vector512.Create(0.5f) * (V.One + VectorMath.Erf(x * Vector512.Create(0.70710678f)));
    }

    private readonly struct GeluTanh : IFormula
    {
        private static V Half => Vector512.Create(0.5f);

        private static V Slope0 => Vector512.Create(0.79788456f); // sqrt(2 / pi)

        public V Value(V x) => Half * x * (V.One + VectorMath.Tanh(Slope0 * (x + Vector512.Create(0.044715f) * x * x * x)));

        public V Slope(V x)
        {
            V t = VectorMath.Tanh(Slope0 * (x + Vector512.Create(0.044715f) * x * x * x));
            return Half * (V.One + t) + Half * x * (V.One - t * t) * Slope0 * (V.One + Vector512.Create(0.134145f) * x * x);
        }
    }

    private readonly struct SiLU : IFormula
    {
        public V Value(V x) => x * VectorMath.Sigmoid(x);

        public V Slope(V x)
        {
            V s = VectorMath.Sigmoid(x);
            return s * (V.One + x * (V.One - s));
        }
    }

    private readonly struct Softplus : IFormula
    {
        public V Value(V x) => Vector512.Max(x, V.Zero) + VectorMath.Log(V.One + VectorMath.Exp(-Vector512.Abs(x)));

        public V Slope(V x) => VectorMath.Sigmoid(x);
    }

    private readonly struct Softsign : IFormula
    {
        public V Value(V x) => x / (V.One + Vector512.Abs(x));

        public V Slope(V x)
        {
            V d = V.One + Vector512.Abs(x);
            return V.One / (d * d);
        }
    }

    private readonly struct Exp : IFormula
    {
        public V Value(V x) => VectorMath.Exp(x);

        public V Slope(V y) => y;
    }

    private readonly struct Log : IFormula
    {
        public V Value(V x) => VectorMath.Log(x);

        public V Slope(V x) => V.One / x;
    }

    private readonly struct Sqrt : IFormula
    {
        public V Value(V x) => Vector512.Sqrt(x);

        public V Slope(V y) => Vector512.Create(0.5f) / y;
    }

    private readonly struct Rsqrt : IFormula
    {
        public V Value(V x) => V.One / Vector512.Sqrt(x);

        public V Slope(V y) => Vector512.Create(-0.5f) * y * y * y;
    }

    private readonly struct Square : IFormula
    {
        public V Value(V x) => x * x;

        public V Slope(V x) => x + x;
    }

    private readonly struct Abs : IFormula
    {
        public V Value(V x) => Vector512.Abs(x);

        public V Slope(V x) => Select(Positive(x), V.One, Select(Vector512.LessThan(x, V.Zero), -V.One, V.Zero));
    }

    private readonly struct Reciprocal : IFormula
    {
        public V Value(V x) => V.One / x;

        public V Slope(V y) => -(y * y);
    }

    private struct Linear : IFormula
    {
        public V Alpha, Beta;

        public readonly V Value(V x) => Alpha * x + Beta;

        public readonly V Slope(V x) => Alpha;
    }

    private struct Clip : IFormula
    {
        public V Low, High;

        public readonly V Value(V x) => Vector512.Min(Vector512.Max(x, Low), High);

        public readonly V Slope(V x) => Select(Vector512.GreaterThanOrEqual(x, Low) & Vector512.LessThanOrEqual(x, High), V.One, V.Zero);
    }
}
