using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Rows of x as bytes: block by block, each number times 127 over the block's largest, plus <see cref="Zero"/>.</summary>
internal unsafe struct QuantizedRows : IRowWork
{
    /// <summary>Added to make all of them positive, as the instruction for products of bytes wants one side.</summary>
    public const int Zero = 128;

    private const int Block = NarrowDenseGeometry.Block;

    /// <summary>[M][blocks][Block].</summary>
    public byte* Bytes;

    /// <summary>[M][blocks]: what a byte less Zero is times.</summary>
    public float* Factors;

    private float* _x;
    private int _k, _blocks;

    /// <summary>Rounds all rows into the scratch memory of the calling thread.</summary>
    public static QuantizedRows Of(in NarrowDenseGeometry g, float* x)
    {
        long numbers = (long)g.M * g.Blocks * Block;
        float* scratch = Scratch.Rent(ScratchSlot.Quantized, (numbers + sizeof(float) - 1) / sizeof(float) + (long)g.M * g.Blocks);
        var rows = new QuantizedRows { Factors = scratch, Bytes = (byte*)(scratch + (long)g.M * g.Blocks), _x = x, _k = g.K, _blocks = g.Blocks };
        if (g.M == 1)
            rows.Row(0);
        else
            RowBlocks.For(g.M, 2L * g.K, rows);
        return rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public readonly void Row(long row)
    {
        float* x = _x + row * _k;
        for (int block = 0; block < _blocks; block++)
        {
            int first = block * Block, count = Math.Min(Block, _k - first);
            byte* to = Bytes + (row * _blocks + block) * Block;
            Vector512<float> largest = Vector512<float>.Zero;
            int i = 0;
            for (; i + 16 <= count; i += 16)
                largest = Vector512.Max(largest, Vector512.Abs(Vector512.Load(x + first + i)));
            float max = 0;
            for (int lane = 0; lane < 16; lane++)
                max = MathF.Max(max, largest[lane]);
            for (; i < count; i++)
                max = MathF.Max(max, MathF.Abs(x[first + i]));
            float inverse = Rounding.Inverse(max);
            Vector512<float> inverses = Vector512.Create(inverse);
            for (i = 0; i + 16 <= count; i += 16)
            {
                // Adding 1.5 · 2^23 rounds to a whole number, ties to even, and leaves it in the lowest bits.
                Vector512<int> bits = (Vector512.Load(x + first + i) * inverses + Vector512.Create(12582912f + Zero)).AsInt32();
                for (int lane = 0; lane < 16; lane++)
                    to[i + lane] = (byte)bits[lane];
            }
            for (; i < count; i++)
                to[i] = (byte)(Rounding.ToInt8(x[first + i], inverse) + Zero);
            new Span<byte>(to + count, Block - count).Fill(Zero);
            Factors[row * _blocks + block] = max / 127;
        }
    }
}

/// <summary>Panels of Int8 weights: a block's products of bytes are added as whole numbers, then times both factors.</summary>
internal unsafe struct BytePanels : IRowBody
{
    private const int Columns = CpuNarrowDenseKernels.Columns, Block = NarrowDenseGeometry.Block;

    /// <summary>Bytes ahead of those in use that are asked for.</summary>
    private const int Ahead = 8192;

    private const int Together = 4, FewestTogether = 3; // rows that meet a widened number at once

    public NarrowDenseGeometry G;
    public BytePath Path;
    public QuantizedRows Rows;
    public byte* Packed;
    public long PanelBytes;
    public NarrowOutput Output;

