using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Lanes hold neighbouring channels where each has one filter (the usual case); with more filters a channel, channels are
/// done one by one.
/// </summary>
internal sealed unsafe class CpuDepthwiseConv2DKernels : DepthwiseConv2DKernels
{
    public override void Forward(in DepthwiseConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y) =>
        RowBlocks.For((long)g.N * g.OutH, (long)g.OutW * g.O * g.R * g.S, new ForwardRow(g, x.Pointer, w.Pointer, b.Pointer, y.Pointer));

    public override void BackwardInput(in DepthwiseConv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta) =>
        RowBlocks.For((long)g.N * g.H, (long)g.W * g.O * g.R * g.S, new InputRow(g, dy.Pointer, w.Pointer, dx.Pointer, beta));

    public override void BackwardWeight(in DepthwiseConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        long rows = (long)g.N * g.OutH, size = (long)g.R * g.S * g.O;
        int slices = (int)Math.Min(rows, WeightSlice.Slices);
        float* partial = Scratch.Rent(ScratchSlot.Partial, slices * size);
        var body = new WeightSlice { G = g, OutH = g.OutH, OutW = g.OutW, Count = slices, X = x.Pointer, Dy = dy.Pointer, Partial = partial };
        WorkerPool.For(slices, ref body);
        for (long i = 0; i < size; i++)
        {
            double sum = 0;
            for (int s = 0; s < slices; s++)
                sum += partial[s * size + i];
            BetaStore.Store(ref dw.Pointer[i], sum, beta);
        }
    }

    public override void BackwardBias(in DepthwiseConv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        ColumnSums.Run((long)g.N * g.OutH * g.OutW, g.O, new ColumnSums.Plain { X = dy.Pointer, C = g.O }, db.Pointer, beta);

    private readonly struct ForwardRow(DepthwiseConv2DGeometry g, float* x, float* w, float* b, float* y) : IRowWork
    {
        private readonly int _outH = g.OutH, _outW = g.OutW;

        public void Row(long row)
        {
            int p = (int)(row % _outH);
            for (int q = 0; q < _outW; q++)
            {
                float* to = y + (row * _outW + q) * g.O;
                if (b == null)
                    Cpu.Row.Begin(to, g.O, 0);
                else
                    Cpu.Row.Store(b, to, g.O, 0);
                for (int r = 0; r < g.R; r++)
                {
                    for (int s = 0; s < g.S; s++)
                    {
                        int h = p * g.StrideH + r * g.DilationH - g.Padding.Top, v = q * g.StrideW + s * g.DilationW - g.Padding.Left;
                        if (h >= 0 && h < g.H && v >= 0 && v < g.W)
                            Tap(x + ((row / _outH * g.H + h) * g.W + v) * g.C, w + ((long)r * g.S + s) * g.O, to);
                    }
                }
            }
        }

        private void Tap(float* pixel, float* weights, float* to)
        {
            if (g.M == 1)
            {
                Cpu.Row.AddProduct(pixel, weights, to, g.C);
                return;
            }
            for (int c = 0; c < g.C; c++)
                Cpu.Row.AddScaled(weights + c * g.M, pixel[c], to + c * g.M, g.M);
        }
    }

    /// <summary>A row of dx gathers from the windows that cover it.</summary>
    private readonly struct InputRow(DepthwiseConv2DGeometry g, float* dy, float* w, float* dx, float beta) : IRowWork
    {
        private readonly int _outH = g.OutH, _outW = g.OutW;

        public void Row(long row)
        {
            int h = (int)(row % g.H);
            for (int v = 0; v < g.W; v++)
            {
                float* to = dx + (row * g.W + v) * g.C;
                Cpu.Row.Begin(to, g.C, beta);
                for (int r = 0; r < g.R; r++)
                {
                    for (int s = 0; s < g.S; s++)
                    {
                        int down = h + g.Padding.Top - r * g.DilationH, across = v + g.Padding.Left - s * g.DilationW;
                        int p = down / g.StrideH, q = across / g.StrideW;
                        if (down >= 0 && across >= 0 && p * g.StrideH == down && q * g.StrideW == across && p < _outH && q < _outW)
                            Tap(dy + ((row / g.H * _outH + p) * _outW + q) * g.O, w + ((long)r * g.S + s) * g.O, to);
                    }
                }
            }
        }

        private void Tap(float* upstream, float* weights, float* to)
        {
            if (g.M == 1)
            {
                Cpu.Row.AddProduct(upstream, weights, to, g.C);
                return;
            }
            for (int c = 0; c < g.C; c++)
            {
                float sum = 0;
                for (int m = c * g.M; m < (c + 1) * g.M; m++)
                    sum += upstream[m] * weights[m];
                to[c] += sum;
            }
        }
    }

    /// <summary>Output rows of one slice; slices are cut by the sizes alone and added in rising order.</summary>
    private struct WeightSlice : IChunkBody
    {
        public const int Slices = 32;
        public DepthwiseConv2DGeometry G;
        public int OutH, OutW, Count;
        public float* X, Dy, Partial;

        public readonly void Run(int chunk)
        {
            long size = (long)G.R * G.S * G.O, rows = (long)G.N * OutH;
            float* to = Partial + chunk * size;
            new Span<float>(to, checked((int)size)).Clear();
            for (long row = rows * chunk / Count; row < rows * (chunk + 1) / Count; row++)
            {
                for (int q = 0; q < OutW; q++)
                    Pixel(row / OutH, (int)(row % OutH), q, Dy + (row * OutW + q) * G.O, to);
            }
        }

        private readonly void Pixel(long n, int p, int q, float* upstream, float* to)
        {
            for (int r = 0; r < G.R; r++)
            {
                for (int s = 0; s < G.S; s++, to += G.O)
                {
                    int h = p * G.StrideH + r * G.DilationH - G.Padding.Top, v = q * G.StrideW + s * G.DilationW - G.Padding.Left;
                    if (h < 0 || h >= G.H || v < 0 || v >= G.W)
                        continue;
                    float* pixel = X + ((n * G.H + h) * G.W + v) * G.C;
                    if (G.M == 1)
                    {
                        Row.AddProduct(pixel, upstream, to, G.C);
                        continue;
                    }
                    for (int c = 0; c < G.C; c++)
                        Row.AddScaled(upstream + c * G.M, pixel[c], to + c * G.M, G.M);
                }
            }
        }
    }
}
