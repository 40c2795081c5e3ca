using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

// Each formula has Apply(x), the function, and Apply(s, dy), dy times the slope from s: x or y, as UnaryGeometry says.

internal readonly struct ExpFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        VectorMath.Exp(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        dy * y;
}

internal readonly struct LogFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        VectorMath.Log(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy) =>
        dy / x;
}

internal readonly struct SqrtFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Sqrt(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        Vector512.Create(0.5f) * dy / y;
}

internal readonly struct RsqrtFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512<float>.One / Vector512.Sqrt(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        Vector512.Create(-0.5f) * dy * y * y * y;
}

internal readonly struct SquareFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        x * x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy) =>
        Vector512.Create(2f) * dy * x;
}

internal readonly struct AbsFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), dy, Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), -dy, Vector512<float>.Zero));
}

internal readonly struct ReciprocalFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512<float>.One / x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> y, Vector512<float> dy) =>
        -dy * y * y;
}

internal readonly struct ScaleFormula(float factor, float offset) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Create(factor) * x + Vector512.Create(offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy) =>
        Vector512.Create(factor) * dy;
}

internal readonly struct ClipFormula(float least, float most) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.Min(Vector512.Max(x, Vector512.Create(least)), Vector512.Create(most));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy) =>
        Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(x, Vector512.Create(least)) & Vector512.LessThanOrEqual(x, Vector512.Create(most)), dy, Vector512<float>.Zero);
}

/// <summary>Powers lane by lane: the runtime has no vector power, and no model here has it in a hot path.</summary>
internal readonly struct ThresholdFormula(float least, float most) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512.Create(least)), Vector512.Min(x, Vector512.Create(most)), Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512.Create(least)) & Vector512.LessThan(x, Vector512.Create(most)), dy, Vector512<float>.Zero);
}

internal readonly struct PowFormula(float exponent) : IUnaryFormula, IBinaryFormula
{
    public Vector512<float> Apply(Vector512<float> x)
    {
        for (int lane = 0; lane < Vector512<float>.Count; lane++)
            x = x.WithElement(lane, MathF.Pow(x[lane], exponent));
        return x;
    }

    public Vector512<float> Apply(Vector512<float> x, Vector512<float> dy)
    {
        for (int lane = 0; lane < Vector512<float>.Count; lane++)
            dy = dy.WithElement(lane, exponent == 0 ? 0 : dy[lane] * exponent * MathF.Pow(x[lane], exponent - 1));
        return dy;
    }
}
