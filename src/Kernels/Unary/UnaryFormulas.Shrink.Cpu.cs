using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

// Each formula has Apply(x), the function, and Apply(s, dy), dy times the slope from s: x or y, as UnaryGeometry says.

internal readonly struct SparseSigmoidFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Min(V.Max(V.Create(0.5f) * x + V.Create(0.5f), V.Zero), V.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(y, V.Zero) & V.LessThan(y, V.One), dy * V.Create(0.5f), V.Zero);
}

internal readonly struct HardSiLUFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        x * V.Min(V.Max(x + V.Create(3f), V.Zero), V.Create(6f)) * V.Create(1 / 6f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V>
    {
        V inside = (x + x + V.Create(3f)) * V.Create(1 / 6f);
        return V.Select(V.LessThanOrEqual(x, V.Create(-3f)), V.Zero, V.Select(V.LessThan(x, V.Create(3f)), dy * inside, dy));
    }
}

internal readonly struct LogSigmoidFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Min(x, V.Zero) - SoftplusFormula.Log1P(VectorMath.Exp(-V.Abs(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        dy * VectorMath.Sigmoid(-x);
}

internal readonly struct TanhShrinkFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        x - VectorMath.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V>
    {
        V t = VectorMath.Tanh(x);
        return dy * t * t;
    }
}

/// <summary>Zero from -threshold to threshold, else x brought nearer to 0 by an offset: the threshold itself (soft) or nothing (hard).</summary>
internal readonly struct ShrinkFormula(float threshold, float offset) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V below = V.Select(V.LessThan(x, V.Create(-threshold)), x + V.Create(offset), V.Zero);
        return V.Select(V.GreaterThan(x, V.Create(threshold)), x - V.Create(offset), below);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V y, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.Equals(y, V.Zero), V.Zero, dy);
}

internal readonly struct SquarePlusFormula(float width) : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V> =>
        V.Create(0.5f) * (x + V.Sqrt(x * x + V.Create(width)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        V.Create(0.5f) * dy * (V.One + x / V.Sqrt(x * x + V.Create(width)));
}

internal readonly struct SparsePlusFormula : IUnaryFormula, IBinaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V above = V.Max(x + V.One, V.Zero);
        return V.Select(V.LessThan(x, V.One), V.Create(0.25f) * above * above, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V x, V dy)
        where V : unmanaged, ILanes<V> =>
        dy * V.Min(V.Max(V.Create(0.5f) * (x + V.One), V.Zero), V.One);
}
