using System.Numerics;
using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>What the Cpu set does with the rows of a recurrent step: functions of gates, and the sums and products that join them.</summary>
internal static unsafe class GateRows
{
    private static readonly CpuUnaryKernels Unary = new();

    /// <summary>y = f(x) for some gates of <paramref name="units"/> numbers; y may be x.</summary>
    public static void Apply(in GateFunction f, float* x, float* y, int units, int gates)
    {
        int count = units * gates;
        if (f.Kind == GateFunctionKind.Formula)
            Unary.Forward(f.Geometry(count), Ptr(x), Ptr(y));
        else if (f.Kind == GateFunctionKind.Linear && x != y)
            Row.Store(x, y, count, 0);
        for (int k = 0; k < gates && f.Kind is GateFunctionKind.Softmax or GateFunctionKind.LogSoftmax; k++)
            GateSoftmax.Forward(x + k * units, y + k * units, units, f.Kind == GateFunctionKind.LogSoftmax);
    }

    /// <summary>Turns the gradient of y = f(x) into that of x, in place; x may be null where f does not need it.</summary>
    public static void Backward(in GateFunction f, float* x, float* y, float* d, int units, int gates)
    {
        if (f.Kind == GateFunctionKind.Formula)
            Unary.BackwardInput(f.Geometry(units * gates), Ptr(x), Ptr(y), Ptr(d), Ptr(d), 0);
        for (int k = 0; k < gates && f.Kind is GateFunctionKind.Softmax or GateFunctionKind.LogSoftmax; k++)
            GateSoftmax.Backward(y + k * units, d + k * units, units, f.Kind == GateFunctionKind.LogSoftmax);
    }

    /// <summary>to = a b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Multiply(float* a, float* b, float* to, int count)
    {
        int i = 0;
        for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
            (Vector.Load(a + i) * Vector.Load(b + i)).Store(to + i);
        for (; i < count; i++)
            to[i] = a[i] * b[i];
    }

    /// <summary>h = z before + (1 - z) value; before may be null: zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Mix(float* z, float* before, float* value, float* h, int count)
    {
        int i = 0;
        for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
        {
            Vector<float> share = Vector.Load(z + i), rest = (Vector<float>.One - share) * Vector.Load(value + i);
            (before == null ? rest : share * Vector.Load(before + i) + rest).Store(h + i);
        }
        for (; i < count; i++)
            h[i] = before == null ? (1 - z[i]) * value[i] : z[i] * before[i] + (1 - z[i]) * value[i];
    }

    /// <summary>Backward of <see cref="Mix"/>: dz, dvalue; dh becomes the gradient of before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void MixBackward(float* z, float* before, float* value, float* dh, float* dz, float* dvalue, int count)
    {
        int i = 0;
        for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
        {
            Vector<float> d = Vector.Load(dh + i), share = Vector.Load(z + i);
            (d * ((before == null ? Vector<float>.Zero : Vector.Load(before + i)) - Vector.Load(value + i))).Store(dz + i);
            (d * (Vector<float>.One - share)).Store(dvalue + i);
            (d * share).Store(dh + i);
        }
        for (; i < count; i++)
        {
            dz[i] = dh[i] * ((before == null ? 0 : before[i]) - value[i]);
            dvalue[i] = dh[i] * (1 - z[i]);
            dh[i] *= z[i];
        }
    }

    private static DevicePtr<float> Ptr(float* p) => new((nint)p);
}
