using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Steps after sums, a few rows at a time.</summary>
internal unsafe partial struct ProductStep<T, V>
{
    /// <summary>
    /// A tile's rows of dw are made by the tiles of the matrix product, and then all their weights move. Each of the two loops has the registers for itself, so that sums come as fast as multiply-adds,
    /// and steps as fast as roots and quotients.
    /// </summary>
    [SkipLocalsInit]
    private readonly void MoveAfterSums(int row, int rows, int column, int columns)
    {
        DenseGeometry g = Geometry;
        GemmTile tile = Tile;
        int stride = tile.PaddedN(columns);
        float* x = stackalloc float[ProductSteps.BlockRows * ProductSteps.MostRowsOfX], room = stackalloc float[ProductSteps.MostTileRows * ProductSteps.BlockColumns + ProductSteps.Line];
        float* dw = ProductSteps.Align(room);
        GemmPacking.Transpose(_tensor->Product.X.Pointer + row, g.I, g.N, rows, x, g.N);
        for (int i = 0; i < rows; i += tile.Rows)
        {
            int height = Math.Min(tile.Rows, rows - i);
            for (int j = 0; j < columns; j += tile.Columns)
                tile.Run(height, g.N, x + i * g.N, g.N, _panels + (nint)(column + j) * g.N, tile.Columns, dw + j, stride, null, 0);
            Move(dw, stride, (row + i) * (long)g.O + column, height, columns);
        }
    }
}
