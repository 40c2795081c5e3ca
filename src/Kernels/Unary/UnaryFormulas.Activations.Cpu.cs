using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

// Each formula has Apply(x), the function, and Apply(s, dy), dy times the slope from s: x or y, as UnaryGeometry says.

internal readonly struct ReLUFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Max(x, Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(y, Vector512<float>.Zero), dy, Vector512<float>.Zero);
}

internal readonly struct ReLUMaxFormula(float most) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Min(Vector512.Max(x, Vector512<float>.Zero), Vector512.Create(most));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(y, Vector512<float>.Zero) & Vector512.LessThan(y, Vector512.Create(most)), dy, Vector512<float>.Zero);
}

internal readonly struct LeakyReLUFormula(float slope) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), x, Vector512.Create(slope) * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(y, Vector512<float>.Zero), dy, Vector512.Create(slope) * dy);
}

internal readonly struct ELUFormula(float scale, float alpha) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), Vector512.Create(scale) * x, Vector512.Create(alpha) * (VectorMath.Exp(x) - Vector512<float>.One));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        dy * Vector512.ConditionalSelect(Vector512.GreaterThan(y, Vector512<float>.Zero), Vector512.Create(scale), y + Vector512.Create(alpha));
}

internal readonly struct SigmoidFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        VectorMath.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        dy * y * (Vector512<float>.One - y);
}

internal readonly struct HardSigmoidFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Min(Vector512.Max(x + Vector512.Create(3f), Vector512<float>.Zero), Vector512.Create(6f)) * Vector512.Create(1 / 6f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(y, Vector512<float>.Zero) & Vector512.LessThan(y, Vector512<float>.One), dy * Vector512.Create(1 / 6f), Vector512<float>.Zero);
}

internal readonly struct TanhFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        VectorMath.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        dy * (Vector512<float>.One - y * y);
}

internal readonly struct GeluFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Create(0.5f) * x * (Vector512<float>.One + VectorMath.Erf(x * Vector512.Create(0.70710678f)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy)
    {
        Vector512<float> cumulative = Vector512.Create(0.5f) * (Vector512<float>.One + VectorMath.Erf(x * Vector512.Create(0.70710678f)));
        Vector512<float> density = Vector512.Create(0.39894228f) * VectorMath.Exp(Vector512.Create(-0.5f) * x * x); // 1 / sqrt(2 pi)
        return dy * (cumulative + x * density);
    }
}

internal readonly struct GeluTanhFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Create(0.5f) * x * (Vector512<float>.One + VectorMath.Tanh(Inner(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy)
    {
        Vector512<float> t = VectorMath.Tanh(Inner(x));
        Vector512<float> inner = Vector512.Create(0.79788456f) * (Vector512<float>.One + Vector512.Create(3 * 0.044715f) * x * x); // slope of Inner
        return dy * Vector512.Create(0.5f) * (Vector512<float>.One + t + x * (Vector512<float>.One - t * t) * inner);
    }

    // sqrt(2 / pi) (x + 0.044715 x^3)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Inner(Vector512<float> x) =>
        Vector512.Create(0.79788456f) * (x + Vector512.Create(0.044715f) * x * x * x);
}

internal readonly struct SiLUFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        x * VectorMath.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy)
    {
        Vector512<float> s = VectorMath.Sigmoid(x);
        return dy * s * (Vector512<float>.One + x * (Vector512<float>.One - s));
    }
}

internal readonly struct MishFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x)
    {
        Vector512<float> n = Inner(x);
        return x * n / (n + Vector512.Create(2f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy)
    {
        Vector512<float> n = Inner(x), below = n + Vector512.Create(2f);
        Vector512<float> rest = Vector512.Create(4f) * (n + Vector512<float>.One) / (below * below); // 1 - (n / (n + 2))^2, without cancellation
        return dy * (n / below + x * rest * VectorMath.Sigmoid(x));
    }

    // tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2); from x = 20 on this is 1 in float, and e stays finite.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Inner(Vector512<float> x)
    {
        Vector512<float> e = VectorMath.Exp(Vector512.Min(x, Vector512.Create(20f)));
        return e * (e + Vector512.Create(2f));
    }
}

internal readonly struct SoftplusFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Max(x, Vector512<float>.Zero) + Log1P(VectorMath.Exp(-Vector512.Abs(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy) =>
        dy * VectorMath.Sigmoid(x);

    /// <summary>log(1 + x) for x in 0..1, with Kahan's correction of the rounded 1 + x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log1P(Vector512<float> x)
    {
        Vector512<float> sum = Vector512<float>.One + x;
        Vector512<float> log = VectorMath.Log(sum) * x / (sum - Vector512<float>.One);
        return Vector512.ConditionalSelect(Vector512.Equals(sum, Vector512<float>.One), x, log);
    }
}

internal readonly struct SoftsignFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        x / (Vector512<float>.One + Vector512.Abs(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy)
    {
        Vector512<float> rest = Vector512<float>.One - Vector512.Abs(y);
        return dy * rest * rest;
    }
}
