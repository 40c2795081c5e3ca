using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Steps mixed with sums, for processors with 32 registers of 512 bits.</summary>
internal unsafe partial struct ProductStep<T, V>
{
    private const int MixedRows = 4, MixedVectors = 4;
    private const long None = -1;

    /// <summary>
    /// Tile by tile: between the sums of one tile the numbers of the tile before move, one vector after the other. A processor looks only a few hundred instructions ahead; so it makes
    /// sums while it waits for roots and quotients. With 16 registers the step's numbers would go over the stack, and waiting for these takes more than is won.
    /// </summary>
    [SkipLocalsInit]
    private readonly void MoveBetweenSums(int row, int rows, int column, int columns)
    {
        DenseGeometry g = Geometry;
        float* x = stackalloc float[ProductSteps.BlockRows * ProductSteps.MostRowsOfX], sums = stackalloc float[2 * ProductSteps.MostNumbersOfMixedTile + ProductSteps.Line];
        GemmPacking.Copy(_tensor->Product.X.Pointer + row, g.I, g.N, rows, x, ProductSteps.BlockRows);
        MoveBetweenSums(x, ProductSteps.Align(sums), row, rows, column, columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void MoveBetweenSums(float* x, float* sums, int row, int rows, int column, int columns)
    {
        int vectors = MixedRows * MixedVectors, tileColumns = MixedVectors * V.Count; // in place: the JIT leaves a call of TileColumns, and no register outlives a call
        T formula = _formula; // in registers
        var stretch = new StepStretch<T, V>(_tensor);
        int n = Geometry.N, width = Geometry.O;
        long ahead = (long)(ProductSteps.Ahead / columns + 1) * MixedRows * width; // weights wait in memory while sums are made
        float* gradient = sums + MixedRows * tileColumns; // of the tile before, whose first number in the matrix is:
        long due = None;
        for (int i = 0; i < rows; i += MixedRows)
        {
            for (int j = 0; j < columns; j += tileColumns)
            {
                V s00 = V.Zero, s01 = s00, s02 = s00, s03 = s00, s10 = s00, s11 = s00, s12 = s00, s13 = s00;
                V s20 = s00, s21 = s00, s22 = s00, s23 = s00, s30 = s00, s31 = s00, s32 = s00, s33 = s00;
                float* four = x + i, panel = _panels + (nint)(column + j) * n;
                int v = 0, last = due == None ? 0 : vectors;
                long at = due;
                for (int k = 0; k < n; k++, four += ProductSteps.BlockRows, panel += tileColumns)
                {
                    V b0 = V.Load(panel), b1 = V.Load(panel + V.Count), b2 = V.Load(panel + 2 * V.Count), b3 = V.Load(panel + 3 * V.Count);
                    AddRow(four[0], b0, b1, b2, b3, ref s00, ref s01, ref s02, ref s03);
                    AddRow(four[1], b0, b1, b2, b3, ref s10, ref s11, ref s12, ref s13);
                    AddRow(four[2], b0, b1, b2, b3, ref s20, ref s21, ref s22, ref s23);
                    AddRow(four[3], b0, b1, b2, b3, ref s30, ref s31, ref s32, ref s33);
                    if (v == last) // one vector for sixteen multiply-adds of vectors
                        continue;
                    stretch.Ask(at + ahead);
                    stretch.Move(formula, V.Load(gradient + v * V.Count), at);
                    at += ++v % MixedVectors == 0 ? width - tileColumns + V.Count : V.Count;
                }
                for (; v < last; v++, at += v % MixedVectors == 0 ? width - tileColumns + V.Count : V.Count)
                    stretch.Move(formula, V.Load(gradient + v * V.Count), at);
                StoreRow(sums, s00, s01, s02, s03);
                StoreRow(sums + tileColumns, s10, s11, s12, s13);
                StoreRow(sums + 2 * tileColumns, s20, s21, s22, s23);
                StoreRow(sums + 3 * tileColumns, s30, s31, s32, s33);
                float* free = gradient;
                gradient = sums;
                sums = free;
                due = (long)(row + i) * width + column + j;
                if (i + MixedRows <= rows && j + tileColumns <= columns)
                    continue;
                Move(gradient, tileColumns, due, Math.Min(MixedRows, rows - i), Math.Min(tileColumns, columns - j));
                due = None;
            }
        }
        if (due != None)
            Move(gradient, tileColumns, due, MixedRows, tileColumns);
    }

    /// <summary>Adds x times four vectors to the sums of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(float x, V b0, V b1, V b2, V b3, ref V s0, ref V s1, ref V s2, ref V s3)
    {
        V a = V.Create(x);
        s0 = V.MultiplyAdd(a, b0, s0);
        s1 = V.MultiplyAdd(a, b1, s1);
        s2 = V.MultiplyAdd(a, b2, s2);
        s3 = V.MultiplyAdd(a, b3, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow(float* to, V s0, V s1, V s2, V s3)
    {
        s0.Store(to);
        s1.Store(to + V.Count);
        s2.Store(to + 2 * V.Count);
        s3.Store(to + 3 * V.Count);
    }
}
