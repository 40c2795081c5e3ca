using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

// Each formula has Apply(x), the function, and Apply(s, dy), dy times the slope from s: x or y, as UnaryGeometry says.

internal readonly struct ExpFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        VectorMath.Exp(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        dy * y;
}

internal readonly struct LogFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        VectorMath.Log(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        dy / x;
}

internal readonly struct SqrtFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Sqrt(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Create(0.5f) * dy / y;
}

internal readonly struct RsqrtFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.One / V.Sqrt(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Create(-0.5f) * dy * y * y * y;
}

internal readonly struct SquareFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        x * x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Create(2f) * dy * x;
}

internal readonly struct AbsFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(x, V.Zero), dy, V.Select(V.LessThan(x, V.Zero), -dy, V.Zero));
}

internal readonly struct ReciprocalFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.One / x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        -dy * y * y;
}

internal readonly struct ScaleFormula(float factor, float offset) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Create(factor) * x + V.Create(offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Create(factor) * dy;
}

internal readonly struct ClipFormula(float least, float most) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Min(V.Max(x, V.Create(least)), V.Create(most));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThanOrEqual(x, V.Create(least)) & V.LessThanOrEqual(x, V.Create(most)), dy, V.Zero);
}

/// <summary>Powers lane by lane: the runtime has no vector power, and no model here has it in a hot path.</summary>
internal readonly struct ThresholdFormula(float least, float most) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(x, V.Create(least)), V.Min(x, V.Create(most)), V.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(x, V.Create(least)) & V.LessThan(x, V.Create(most)), dy, V.Zero);
}

internal readonly struct NotEqualFormula(float value) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.Equals(x, V.Create(value)), V.Zero, V.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Zero;
}

internal readonly struct PowFormula(float exponent) : IUnaryFormula, IBinaryFormula
{
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        for (int lane = 0; lane < V.Count; lane++)
            x = x.With(lane, MathF.Pow(x[lane], exponent));
        return x;
    }

    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V>
    {
        for (int lane = 0; lane < V.Count; lane++)
            dy = dy.With(lane, exponent == 0 ? 0 : dy[lane] * exponent * MathF.Pow(x[lane], exponent - 1));
        return dy;
    }
}
