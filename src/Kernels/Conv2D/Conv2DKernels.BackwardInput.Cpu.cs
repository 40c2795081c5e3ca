using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe partial class CpuConv2DKernels
{
    /// <summary>
    /// Pixels with the same remainder of (h,w) by the strides are touched by the same filter taps. For each such class the
    /// gradient is the product of a matrix of dy (as many columns as there are taps) and the weights of those taps: no
    /// products with zeros, and each pixel is written once, whatever the threads.
    /// </summary>
    public override void BackwardInput(in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        if (TryBackwardInput(g, dy.Pointer, w.Pointer, dx.Pointer, beta))
            return;
        if (g.IsPointwise)
        {
            Gemm.Run(false, false, checked(g.N * g.H * g.W), g.C, g.O, dy.Pointer, g.O, w.Pointer, g.C, dx.Pointer, g.C, beta);
            return;
        }
        int* rowTaps = stackalloc int[g.R], columnTaps = stackalloc int[g.S];
        for (int a = 0; a < Math.Min(g.StrideH, g.H); a++)
        {
            int rowCount = Taps(a + g.Padding.Top, g.R, g.StrideH, g.DilationH, rowTaps);
            for (int b = 0; b < Math.Min(g.StrideW, g.W); b++)
            {
                int columnCount = Taps(b + g.Padding.Left, g.S, g.StrideW, g.DilationW, columnTaps);
                int k = rowCount * columnCount * g.GroupO;
                long packedSize = Gemm.PackedSize(g.GroupC, k);
                float* packed = Scratch.Rent(ScratchSlot.Weights, Math.Max(1, packedSize * g.Groups));
                float* turned = Scratch.Rent(ScratchSlot.Turned, Math.Max(1, (long)k * g.GroupC));
                for (int group = 0; group < g.Groups && k > 0; group++)
                {
                    Turn(g, w.Pointer, group, rowTaps, rowCount, columnTaps, columnCount, turned);
                    Gemm.PackWhole(false, g.GroupC, k, turned, g.GroupC, packed + group * packedSize);
                }
                var body = new InputBlock
                {
                    G = g, OutH = g.OutH, OutW = g.OutW, Dy = dy.Pointer, Packed = packed, PackedSize = packedSize, Dx = dx.Pointer, Beta = beta, A = a, B = b, K = k,
                    RowTaps = rowTaps, ColumnTaps = columnTaps, ColumnCount = columnCount,
                    Height = (g.H - a + g.StrideH - 1) / g.StrideH, Width = (g.W - b + g.StrideW - 1) / g.StrideW,
                };
                WorkerPool.For(body.Chunks, ref body);
            }
        }
    }

    /// <summary>The taps r of a filter axis for which (at - r dilation) is a multiple of the stride.</summary>
    private static int Taps(int at, int filter, int stride, int dilation, int* taps)
    {
        int count = 0;
        for (int r = 0; r < filter; r++)
        {
            if ((at - r * dilation) % stride == 0)
                taps[count++] = r;
        }
        return count;
    }

    /// <summary>Weights as [tap row, tap column, output of the group, input of the group].</summary>
    private static void Turn(in Conv2DGeometry g, float* w, int group, int* rowTaps, int rowCount, int* columnTaps, int columnCount, float* to)
    {
        for (int i = 0; i < rowCount; i++)
        {
            for (int j = 0; j < columnCount; j++)
            {
                for (int o = group * g.GroupO; o < (group + 1) * g.GroupO; o++, to += g.GroupC)
                {
                    float* from = w + (((long)o * g.R + rowTaps[i]) * g.S + columnTaps[j]) * g.GroupC;
                    new ReadOnlySpan<float>(from, g.GroupC).CopyTo(new Span<float>(to, g.GroupC));
                }
            }
        }
    }

    /// <summary>A block of pixels of one class, all input channels of one group.</summary>
    private struct InputBlock : IChunkBody
    {
        public Conv2DGeometry G;
        public float* Dy, Packed, Dx;
        public long PackedSize;
        public float Beta;
        public int OutH, OutW, A, B, K, Height, Width, ColumnCount;
        public int* RowTaps, ColumnTaps;

        private readonly long Pixels => (long)G.N * Height * Width;

        public readonly int Chunks => checked((int)((Pixels + BlockRows / 2 - 1) / (BlockRows / 2) * G.Groups));

        public readonly void Run(int chunk)
        {
            int group = chunk % G.Groups;
            long first = (long)(chunk / G.Groups) * (BlockRows / 2);
            int rows = (int)Math.Min(BlockRows / 2, Pixels - first), width = G.GroupC;
            float* result = Scratch.Rent(ScratchSlot.Rows, (long)BlockRows / 2 * width);
            float* patches = Scratch.Rent(ScratchSlot.Patches, (long)BlockRows / 2 * PatchStride);
            if (K == 0)
                new Span<float>(result, rows * width).Clear();
            for (int k0 = 0; k0 < K; k0 += Gemm.BlockK)
            {
                int kc = Math.Min(Gemm.BlockK, K - k0);
                Fill(first, rows, group, k0, k0 + kc, patches);
                float* weights = Packed + group * PackedSize + (long)k0 * GemmTile.Current.PaddedN(width);
                Gemm.RunPacked(rows, width, kc, patches, PatchStride, weights, result, width, k0 == 0 ? 0 : 1, null);
            }
            for (int i = 0; i < rows; i++)
                Store(first + i, group, result + (long)i * width);
        }

        private readonly void Store(long pixel, int group, float* from)
        {
            (long n, int i, int j) = (pixel / Width / Height, (int)(pixel / Width % Height), (int)(pixel % Width));
            float* to = Dx + ((n * G.H + A + i * G.StrideH) * G.W + B + j * G.StrideW) * G.C + group * G.GroupC;
            if (Beta == 0)
            {
                new ReadOnlySpan<float>(from, G.GroupC).CopyTo(new Span<float>(to, G.GroupC));
                return;
            }
            for (int c = 0; c < G.GroupC; c++)
                to[c] = Beta * to[c] + from[c];
        }

        /// <summary>Columns k0 .. k1 - 1 of the matrix of dy: row (n,i,j), column (tap row, tap column, output).</summary>
        private readonly void Fill(long first, int rows, int group, int k0, int k1, float* to)
        {
            for (int row = 0; row < rows; row++, to += PatchStride)
            {
                long pixel = first + row;
                (long n, int i, int j) = (pixel / Width / Height, (int)(pixel / Width % Height), (int)(pixel % Width));
                for (int tap = k0 / G.GroupO; tap * G.GroupO < k1; tap++)
                {
                    int from = Math.Max(k0, tap * G.GroupO), count = Math.Min(k1, (tap + 1) * G.GroupO) - from;
                    int p = i + (A + G.Padding.Top - RowTaps[tap / ColumnCount] * G.DilationH) / G.StrideH;
                    int q = j + (B + G.Padding.Left - ColumnTaps[tap % ColumnCount] * G.DilationW) / G.StrideW;
                    var destination = new Span<float>(to + from - k0, count);
                    if (p < 0 || q < 0 || p >= OutH || q >= OutW)
                        destination.Clear();
                    else
                    {
                        float* source = Dy + ((n * OutH + p) * OutW + q) * G.O + group * G.GroupO + from - tap * G.GroupO;
                        new ReadOnlySpan<float>(source, count).CopyTo(destination);
                    }
                }
            }
        }
    }
}
