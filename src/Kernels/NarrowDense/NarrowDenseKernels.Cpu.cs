using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>How sums of products of bytes are made.</summary>
internal enum BytePath
{
    /// <summary>One instruction for four products a lane (AVX-VNNI).</summary>
    Vnni,

    /// <summary>Bytes widened to shorts, two products a lane (AVX-512).</summary>
    Avx512,

    /// <summary>The same on half as many lanes (AVX2).</summary>
    Avx2,

    /// <summary>Number by number.</summary>
    Portable,
}

/// <summary>Panels of <see cref="Columns"/> outputs, read in one stream; a chunk does some panels for all rows.</summary>
internal sealed unsafe class CpuNarrowDenseKernels(BytePath path) : NarrowDenseKernels
{
    /// <summary>Outputs of a panel, on every processor.</summary>
    public const int Columns = 32;

    private readonly CpuUnaryKernels _unary = new();

    /// <summary>The fastest path here.</summary>
    public static BytePath BestPath => AvxVnni.IsSupported ? BytePath.Vnni : Vector512.IsHardwareAccelerated && Avx512BW.IsSupported ? BytePath.Avx512 : Avx2.IsSupported ? BytePath.Avx2 : BytePath.Portable;

    public override long PackedBytes(int k, int o, WeightPrecision precision) => (o + Columns - 1) / Columns * PanelBytes(k, precision);

    public override void Pack(int k, int o, WeightPrecision precision, bool transposed, DevicePtr<float> w, DevicePtr<byte> packed)
    {
        var body = new NarrowPacking
        {
            K = k, O = o, IsInt8 = precision == WeightPrecision.Int8, StrideK = transposed ? 1 : o, StrideO = transposed ? k : 1, PanelBytes = PanelBytes(k, precision),
            W = w.Pointer, Packed = packed.Pointer,
        };
        WorkerPool.For((o + Columns - 1) / Columns, ref body);
    }

    public override void Run(
        in NarrowDenseGeometry g, DevicePtr<float> x, DevicePtr<byte> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (g.M <= 0 || g.O <= 0)
            return;
        var output = new NarrowOutput { O = g.O, IsReLU = g.Activation == UnaryFormula.ReLU, B = b.Pointer, Residual = residual.Pointer, Y = y.Pointer };
        int panels = (g.O + Columns - 1) / Columns;
        if (g.Precision == WeightPrecision.Int8)
        {
            QuantizedRows rows = QuantizedRows.Of(g, x.Pointer);
            RunPanels(panels, new BytePanels { G = g, Path = path, Rows = rows, Packed = packed.Pointer, PanelBytes = PanelBytes(g.K, g.Precision), Output = output });
        }
        else
        {
            RunPanels(panels, new HalfPanels { G = g, X = x.Pointer, Packed = (ushort*)packed.Pointer, Output = output });
        }
        if (g.Activation is { } formula and not UnaryFormula.ReLU)
            _unary.Forward(new UnaryGeometry((long)g.M * g.O, formula), y, y);
    }

    /// <summary>All panels, few chunks a thread, since memory likes long streams.</summary>
    private static void RunPanels<T>(int panels, T body)
        where T : unmanaged, IRowBody
    {
        int chunks = Math.Min(panels, WorkerPool.Threads * FrozenDenseRows.ChunksPerThread);
        ParallelRows.Run(panels, (panels + chunks - 1) / chunks, body);
    }

    /// <summary>
    /// Bytes of a panel. BFloat16: [K / 2][columns][2], a pair of inputs an output. Int8, block by block: what a sum starts with [columns] as int32, the
    /// factors [columns] as float32, then [block / 4][columns][4].
    /// </summary>
    public static long PanelBytes(int k, WeightPrecision precision) => precision switch
    {
        WeightPrecision.BFloat16 => (k + 1) / 2 * 2L * Columns * sizeof(ushort),
        WeightPrecision.Int8 => (k + NarrowDenseGeometry.Block - 1L) / NarrowDenseGeometry.Block * Columns * (sizeof(int) + sizeof(float) + NarrowDenseGeometry.Block),
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "Narrow weights are BFloat16 or Int8; Float32 is FrozenDense."),
    };
}

/// <summary>Where the sums of a panel go.</summary>
internal unsafe struct NarrowOutput
{
    public int O;
    public bool IsReLU;
    public float* B, Residual, Y;

    /// <summary>y = act(sum + b + residual) for the outputs of a panel.</summary>
    public readonly void Store(float* sums, int row, int panel)
    {
        int first = panel * CpuNarrowDenseKernels.Columns, width = Math.Min(CpuNarrowDenseKernels.Columns, O - first);
        long at = (long)row * O + first;
        for (int j = 0; j < width; j++)
        {
            float sum = sums[j] + (B == null ? 0 : B[first + j]) + (Residual == null ? 0 : Residual[at + j]);
            Y[at + j] = IsReLU && sum < 0 ? 0 : sum;
        }
    }
}

/// <summary>Rounds a panel of weights a chunk; what is behind the last input or output is 0.</summary>
internal unsafe struct NarrowPacking : IChunkBody
{
    private const int Columns = CpuNarrowDenseKernels.Columns, Block = NarrowDenseGeometry.Block;

    public int K, O;
    public bool IsInt8;
    public long StrideK, StrideO, PanelBytes;
    public float* W;
    public byte* Packed;

    public readonly void Run(int chunk)
    {
        byte* panel = Packed + chunk * PanelBytes;
        for (int j = 0; j < Columns; j++)
        {
            int o = chunk * Columns + j;
            if (!IsInt8)
            {
                for (int k = 0; k < (K + 1) / 2 * 2; k++)
                    ((ushort*)panel)[((k / 2 * Columns) + j) * 2 + k % 2] = Rounding.ToBFloat16(At(k, o));
                continue;
            }
            for (int block = 0; block * Block < K; block++)
                PackBlock(panel + (long)block * Columns * (sizeof(int) + sizeof(float) + Block), block * Block, o, j);
        }
    }

    private readonly void PackBlock(byte* block, int first, int o, int j)
    {
        float largest = 0;
        for (int k = first; k < first + Block; k++)
            largest = MathF.Max(largest, MathF.Abs(At(k, o)));
        float inverse = Rounding.Inverse(largest);
        int total = 0;
        sbyte* bytes = (sbyte*)(block + Columns * (sizeof(int) + sizeof(float)));
        for (int i = 0; i < Block; i++)
        {
            int q = Rounding.ToInt8(At(first + i, o), inverse);
            bytes[(i / 4 * Columns + j) * 4 + i % 4] = (sbyte)q;
            total += q;
        }
        ((int*)block)[j] = -QuantizedRows.Zero * total; // inputs come with Zero added
        ((float*)block)[Columns + j] = largest / 127;
    }

    private readonly float At(int k, int o) => k < K && o < O ? W[k * StrideK + o * StrideO] : 0;
}
