using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// As few passes over memory as there can be: one for the statistics, one to normalise, add a residual and activate; backward one for both sums and one for dx,
/// each of which takes the gradient through the activation on its way.
/// </summary>
internal sealed unsafe class CpuBatchNormKernels : BatchNormKernels
{
    private const int Sampled = 32;

    public override void Forward(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> movingMean,
        DevicePtr<float> movingVariance, DevicePtr<float> y, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<float> residual)
    {
        float* m = mean.Pointer, r = rstd.Pointer;
        if (g.Training)
            Statistics(g, x.Pointer, m, r);
        float factor = (float)g.MovingFactor;
        float* slope = Scratch.Rent(ScratchSlot.Rows, g.C);
        for (int c = 0; c < g.C; c++)
        {
            float variance = g.Training ? r[c] : movingVariance.Pointer[c];
            m[c] = g.Training ? m[c] : movingMean.Pointer[c];
            r[c] = (float)(1 / Math.Sqrt((double)variance + g.Epsilon));
            slope[c] = r[c] * scale.Pointer[c];
            if (!g.Training)
                continue;
            movingMean.Pointer[c] = movingMean.Pointer[c] * g.Momentum + m[c] * (1 - g.Momentum);
            movingVariance.Pointer[c] = movingVariance.Pointer[c] * g.Momentum + variance * factor * (1 - g.Momentum);
        }
        LaneWidth.Run(LaneWidth.Current, new Normalize { G = g, X = x.Pointer, Slope = slope, Shift = shift.Pointer, Mean = m, Residual = residual.Pointer, Y = y.Pointer });
    }

    public override void BackwardSums(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, DevicePtr<float> dshift, BatchNormGate<float> gate)
    {
        double* sums = (double*)Scratch.Rent(ScratchSlot.Rows, 5L * g.C);
        float* slope = (float*)(sums + 2 * g.C);
        for (int c = 0; c < g.C && CpuBatchNormGate.ReadsInput(g, gate); c++)
            slope[c] = rstd.Pointer[c] * gate.Scale.Pointer[c];
        CpuBatchNormGate through = CpuBatchNormGate.Of(g, gate, x, mean, slope);
        ChannelSums.Run(g.Rows, g.C, new GradientTerm { X = x.Pointer, Dy = dy.Pointer, Mean = mean.Pointer, Gate = through }, sums);
        for (int c = 0; c < g.C; c++)
        {
            dshift.Pointer[c] = (float)sums[c];
            dscale.Pointer[c] = (float)(sums[g.C + c] * rstd.Pointer[c]);
        }
    }

    public override void BackwardInput(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dscale, DevicePtr<float> dshift, DevicePtr<float> dx, float beta, BatchNormGate<float> gate)
    {
        // Per channel: dx = p dv + q (x - mean) + s, with p, q, s worked out once.
        float* p = Scratch.Rent(ScratchSlot.Partial, 3L * g.C), q = p + g.C, s = q + g.C;
        for (int c = 0; c < g.C; c++)
        {
            p[c] = scale.Pointer[c] * rstd.Pointer[c];
            q[c] = g.Training ? -p[c] * rstd.Pointer[c] * (dscale.Pointer[c] / g.Rows) : 0;
            s[c] = g.Training ? -p[c] * (dshift.Pointer[c] / g.Rows) : 0;
        }
        CpuBatchNormGate through = CpuBatchNormGate.Of(g, gate with { Passed = DevicePtr<float>.Null }, x, mean, p); // p is the slope that forward had
        LaneWidth.Run(LaneWidth.Current, new BackwardRows { G = g, X = x.Pointer, Dy = dy.Pointer, Mean = mean.Pointer, P = p, Q = q, S = s, Gate = through, Dx = dx.Pointer, Beta = beta });
    }

    /// <summary>
    /// Mean and biased variance from the sums of d and d² with d = x - k: in one pass, and without losing digits where the mean is far from zero, since k is
    /// near it: the mean of some rows.
    /// </summary>
    private static void Statistics(in BatchNormGeometry g, float* x, float* mean, float* variance)
    {
        int rows = (int)Math.Min(Sampled, g.Rows);
        for (int c = 0; c < g.C; c++)
            mean[c] = 0;
        for (int i = 0; i < rows; i++)
            Row.AddScaled(x + g.Rows * i / rows * g.C, 1f / rows, mean, g.C);
        double* sums = (double*)Scratch.Rent(ScratchSlot.Rows, 4L * g.C);
        ChannelSums.Run(g.Rows, g.C, new MomentTerm { X = x, Near = mean }, sums);
        for (int c = 0; c < g.C; c++)
        {
            double shift = sums[c] / g.Rows;
            variance[c] = (float)Math.Max(0, sums[g.C + c] / g.Rows - shift * shift);
            mean[c] = (float)(mean[c] + shift);
        }
    }

