using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graft.Kernels.Cpu;

/// <summary>Exponential, logarithm and their kin on 16 lanes. Without 512-bit registers the runtime splits each step in two.</summary>
/// <remarks>Tails run through the same code on a padded vector, so a number does not depend on where in a row it stands.</remarks>
internal static class VectorMath
{
    private const float Log2E = 1.44269504f;
    private const float Ln2High = 0.693145752f; // upper bits of ln 2: k · Ln2High is exact for |k| < 2^10
    private const float Ln2Low = 1.42860677e-6f;

    /// <summary>e^x, relative error below 3e-7; 0 below -87.3 (the smallest normal number), infinity above 88.7.</summary>
    /// <remarks>e^x = 2^k e^r with |r| ≤ ln 2 / 2 (Cody and Waite); e^r by a polynomial of degree 6.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        Vector512<float> k = Vector512.Floor(Vector512.MultiplyAddEstimate(x, Vector512.Create(Log2E), Vector512.Create(0.5f)));
        k = Vector512.Min(Vector512.Max(k, Vector512.Create(-127f)), Vector512.Create(128f));
        Vector512<float> r = x - k * Vector512.Create(Ln2High) - k * Vector512.Create(Ln2Low);
        Vector512<float> p = Vector512.Create(1f / 720);
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1f / 120));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1f / 24));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1f / 6));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(0.5f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512<float>.One);
        p = Vector512.MultiplyAddEstimate(p, r, Vector512<float>.One);
        // 2^k in two factors: k = 128 alone would overflow although 2^127 · 2 · e^r may be finite.
        Vector512<int> whole = Vector512.ConvertToInt32(k), half = whole >> 1;
        Vector512<float> y = p * PowerOfTwo(half) * PowerOfTwo(whole - half);
        y = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-87.33654f)), Vector512<float>.Zero, y);
        y = Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512.Create(88.72284f)), Vector512.Create(float.PositiveInfinity), y);
        return Vector512.ConditionalSelect(Vector512.Equals(x, x), y, x); // NaN stays NaN
    }

    /// <summary>1 / (1 + e^-x) without overflow on either side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x)
    {
        Vector512<float> e = Exp(-Vector512.Abs(x));
        Vector512<float> positive = Vector512<float>.One / (Vector512<float>.One + e);
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), e * positive, positive);
    }

    /// <summary>Hyperbolic tangent: an odd polynomial near 0, where 1 - e^-2x would cancel, else by the exponential.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        Vector512<float> a = Vector512.Abs(x), x2 = x * x;
        // tanh x = x - x³/3 + 2x⁵/15 - 17x⁷/315 + 62x⁹/2835 - 1382x¹¹/155925: below 1e-7 relative up to 0.35
        Vector512<float> p = Vector512.Create(-1382f / 155925);
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(62f / 2835));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(-17f / 315));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(2f / 15));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(-1f / 3));
        Vector512<float> near = Vector512.MultiplyAddEstimate(p * x2, x, x);
        Vector512<float> e = Exp(a * Vector512.Create(-2f));
        Vector512<float> far = (Vector512<float>.One - e) / (Vector512<float>.One + e);
        far = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), -far, far);
        return Vector512.ConditionalSelect(Vector512.LessThan(a, Vector512.Create(0.35f)), near, far);
    }

    /// <summary>Natural logarithm, relative error below 2e-7 away from 1; -infinity at 0, NaN below.</summary>
    /// <remarks>x = m 2^k with m in [sqrt ½, sqrt 2); log m = 2 atanh((m - 1) / (m + 1)) as a series.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log(Vector512<float> x)
    {
        Vector512<float> tiny = Vector512.LessThan(x, Vector512.Create(1.17549435e-38f)); // subnormal: scaled by 2^23
        Vector512<float> scaled = Vector512.ConditionalSelect(tiny, x * Vector512.Create(8388608f), x);
        Vector512<int> bits = scaled.AsInt32() - Vector512.Create(0x3f3504f3); // sqrt ½
        Vector512<float> k = Vector512.ConvertToSingle(bits >> 23);
        Vector512<float> m = ((bits & Vector512.Create(0x007fffff)) + Vector512.Create(0x3f3504f3)).AsSingle();
        k -= Vector512.ConditionalSelect(tiny, Vector512.Create(23f), Vector512<float>.Zero);
        Vector512<float> s = (m - Vector512<float>.One) / (m + Vector512<float>.One), s2 = s * s;
        Vector512<float> p = Vector512.Create(2f / 9);
        p = Vector512.MultiplyAddEstimate(p, s2, Vector512.Create(2f / 7));
        p = Vector512.MultiplyAddEstimate(p, s2, Vector512.Create(2f / 5));
        p = Vector512.MultiplyAddEstimate(p, s2, Vector512.Create(2f / 3));
        Vector512<float> log = Vector512.MultiplyAddEstimate(p * s2, s, s + s);
        Vector512<float> y = k * Vector512.Create(Ln2High) + (log + k * Vector512.Create(Ln2Low));
        y = Vector512.ConditionalSelect(Vector512.Equals(x, Vector512<float>.Zero), Vector512.Create(float.NegativeInfinity), y);
        y = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), Vector512.Create(float.NaN), y);
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(float.PositiveInfinity)), y, x); // infinity and NaN stay
    }

    /// <summary>The error function, absolute error below 3e-7.</summary>
    /// <remarks>Abramowitz and Stegun 1964: the Maclaurin series 7.1.5 up to 1, the rational fit 7.1.26 beyond.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Erf(Vector512<float> x)
    {
        Vector512<float> a = Vector512.Abs(x), x2 = x * x;
        Vector512<float> p = Vector512.Create(1f / 685440); // terms (-1)^n x^(2n+1) / (n! (2n+1)), n = 8 down to 0
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(-1f / 75600));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(1f / 9360));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(-1f / 1320));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(1f / 216));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(-1f / 42));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(0.1f));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512.Create(-1f / 3));
        p = Vector512.MultiplyAddEstimate(p, x2, Vector512<float>.One);
        Vector512<float> near = Vector512.Create(1.12837917f) * x * p; // 2 / sqrt(pi)
        Vector512<float> t = Vector512<float>.One / Vector512.MultiplyAddEstimate(a, Vector512.Create(0.3275911f), Vector512<float>.One);
        Vector512<float> q = Vector512.Create(1.061405429f);
        q = Vector512.MultiplyAddEstimate(q, t, Vector512.Create(-1.453152027f));
        q = Vector512.MultiplyAddEstimate(q, t, Vector512.Create(1.421413741f));
        q = Vector512.MultiplyAddEstimate(q, t, Vector512.Create(-0.284496736f));
        q = Vector512.MultiplyAddEstimate(q, t, Vector512.Create(0.254829592f));
        Vector512<float> far = Vector512<float>.One - q * t * Exp(-x2);
        far = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), -far, far);
        return Vector512.ConditionalSelect(Vector512.LessThan(a, Vector512<float>.One), near, far);
    }

    private static Vector512<float> PowerOfTwo(Vector512<int> exponent) => ((exponent + Vector512.Create(127)) << 23).AsSingle();
}
