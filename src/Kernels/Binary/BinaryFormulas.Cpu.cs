using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

// The functions take a and b; the slopes take the input that they belong to first, then the other, then dy.

internal readonly struct AddFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => a + b;
}

internal readonly struct SubtractFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => a - b;
}

internal readonly struct MultiplyFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => a * b;
}

internal readonly struct DivideFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => a / b;
}

internal readonly struct MaximumFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.Max(a, b);
}

internal readonly struct MinimumFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.Min(a, b);
}

internal readonly struct PReLUFormula : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(a, Vector512<float>.Zero), a, a * b);
}

internal readonly struct Upstream : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => c;
}

internal readonly struct MinusUpstream : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => -c;
}

internal readonly struct MultiplySlope : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => b * c;
}

internal readonly struct DivideSlopeA : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => c / b;
}

internal readonly struct DivideSlopeB : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => -b * c / (a * a);
}

internal readonly struct MaximumSlope : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(a, b), c, Vector512.ConditionalSelect(Vector512.Equals(a, b), c * Vector512.Create(0.5f), Vector512<float>.Zero));
}

internal readonly struct MinimumSlope : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.ConditionalSelect(Vector512.LessThan(a, b), c, Vector512.ConditionalSelect(Vector512.Equals(a, b), c * Vector512.Create(0.5f), Vector512<float>.Zero));
}

internal readonly struct PReLUSlopeA : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(a, Vector512<float>.Zero), c, b * c);
}

internal readonly struct PReLUSlopeB : ITernaryFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => // a is the slope here, b the number
        Vector512.ConditionalSelect(Vector512.GreaterThan(b, Vector512<float>.Zero), Vector512<float>.Zero, b * c);
}