    private struct MomentTerm : IChannelTerm
    {
        public float* X, Near;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Add<V>(nint at, int c, ref V first, ref V second)
            where V : unmanaged, ILanes<V>
        {
            V d = V.Load(X + at) - V.Load(Near + c);
            first += d;
            second = V.MultiplyAdd(d, d, second);
        }

        public readonly void AddOne(nint at, int c, ref float first, ref float second)
        {
            float d = X[at] - Near[c];
            first += d;
            second += d * d;
        }
    }

    private struct GradientTerm : IChannelTerm
    {
        public float* X, Dy, Mean;
        public CpuBatchNormGate Gate;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Add<V>(nint at, int c, ref V first, ref V second)
            where V : unmanaged, ILanes<V>
        {
            V dv = Gate.Through(V.Load(Dy + at), at, c);
            first += dv;
            second = V.MultiplyAdd(dv, V.Load(X + at) - V.Load(Mean + c), second);
        }

        public readonly void AddOne(nint at, int c, ref float first, ref float second)
        {
            float dv = Gate.Through(Dy[at], at, c);
            first += dv;
            second += dv * (X[at] - Mean[c]);
        }
    }

    private struct Normalize : ILaneWork
    {
        public BatchNormGeometry G;
        public float* X, Slope, Shift, Mean, Residual, Y;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V> => RowBlocks.For(G.Rows, 2L * G.C, new NormalizeRow<V> { Of = this });
    }

    private struct NormalizeRow<V> : IRowWork
        where V : unmanaged, ILanes<V>
    {
        public Normalize Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Row(long row)
        {
            int channels = Of.G.C, c = 0;
            float* x = Of.X + row * channels, y = Of.Y + row * channels, slope = Of.Slope, shift = Of.Shift, mean = Of.Mean;
            float* residual = Of.Residual == null ? null : Of.Residual + row * channels;
            FusedActivation activation = Of.G.Activation;
            for (; c + V.Count <= channels; c += V.Count)
            {
                V v = V.MultiplyAdd(V.Load(x + c) - V.Load(mean + c), V.Load(slope + c), V.Load(shift + c));
                if (residual != null)
                    v += V.Load(residual + c);
                CpuBatchNormGate.Activated(activation, v).Store(y + c);
            }
            for (; c < channels; c++)
            {
                float v = (x[c] - mean[c]) * slope[c] + shift[c];
                if (residual != null)
                    v += residual[c];
                y[c] = CpuBatchNormGate.Activated(activation, v);
            }
        }
    }

    private struct BackwardRows : ILaneWork
    {
        public BatchNormGeometry G;
        public float Beta;
        public float* X, Dy, Mean, P, Q, S, Dx;
        public CpuBatchNormGate Gate;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V> => RowBlocks.For(G.Rows, 2L * G.C, new BackwardRow<V> { Of = this });
    }

    private struct BackwardRow<V> : IRowWork
        where V : unmanaged, ILanes<V>
    {
        public BackwardRows Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Row(long row)
        {
            int channels = Of.G.C, c = 0;
            bool training = Of.G.Training, adds = Of.Beta != 0;
            float* x = Of.X + row * channels, dy = Of.Dy + row * channels, dx = Of.Dx + row * channels, mean = Of.Mean, p = Of.P, q = Of.Q, s = Of.S;
            V beta = V.Create(Of.Beta);
            CpuBatchNormGate gate = Of.Gate;
            nint first = (nint)row * channels;
            for (; c + V.Count <= channels; c += V.Count)
            {
                V dv = gate.Through(V.Load(dy + c), first + c, c);
                V d = training
                    ? V.MultiplyAdd(V.Load(p + c), dv, V.MultiplyAdd(V.Load(q + c), V.Load(x + c) - V.Load(mean + c), V.Load(s + c)))
                    : V.Load(p + c) * dv;
                (adds ? V.MultiplyAdd(beta, V.Load(dx + c), d) : d).Store(dx + c);
            }
            for (; c < channels; c++)
            {
                float d = p[c] * gate.Through(dy[c], first + c, c);
                if (training)
                    d += q[c] * (x[c] - mean[c]) + s[c];
                dx[c] = adds ? d + Of.Beta * dx[c] : d;
            }
        }
    }
}
