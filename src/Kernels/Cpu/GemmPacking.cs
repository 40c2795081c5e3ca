using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graft.Kernels.Cpu;

/// <summary>Copies of matrix blocks into the layouts that the tiles of the matrix product read. Strides count floats.</summary>
internal static unsafe class GemmPacking
{
    /// <summary>to[i,j] = from[i,j] for <paramref name="rows"/> x <paramref name="columns"/> elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Copy(float* from, nint ldFrom, int rows, int columns, float* to, nint ldTo)
    {
        for (int i = 0; i < rows; i++)
        {
            float* source = from + i * ldFrom;
            float* target = to + i * ldTo;
            int j = 0;
            for (; j + 16 <= columns; j += 16)
                Vector512.Load(source + j).Store(target + j);
            for (; j < columns; j++)
                target[j] = source[j];
        }
    }

    /// <summary>to[j,i] = from[i,j] for <paramref name="rows"/> x <paramref name="columns"/> elements of from.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Transpose(float* from, nint ldFrom, int rows, int columns, float* to, nint ldTo)
    {
        int i = 0;
        if (Sse.IsSupported)
        {
            for (; i + 4 <= rows; i += 4)
                TransposeFourRows(from + i * ldFrom, ldFrom, columns, to + i, ldTo);
        }
        for (; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
                to[j * ldTo + i] = from[i * ldFrom + j];
        }
    }

    /// <summary>Sets columns from <paramref name="first"/> on to zero in a panel of <paramref name="rows"/> rows.</summary>
    public static void ClearColumns(float* panel, int columns, int rows, int first)
    {
        for (int i = 0; i < rows; i++)
            new Span<float>(panel + (nint)i * columns + first, columns - first).Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void TransposeFourRows(float* from, nint ldFrom, int columns, float* to, nint ldTo)
    {
        float* row0 = from;
        float* row1 = from + ldFrom;
        float* row2 = row1 + ldFrom;
        float* row3 = row2 + ldFrom;
        int j = 0;
        for (; j + 4 <= columns; j += 4)
        {
            Vector128<float> r0 = Vector128.Load(row0 + j), r1 = Vector128.Load(row1 + j);
            Vector128<float> r2 = Vector128.Load(row2 + j), r3 = Vector128.Load(row3 + j);
            Vector128<float> low01 = Sse.UnpackLow(r0, r1), high01 = Sse.UnpackHigh(r0, r1);
            Vector128<float> low23 = Sse.UnpackLow(r2, r3), high23 = Sse.UnpackHigh(r2, r3);
            float* target = to + j * ldTo;
            Sse.MoveLowToHigh(low01, low23).Store(target);
            Sse.MoveHighToLow(low23, low01).Store(target + ldTo);
            Sse.MoveLowToHigh(high01, high23).Store(target + 2 * ldTo);
            Sse.MoveHighToLow(high23, high01).Store(target + 3 * ldTo);
        }
        for (; j < columns; j++)
        {
            float* target = to + j * ldTo;
            target[0] = row0[j];
            target[1] = row1[j];
            target[2] = row2[j];
            target[3] = row3[j];
        }
    }
}
