using System.Runtime.CompilerServices;

namespace Graft.Kernels.Cpu;

/// <summary>Exponential, logarithm and their kin, lane by lane.</summary>
/// <remarks><see cref="Elementwise"/> takes tails through the same code on a padded vector, so that a number does not depend on where it stands. A loop that does its tail by MathF may round there otherwise.</remarks>
internal static class VectorMath
{
    private const float Log2E = 1.44269504f;
    private const float Ln2High = 0.693145752f; // upper bits of ln 2: k · Ln2High is exact for |k| < 2^10
    private const float Ln2Low = 1.42860677e-6f;

    /// <summary>e^x within 2 units in the last place, subnormal results included; 0 below -104, infinity above 88.7; NaN stays.</summary>
    /// <remarks>e^x = 2^k e^r with |r| ≤ ln 2 / 2 (Cody and Waite); e^r by a polynomial of degree 6.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        x = V.MinOf(V.Create(89f), V.MaxOf(V.Create(-104f), x)); // beyond, the result is 0 or infinity as well
        V k = V.Floor(V.MultiplyAdd(x, V.Create(Log2E), V.Create(0.5f)));
        V r = V.MultiplyAdd(k, V.Create(-Ln2Low), V.MultiplyAdd(k, V.Create(-Ln2High), x));
        V p = V.Create(0.00139263761f); // interpolates (e^r - 1 - r) / r² at Chebyshev points: within 1e-8
        p = V.MultiplyAdd(p, r, V.Create(0.00836333353f));
        p = V.MultiplyAdd(p, r, V.Create(0.0416665524f));
        p = V.MultiplyAdd(p, r, V.Create(0.166665763f));
        p = V.MultiplyAdd(p, r, V.Create(0.5f));
        p = V.MultiplyAdd(p, r, V.One);
        p = V.MultiplyAdd(p, r, V.One);
        return V.Scale(p, k);
    }

    /// <summary>1 / (1 + e^-x) within 3 units in the last place, without overflow on either side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V e = Exp(-V.Abs(x));
        V positive = V.One / (V.One + e);
        return V.Select(V.LessThan(x, V.Zero), e * positive, positive);
    }

    /// <summary>Hyperbolic tangent within 3 units in the last place: an odd polynomial near 0, where 1 - e^-2x would cancel, else by the exponential.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V a = V.Abs(x), x2 = x * x;
        // tanh x = x - x³/3 + 2x⁵/15 - 17x⁷/315 + 62x⁹/2835 - 1382x¹¹/155925: below 1e-7 relative up to 0.35
        V p = V.Create(-1382f / 155925);
        p = V.MultiplyAdd(p, x2, V.Create(62f / 2835));
        p = V.MultiplyAdd(p, x2, V.Create(-17f / 315));
        p = V.MultiplyAdd(p, x2, V.Create(2f / 15));
        p = V.MultiplyAdd(p, x2, V.Create(-1f / 3));
        V near = V.MultiplyAdd(p * x2, x, x);
        V e = Exp(a * V.Create(-2f));
        V far = (V.One - e) / (V.One + e);
        far = V.Select(V.LessThan(x, V.Zero), -far, far);
        return V.Select(V.LessThan(a, V.Create(0.35f)), near, far);
    }

    /// <summary>Natural logarithm within 2 units in the last place, of subnormal numbers too; -infinity at 0, NaN below.</summary>
    /// <remarks>x = m 2^k with m in [sqrt ½, sqrt 2); log m = 2 atanh((m - 1) / (m + 1)) as a series.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V tiny = V.LessThan(x, V.Create(1.17549435e-38f)); // subnormal: scaled by 2^23
        V scaled = V.Select(tiny, x * V.Create(8388608f), x);
        V m = V.Split(scaled, out V k);
        k -= V.Select(tiny, V.Create(23f), V.Zero);
        V s = (m - V.One) / (m + V.One), s2 = s * s;
        V p = V.Create(2f / 9);
        p = V.MultiplyAdd(p, s2, V.Create(2f / 7));
        p = V.MultiplyAdd(p, s2, V.Create(2f / 5));
        p = V.MultiplyAdd(p, s2, V.Create(2f / 3));
        V log = V.MultiplyAdd(p * s2, s, s + s);
        V y = k * V.Create(Ln2High) + (log + k * V.Create(Ln2Low));
        y = V.Select(V.Equals(x, V.Zero), V.Create(float.NegativeInfinity), y);
        y = V.Select(V.LessThan(x, V.Zero), V.Create(float.NaN), y);
        return V.Select(V.LessThan(x, V.Create(float.PositiveInfinity)), y, x); // infinity and NaN stay
    }

    /// <summary>The error function within 5 units in the last place (an absolute error below 3e-7).</summary>
    /// <remarks>Abramowitz and Stegun 1964: the Maclaurin series 7.1.5 up to 1, the rational fit 7.1.26 beyond.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V a = V.Abs(x), x2 = x * x;
        V p = V.Create(1f / 685440); // terms (-1)^n x^(2n+1) / (n! (2n+1)), n = 8 down to 0
        p = V.MultiplyAdd(p, x2, V.Create(-1f / 75600));
        p = V.MultiplyAdd(p, x2, V.Create(1f / 9360));
        p = V.MultiplyAdd(p, x2, V.Create(-1f / 1320));
        p = V.MultiplyAdd(p, x2, V.Create(1f / 216));
        p = V.MultiplyAdd(p, x2, V.Create(-1f / 42));
        p = V.MultiplyAdd(p, x2, V.Create(0.1f));
        p = V.MultiplyAdd(p, x2, V.Create(-1f / 3));
        p = V.MultiplyAdd(p, x2, V.One);
        V near = V.Create(1.12837917f) * x * p; // 2 / sqrt(pi)
        V t = V.One / V.MultiplyAdd(a, V.Create(0.3275911f), V.One);
        V q = V.Create(1.061405429f);
        q = V.MultiplyAdd(q, t, V.Create(-1.453152027f));
        q = V.MultiplyAdd(q, t, V.Create(1.421413741f));
        q = V.MultiplyAdd(q, t, V.Create(-0.284496736f));
        q = V.MultiplyAdd(q, t, V.Create(0.254829592f));
        V far = V.One - q * t * Exp(-x2);
        far = V.Select(V.LessThan(x, V.Zero), -far, far);
        return V.Select(V.LessThan(a, V.One), near, far);
    }
}
