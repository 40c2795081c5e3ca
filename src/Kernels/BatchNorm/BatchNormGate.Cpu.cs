using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>The activation behind a normalisation and the way back through it (<see cref="BatchNormGate{T}"/>), in lanes and one by one to the same bits.</summary>
internal unsafe struct CpuBatchNormGate
{
    private const float Six = 6;

    private FusedActivation _activation;
    private float* _x, _mean, _slope, _shift, _y, _passed;

    /// <summary>True where v is computed from x again.</summary>
    public static bool ReadsInput(in BatchNormGeometry g, in BatchNormGate<float> gate) => g.Activation != FusedActivation.None && gate.Y.IsNull;

    /// <summary>The way back; <paramref name="slope"/> is rstd scale, as forward had it.</summary>
    public static CpuBatchNormGate Of(in BatchNormGeometry g, in BatchNormGate<float> gate, DevicePtr<float> x, DevicePtr<float> mean, float* slope) => new()
    {
        _activation = g.Activation,
        _x = x.Pointer,
        _mean = mean.Pointer,
        _slope = slope,
        _shift = gate.Shift.Pointer,
        _y = gate.Y.Pointer,
        _passed = gate.Passed.Pointer,
    };

    /// <summary>act(v); NaN stays.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Activated<V>(FusedActivation activation, V v)
        where V : unmanaged, ILanes<V>
    {
        if (activation == FusedActivation.None)
            return v;
        v = V.Max(v, V.Zero);
        return activation == FusedActivation.ReLU6 ? V.Min(v, V.Create(Six)) : v;
    }

    /// <summary>The same for one number.</summary>
    public static float Activated(FusedActivation activation, float v)
    {
        if (activation == FusedActivation.None)
            return v;
        v = MathF.Max(v, 0);
        return activation == FusedActivation.ReLU6 ? MathF.Min(v, Six) : v;
    }

    /// <summary>dv of neighbouring channels from <paramref name="c"/> on, <paramref name="at"/> floats into the array; stored where somebody needs it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly V Through<V>(V dy, nint at, int c)
        where V : unmanaged, ILanes<V>
    {
        if (_activation == FusedActivation.None)
            return dy;
        V y = _y != null ? V.Load(_y + at) : V.MultiplyAdd(V.Load(_x + at) - V.Load(_mean + c), V.Load(_slope + c), V.Load(_shift + c));
        V passes = V.GreaterThan(y, V.Zero);
        if (_activation == FusedActivation.ReLU6)
            passes &= V.LessThan(y, V.Create(Six));
        V dv = V.Select(passes, dy, V.Zero);
        if (_passed != null)
            dv.Store(_passed + at);
        return dv;
    }

    /// <summary>The same for one channel: the tail, which forward rounded twice.</summary>
    public readonly float Through(float dy, nint at, int c)
    {
        if (_activation == FusedActivation.None)
            return dy;
        float y = _y != null ? _y[at] : (_x[at] - _mean[c]) * _slope[c] + _shift[c];
        float dv = y > 0 && (_activation != FusedActivation.ReLU6 || y < Six) ? dy : 0;
        if (_passed != null)
            _passed[at] = dv;
        return dv;
    }
}
