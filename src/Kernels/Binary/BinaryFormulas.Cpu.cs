using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

// The functions take a and b; the slopes take the input that they belong to first, then the other, then dy.

internal readonly struct AddFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => a + b;
}

internal readonly struct SubtractFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => a - b;
}

internal readonly struct MultiplyFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => a * b;
}

internal readonly struct DivideFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => a / b;
}

internal readonly struct MaximumFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => V.Max(a, b);
}

internal readonly struct MinimumFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => V.Min(a, b);
}

internal readonly struct PReLUFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(a, V.Zero), a, a * b);
}

internal readonly struct Upstream : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => c;
}

internal readonly struct MinusUpstream : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => -c;
}

internal readonly struct MultiplySlope : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => b * c;
}

internal readonly struct DivideSlopeA : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => c / b;
}

internal readonly struct DivideSlopeB : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => -b * c / (a * a);
}

internal readonly struct MaximumSlope : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(a, b), c, V.Select(V.Equals(a, b), c * V.Create(0.5f), V.Zero));
}

internal readonly struct MinimumSlope : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.LessThan(a, b), c, V.Select(V.Equals(a, b), c * V.Create(0.5f), V.Zero));
}

internal readonly struct PReLUSlopeA : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> =>
        V.Select(V.GreaterThan(a, V.Zero), c, b * c);
}

internal readonly struct PReLUSlopeB : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V>(V a, V b, V c)
        where V : unmanaged, ILanes<V> => // a is the slope here, b the number
        V.Select(V.GreaterThan(b, V.Zero), V.Zero, b * c);
}