    public readonly void Run(int first, int end)
    {
        float* sums = stackalloc float[Together * Columns];
        for (int panel = first; panel < end; panel++)
        {
            byte* weights = Packed + panel * PanelBytes;
            for (int row = 0, rows; row < G.M; row += rows)
            {
                byte* x = Rows.Bytes + (long)row * G.Blocks * Block;
                float* factors = Rows.Factors + (long)row * G.Blocks;
                rows = Path == BytePath.Avx512 && G.M - row >= FewestTogether ? Math.Min(Together, G.M - row) : 1;
                switch (Path)
                {
                    case BytePath.Vnni: RowVnni(weights, x, factors, sums); break;
                    case BytePath.Avx512 when rows > 1: FourRowsAvx512(weights, x, factors, rows, sums); break;
                    case BytePath.Avx512: RowAvx512(weights, x, factors, sums); break;
                    case BytePath.Avx2: RowAvx2(weights, x, factors, sums); break;
                    default: RowPortable(weights, x, factors, sums); break;
                }
                for (int r = 0; r < rows; r++)
                    Output.Store(sums + r * Columns, row + r, panel);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void RowVnni(byte* w, byte* x, float* factors, float* sums)
    {
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (int block = 0; block < G.Blocks; block++)
        {
            Vector256<int> t0 = Vector256.Load((int*)w), t1 = Vector256.Load((int*)w + 8), t2 = Vector256.Load((int*)w + 16), t3 = Vector256.Load((int*)w + 24);
            float* scales = (float*)w + Columns;
            w += Columns * (sizeof(int) + sizeof(float));
            for (int i = 0; i < Block; i += 4, w += 4 * Columns)
            {
                Sse.Prefetch0(w + Ahead);
                Sse.Prefetch0(w + Ahead + 64);
                Vector256<byte> quad = Vector256.Create(*(int*)(x + i)).AsByte();
                t0 = AvxVnni.MultiplyWideningAndAdd(t0, quad, Vector256.Load((sbyte*)w));
                t1 = AvxVnni.MultiplyWideningAndAdd(t1, quad, Vector256.Load((sbyte*)w + 32));
                t2 = AvxVnni.MultiplyWideningAndAdd(t2, quad, Vector256.Load((sbyte*)w + 64));
                t3 = AvxVnni.MultiplyWideningAndAdd(t3, quad, Vector256.Load((sbyte*)w + 96));
            }
            x += Block;
            Vector256<float> factor = Vector256.Create(factors[block]);
            s0 = AddScaled(s0, t0, factor, scales);
            s1 = AddScaled(s1, t1, factor, scales + 8);
            s2 = AddScaled(s2, t2, factor, scales + 16);
            s3 = AddScaled(s3, t3, factor, scales + 24);
        }
        s0.Store(sums);
        s1.Store(sums + 8);
        s2.Store(sums + 16);
        s3.Store(sums + 24);
    }

    /// <summary>Shorts, two products a lane: each column has two lanes until the block's end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void RowAvx512(byte* w, byte* x, float* factors, float* sums)
    {
        short* inputs = stackalloc short[Block];
        new Span<float>(sums, Columns).Clear();
        for (int block = 0; block < G.Blocks; block++, x += Block)
        {
            Vector512<int> t0 = Vector512<int>.Zero, t1 = t0, t2 = t0, t3 = t0;
            byte* quads = w + Columns * (sizeof(int) + sizeof(float));
            Widen(x, inputs);
            for (int i = 0; i < Block; i += 4, quads += 4 * Columns)
            {
                Sse.Prefetch0(quads + Ahead);
                Sse.Prefetch0(quads + Ahead + 64);
                Vector512<short> quad = Vector512.Create(*(long*)(inputs + i)).AsInt16();
                t0 += Avx512BW.MultiplyAddAdjacent(quad, Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)quads)));
                t1 += Avx512BW.MultiplyAddAdjacent(quad, Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)quads + 32)));
                t2 += Avx512BW.MultiplyAddAdjacent(quad, Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)quads + 64)));
                t3 += Avx512BW.MultiplyAddAdjacent(quad, Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)quads + 96)));
            }
            AddBlock(w, t0, t1, t2, t3, factors[block], sums);
            w = quads;
        }
    }

    /// <summary>As <see cref="RowAvx512"/>, for up to four rows of x. The last row stands in for those that are not there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void FourRowsAvx512(byte* w, byte* x, float* factors, int rows, float* sums)
    {
        short* inputs = stackalloc short[Together * Block];
        new Span<float>(sums, Together * Columns).Clear();
        int second = Math.Min(1, rows - 1) * G.Blocks, third = Math.Min(2, rows - 1) * G.Blocks, fourth = (rows - 1) * G.Blocks; // in blocks from the first
        for (int block = 0; block < G.Blocks; block++, x += Block, factors++)
        {
            Vector512<int> t00 = Vector512<int>.Zero, t01 = t00, t02 = t00, t03 = t00, t10 = t00, t11 = t00, t12 = t00, t13 = t00;
            Vector512<int> t20 = t00, t21 = t00, t22 = t00, t23 = t00, t30 = t00, t31 = t00, t32 = t00, t33 = t00;
            byte* quads = w + Columns * (sizeof(int) + sizeof(float));
            Widen(x, inputs);
            Widen(x + (long)second * Block, inputs + Block);
            Widen(x + (long)third * Block, inputs + 2 * Block);
            Widen(x + (long)fourth * Block, inputs + 3 * Block);
            for (int i = 0; i < Block; i += 4, quads += 4 * Columns)
            {
                Sse.Prefetch0(quads + Ahead);
                Sse.Prefetch0(quads + Ahead + 64);
                Vector512<short> w0 = Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)quads)), w1 = Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)quads + 32));
                Vector512<short> w2 = Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)quads + 64)), w3 = Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)quads + 96));
                Add(inputs + i, w0, w1, w2, w3, ref t00, ref t01, ref t02, ref t03);
                Add(inputs + Block + i, w0, w1, w2, w3, ref t10, ref t11, ref t12, ref t13);
                Add(inputs + 2 * Block + i, w0, w1, w2, w3, ref t20, ref t21, ref t22, ref t23);
                Add(inputs + 3 * Block + i, w0, w1, w2, w3, ref t30, ref t31, ref t32, ref t33);
            }
            AddBlock(w, t00, t01, t02, t03, factors[0], sums);
            AddBlock(w, t10, t11, t12, t13, factors[second], sums + Columns);
            AddBlock(w, t20, t21, t22, t23, factors[third], sums + 2 * Columns);
            AddBlock(w, t30, t31, t32, t33, factors[fourth], sums + 3 * Columns);
            w = quads;
        }
    }

    /// <summary>A block of inputs as shorts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(byte* x, short* to)
    {
        for (int i = 0; i < Block; i += 32)
            Avx512BW.ConvertToVector512Int16(Vector256.Load(x + i)).Store(to + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(short* inputs, Vector512<short> w0, Vector512<short> w1, Vector512<short> w2, Vector512<short> w3, ref Vector512<int> t0, ref Vector512<int> t1, ref Vector512<int> t2, ref Vector512<int> t3)
    {
        Vector512<short> quad = Vector512.Create(*(long*)inputs).AsInt16();
        t0 += Avx512BW.MultiplyAddAdjacent(quad, w0);
        t1 += Avx512BW.MultiplyAddAdjacent(quad, w1);
        t2 += Avx512BW.MultiplyAddAdjacent(quad, w2);
        t3 += Avx512BW.MultiplyAddAdjacent(quad, w3);
    }

    /// <summary>A block's totals, two lanes a column, times both factors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddBlock(byte* block, Vector512<int> t0, Vector512<int> t1, Vector512<int> t2, Vector512<int> t3, float factor, float* sums)
    {
        int* starts = (int*)block;
        float* scales = (float*)block + Columns;
        Vector256<float> factors = Vector256.Create(factor);
        AddScaled(Vector256.Load(sums), ByColumn(t0) + Vector256.Load(starts), factors, scales).Store(sums);
        AddScaled(Vector256.Load(sums + 8), ByColumn(t1) + Vector256.Load(starts + 8), factors, scales + 8).Store(sums + 8);
        AddScaled(Vector256.Load(sums + 16), ByColumn(t2) + Vector256.Load(starts + 16), factors, scales + 16).Store(sums + 16);
        AddScaled(Vector256.Load(sums + 24), ByColumn(t3) + Vector256.Load(starts + 24), factors, scales + 24).Store(sums + 24);
    }

    /// <summary>Sums of neighbouring lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> ByColumn(Vector512<int> t) => Avx512F.ConvertToVector256Int32(t.AsInt64() + Vector512.ShiftRightLogical(t.AsInt64(), 32));

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void RowAvx2(byte* w, byte* x, float* factors, float* sums)
    {
        new Span<float>(sums, Columns).Clear();
        for (int block = 0; block < G.Blocks; block++)
        {
            byte* quads = w + Columns * (sizeof(int) + sizeof(float));
            for (int c = 0; c < Columns; c += 8)
            {
                Vector256<int> lows = Vector256<int>.Zero, highs = lows;
                for (int i = 0; i < Block; i += 4)
                {
                    Vector128<byte> quad = Vector128.Create(*(int*)(x + i)).AsByte();
                    Vector256<short> inputs = Avx2.ConvertToVector256Int16(quad);
                    sbyte* weights = (sbyte*)quads + i * Columns + c * 4;
                    lows += Avx2.MultiplyAddAdjacent(inputs, Avx2.ConvertToVector256Int16(Vector128.Load(weights)));
                    highs += Avx2.MultiplyAddAdjacent(inputs, Avx2.ConvertToVector256Int16(Vector128.Load(weights + 16)));
                }
                // Pairs of four columns in lows, of four in highs: sums come out as columns 0 1 4 5 2 3 6 7.
                Vector256<int> total = Vector256.Load((int*)w + c) + Avx2.Permute4x64(Avx2.HorizontalAdd(lows, highs).AsInt64(), 0b11_01_10_00).AsInt32();
                AddScaled(Vector256.Load(sums + c), total, Vector256.Create(factors[block]), (float*)w + Columns + c).Store(sums + c);
            }
            x += Block;
            w = quads + Block * Columns;
        }
    }

    private readonly void RowPortable(byte* w, byte* x, float* factors, float* sums)
    {
        new Span<float>(sums, Columns).Clear();
        for (int block = 0; block < G.Blocks; block++)
        {
            sbyte* quads = (sbyte*)w + Columns * (sizeof(int) + sizeof(float));
            for (int c = 0; c < Columns; c++)
            {
                int total = ((int*)w)[c];
                for (int i = 0; i < Block; i++)
                    total += x[i] * quads[(i / 4 * Columns + c) * 4 + i % 4];
                sums[c] = float.MultiplyAddEstimate(total * factors[block], ((float*)w)[Columns + c], sums[c]);
            }
            x += Block;
            w = (byte*)quads + Block * Columns;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddScaled(Vector256<float> sums, Vector256<int> totals, Vector256<float> factor, float* scales) =>
        Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(totals) * factor, Vector256.Load(scales), sums);
}
