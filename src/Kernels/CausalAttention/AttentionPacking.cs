using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Panels of a head's keys and values for the tiles of the matrix product.</summary>
internal static unsafe class AttentionPacking
{
    /// <summary>x [length,d] as the right side of a product over d: panels [d][tile columns] of neighbouring tokens.</summary>
    public static float* Columns(GemmTile tile, float* x, nint stride, int length, int d, ScratchSlot slot)
    {
        float* panels = Scratch.Rent(slot, (long)tile.PaddedN(length) * d);
        for (int t = 0; t < length; t += tile.Columns)
        {
            int width = Math.Min(tile.Columns, length - t);
            float* panel = panels + (long)t * d;
            GemmPacking.Transpose(x + t * stride, stride, width, d, panel, tile.Columns);
            if (width < tile.Columns)
                GemmPacking.ClearColumns(panel, tile.Columns, d, width);
        }
        return panels;
    }

    /// <summary>x [length,d] as the right side of a product over tokens: panels [length][tile columns] of neighbouring numbers of the head.</summary>
    public static float* Rows(GemmTile tile, float* x, nint stride, int length, int d, ScratchSlot slot)
    {
        float* panels = Scratch.Rent(slot, (long)tile.PaddedN(d) * length);
        for (int c = 0; c < d; c += tile.Columns)
        {
            int width = Math.Min(tile.Columns, d - c);
            float* panel = panels + (long)c * length;
            GemmPacking.Copy(x + c, stride, length, width, panel, tile.Columns);
            if (width < tile.Columns)
                GemmPacking.ClearColumns(panel, tile.Columns, length, width);
        }
        return panels;
    }

    /// <summary>
    /// c = a b, or c + a b, for the first <paramref name="depth"/> rows of b, whose panels are <paramref name="panelDepth"/> rows deep;
    /// <paramref name="columns"/> columns, rounded up to whole panels.
    /// </summary>
    public static void Product(
        GemmTile tile, int rows, int depth, float* a, nint lda, float* b, int panelDepth, int columns, float* c, nint ldc, bool add = false)
    {
        for (int j = 0; j < columns; j += tile.Columns)
            tile.Run(rows, depth, a, lda, b + (long)j * panelDepth, tile.Columns, c + j, ldc, add ? c + j : null, ldc);
    }
}
