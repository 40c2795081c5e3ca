using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

// Each formula has Apply(x), the function, and Apply(s, dy), dy times the slope from s: x or y, as UnaryGeometry says.

internal readonly struct ReLUFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Max(x, V.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(y, V.Zero), dy, V.Zero);
}

internal readonly struct ReLUMaxFormula(float most) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Min(V.Max(x, V.Zero), V.Create(most));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(y, V.Zero) & V.LessThan(y, V.Create(most)), dy, V.Zero);
}

internal readonly struct LeakyReLUFormula(float slope) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(x, V.Zero), x, V.Create(slope) * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(y, V.Zero), dy, V.Create(slope) * dy);
}

internal readonly struct ELUFormula(float scale, float alpha) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(x, V.Zero), V.Create(scale) * x, V.Create(alpha) * (VectorMath.Exp(x) - V.One));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        dy * V.Select(V.GreaterThan(y, V.Zero), V.Create(scale), y + V.Create(alpha));
}

internal readonly struct SigmoidFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        VectorMath.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        dy * y * (V.One - y);
}

internal readonly struct HardSigmoidFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Min(V.Max(x + V.Create(3f), V.Zero), V.Create(6f)) * V.Create(1 / 6f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(y, V.Zero) & V.LessThan(y, V.One), dy * V.Create(1 / 6f), V.Zero);
}

internal readonly struct HardSigmoidKeras2Formula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Min(V.Max(V.MultiplyAdd(x, V.Create(0.2f), V.Create(0.5f)), V.Zero), V.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(y, V.Zero) & V.LessThan(y, V.One), dy * V.Create(0.2f), V.Zero);
}

internal readonly struct TanhFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        VectorMath.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        dy * (V.One - y * y);
}

internal readonly struct GeluFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Create(0.5f) * x * (V.One + VectorMath.Erf(x * V.Create(0.70710678f)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V>
    {
        V cumulative = V.Create(0.5f) * (V.One + VectorMath.Erf(x * V.Create(0.70710678f)));
        V density = V.Create(0.39894228f) * VectorMath.Exp(V.Create(-0.5f) * x * x); // 1 / sqrt(2 pi)
        return dy * (cumulative + x * density);
    }
}

internal readonly struct GeluTanhFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Create(0.5f) * x * (V.One + VectorMath.Tanh(Inner(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V>
    {
        V t = VectorMath.Tanh(Inner(x));
        V inner = V.Create(0.79788456f) * (V.One + V.Create(3 * 0.044715f) * x * x); // slope of Inner
        return dy * V.Create(0.5f) * (V.One + t + x * (V.One - t * t) * inner);
    }

    // sqrt(2 / pi) (x + 0.044715 x^3)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Inner<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Create(0.79788456f) * (x + V.Create(0.044715f) * x * x * x);
}

internal readonly struct SiLUFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        x * VectorMath.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V>
    {
        V s = VectorMath.Sigmoid(x);
        return dy * s * (V.One + x * (V.One - s));
    }
}

internal readonly struct MishFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V n = Inner(x);
        return x * n / (n + V.Create(2f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V>
    {
        V n = Inner(x), below = n + V.Create(2f);
        V rest = V.Create(4f) * (n + V.One) / (below * below); // 1 - (n / (n + 2))^2, without cancellation
        return dy * (n / below + x * rest * VectorMath.Sigmoid(x));
    }

    // tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2); from x = 20 on this is 1 in float, and e stays finite.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Inner<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V e = VectorMath.Exp(V.Min(x, V.Create(20f)));
        return e * (e + V.Create(2f));
    }
}

internal readonly struct SoftplusFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Max(x, V.Zero) + Log1P(VectorMath.Exp(-V.Abs(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        dy * VectorMath.Sigmoid(x);

    /// <summary>log(1 + x) for x in 0..1, with Kahan's correction of the rounded 1 + x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log1P<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V sum = V.One + x;
        V log = VectorMath.Log(sum) * x / (sum - V.One);
        return V.Select(V.Equals(sum, V.One), x, log);
    }
}

internal readonly struct SoftsignFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        x / (V.One + V.Abs(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V>
    {
        V rest = V.One - V.Abs(y);
        return dy * rest * rest;
    }
}
