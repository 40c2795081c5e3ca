namespace Graft.Kernels;

internal sealed unsafe class ReferenceCausalAttentionKernels : CausalAttentionKernels
{
    public override void Forward(in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse)
    {
        var weights = new double[g.T];
        for (int n = 0; n < g.N; n++)
        {
            for (int h = 0; h < g.Heads; h++)
            {
                for (int i = 0; i < g.T; i++)
                {
                    double sum = Weights(g, qkv.Pointer, n, h, i, weights);
                    if (!lse.IsNull)
                        lse.Pointer[((long)n * g.Heads + h) * g.T + i] = (float)sum;
                    for (int d = 0; d < g.D; d++)
                    {
                        double total = 0;
                        for (int j = 0; j <= i; j++)
                            total += Mask(g, n, h, i, j) * weights[j] * qkv.Pointer[At(g, n, j, 2, h) + d];
                        y.Pointer[((long)n * g.T + i) * g.C + h * g.D + d] = (float)total;
                    }
                }
            }
        }
    }

    public override void Backward(
        in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse, DevicePtr<float> dy, DevicePtr<float> dqkv, float beta)
    {
        var gradients = new double[(long)g.T * 3 * g.D];
        for (int n = 0; n < g.N; n++)
        {
            for (int h = 0; h < g.Heads; h++)
            {
                Array.Clear(gradients);
                for (int i = 0; i < g.T; i++)
                    AddToken(g, qkv.Pointer, dy.Pointer, n, h, i, gradients);
                for (int t = 0; t < g.T; t++)
                {
                    for (int part = 0; part < 3; part++)
                    {
                        for (int d = 0; d < g.D; d++)
                            BetaStore.Store(ref dqkv.Pointer[At(g, n, t, part, h) + d], gradients[(t * 3 + part) * g.D + d], beta);
                    }
                }
            }
        }
    }

    public override void ForwardCached(
        in CachedAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<int> past, DevicePtr<float> keys, DevicePtr<float> values, DevicePtr<float> y)
    {
        for (int n = 0; n < g.Sequences; n++)
        {
            int before = past.Pointer[n];
            for (int i = 0; i < g.NewTokens; i++)
            {
                float* token = qkv.Pointer + ((long)n * g.NewTokens + i) * 3 * g.C;
                for (int c = 0; c < g.C; c++)
                {
                    keys.Pointer[((long)n * g.Capacity + before + i) * g.C + c] = token[g.C + c];
                    values.Pointer[((long)n * g.Capacity + before + i) * g.C + c] = token[2 * g.C + c];
                }
                for (int h = 0; h < g.Heads; h++)
                {
                    long own = (long)n * g.Capacity * g.C + h * g.D;
                    One(g, token + h * g.D, keys.Pointer + own, values.Pointer + own, before + i + 1, y.Pointer + ((long)n * g.NewTokens + i) * g.C + h * g.D);
                }
            }
        }
    }

    /// <summary>One query against <paramref name="count"/> keys and values that lie C apart.</summary>
    private static void One(in CachedAttentionGeometry g, float* q, float* k, float* v, int count, float* y)
    {
        var scores = new double[count];
        double max = double.NegativeInfinity, sum = 0;
        for (int j = 0; j < count; j++)
        {
            for (int d = 0; d < g.D; d++)
                scores[j] += (double)q[d] * k[(long)j * g.C + d] * g.Scale;
            max = Math.Max(max, scores[j]);
        }
        for (int j = 0; j < count; j++)
            sum += Math.Exp(scores[j] - max);
        for (int d = 0; d < g.D; d++)
        {
            double total = 0;
            for (int j = 0; j < count; j++)
                total += Math.Exp(scores[j] - max) / sum * v[(long)j * g.C + d];
            y[d] = (float)total;
        }
    }

    /// <summary>Adds what token i's output contributes to the gradients [T,3,D] of one head.</summary>
    private static void AddToken(in CausalAttentionGeometry g, float* qkv, float* dy, int n, int h, int i, double[] gradients)
    {
        var p = new double[g.T];
        var dp = new double[g.T];
        Weights(g, qkv, n, h, i, p);
        float* up = dy + ((long)n * g.T + i) * g.C + h * g.D;
        double mean = 0;
        for (int j = 0; j <= i; j++)
        {
            double mask = Mask(g, n, h, i, j);
            for (int d = 0; d < g.D; d++)
            {
                dp[j] += mask * up[d] * qkv[At(g, n, j, 2, h) + d];
                gradients[(j * 3 + 2) * g.D + d] += mask * p[j] * up[d];
            }
            mean += p[j] * dp[j];
        }
        for (int j = 0; j <= i; j++)
        {
            double ds = p[j] * (dp[j] - mean) * g.Scale;
            for (int d = 0; d < g.D; d++)
            {
                gradients[(i * 3 + 0) * g.D + d] += ds * qkv[At(g, n, j, 1, h) + d];
                gradients[(j * 3 + 1) * g.D + d] += ds * qkv[At(g, n, i, 0, h) + d];
            }
        }
    }

    /// <summary>p[i,..] of a head; returns lse[i].</summary>
    private static double Weights(in CausalAttentionGeometry g, float* qkv, int n, int h, int i, double[] p)
    {
        double max = double.NegativeInfinity, sum = 0;
        for (int j = 0; j <= i; j++)
        {
            p[j] = 0;
            for (int d = 0; d < g.D; d++)
                p[j] += (double)qkv[At(g, n, i, 0, h) + d] * qkv[At(g, n, j, 1, h) + d];
            p[j] *= g.Scale;
            max = Math.Max(max, p[j]);
        }
        for (int j = 0; j <= i; j++)
            sum += Math.Exp(p[j] - max);
        double lse = max + Math.Log(sum);
        for (int j = 0; j <= i; j++)
            p[j] = Math.Exp(p[j] - lse);
        return lse;
    }

    private static double Mask(in CausalAttentionGeometry g, int n, int h, int i, int j)
    {
        if (g.DropoutRate == 0)
            return 1;
        long element = (((long)n * g.Heads + h) * g.T + i) * g.T + j;
        (uint a, uint b, uint c, uint d) = Philox.Block(g.Seed, element / 4);
        uint word = (element % 4) switch { 0 => a, 1 => b, 2 => c, _ => d };
        return Philox.Unit(word) >= g.DropoutRate ? 1 / (1 - (double)g.DropoutRate) : 0;
    }

    /// <summary>Where queries (0), keys (1) or values (2) of a token and a head begin.</summary>
    private static long At(in CausalAttentionGeometry g, int n, int t, int part, int h) => (((long)n * g.T + t) * 3 + part) * g.C + h * g.D;
}
