namespace Graft.Kernels;

internal sealed unsafe class ReferencePool2DKernels : Pool2DKernels
{
    public override void MaxForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<int> winners)
    {
        for (long i = 0; i < Outputs(g); i++)
        {
            (long n, int p, int q, int c) = Output(g, i);
            (int top, int bottom) = g.Rows(p);
            (int left, int right) = g.Columns(q);
            float best = float.NegativeInfinity;
            int winner = -1;
            for (int h = top; h < bottom; h++)
            {
                for (int v = left; v < right; v++)
                {
                    float value = x.Pointer[((n * g.H + h) * g.W + v) * g.C + c];
                    if (winner >= 0 && !(value > best) && !float.IsNaN(value))
                        continue;
                    best = value;
                    winner = (h - p * g.StrideH + g.Padding.Top) * g.S + v - q * g.StrideW + g.Padding.Left;
                }
            }
            y.Pointer[i] = best;
            if (!winners.IsNull)
                winners.Pointer[i] = winner;
        }
    }

    public override void MaxBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<int> winners, DevicePtr<float> dx, float beta)
    {
        var sums = new double[Inputs(g)];
        for (long i = 0; i < Outputs(g); i++)
        {
            (long n, int p, int q, int c) = Output(g, i);
            int h = p * g.StrideH - g.Padding.Top + winners.Pointer[i] / g.S, v = q * g.StrideW - g.Padding.Left + winners.Pointer[i] % g.S;
            sums[((n * g.H + h) * g.W + v) * g.C + c] += dy.Pointer[i];
        }
        Store(sums, dx.Pointer, beta);
    }

    public override void AverageForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (long i = 0; i < Outputs(g); i++)
        {
            (long n, int p, int q, int c) = Output(g, i);
            (int top, int bottom) = g.Rows(p);
            (int left, int right) = g.Columns(q);
            double sum = 0;
            for (int h = top; h < bottom; h++)
            {
                for (int v = left; v < right; v++)
                    sum += x.Pointer[((n * g.H + h) * g.W + v) * g.C + c];
            }
            y.Pointer[i] = (float)(sum / g.Divisor(p, q));
        }
    }

    public override void AverageBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        var sums = new double[Inputs(g)];
        for (long i = 0; i < Outputs(g); i++)
        {
            (long n, int p, int q, int c) = Output(g, i);
            (int top, int bottom) = g.Rows(p);
            (int left, int right) = g.Columns(q);
            for (int h = top; h < bottom; h++)
            {
                for (int v = left; v < right; v++)
                    sums[((n * g.H + h) * g.W + v) * g.C + c] += (double)dy.Pointer[i] / g.Divisor(p, q);
            }
        }
        Store(sums, dx.Pointer, beta);
    }

    private static void Store(double[] sums, float* dx, float beta)
    {
        for (long i = 0; i < sums.LongLength; i++)
            BetaStore.Store(ref dx[i], sums[i], beta);
    }

    private static long Inputs(in Pool2DGeometry g) => (long)g.N * g.H * g.W * g.C;

    private static long Outputs(in Pool2DGeometry g) => (long)g.N * g.OutH * g.OutW * g.C;

    private static (long N, int P, int Q, int C) Output(in Pool2DGeometry g, long i) =>
        (i / g.C / g.OutW / g.OutH, (int)(i / g.C / g.OutW % g.OutH), (int)(i / g.C % g.OutW), (int)(i % g.C));
}
