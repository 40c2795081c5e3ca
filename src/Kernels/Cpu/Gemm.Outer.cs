namespace Graft.Kernels.Cpu;

/// <summary>Products with a transposed A that are used up block by block.</summary>
internal static unsafe partial class Gemm
{
    /// <summary>
    /// aᵀ b, with a [k,m] and b [k,n], by blocks that go to a buffer of the caller: who needs each number once has no use for the whole in memory. The bits
    /// are those of the product made as a whole with beta 0.
    /// </summary>
    internal struct OuterBlocks
    {
        /// <summary>Floats of the buffer of a block, with room to align it.</summary>
        public const int BufferSize = MostRows * MostColumns + Line;

        private const int MostRows = 64, MostColumns = 256; // 64 KiB, in the second-level cache
        private const int Line = 16; // floats of a cache line

        private readonly int _m, _n, _k, _tileId, _blockRows, _blockColumns, _rowBlocks;
        private readonly float* _a, _panels;

        /// <summary>Packs b; what it needs for that was taken by <see cref="Prepare"/>.</summary>
        public OuterBlocks(int m, int n, int k, float* a, float* b)
        {
            GemmTile tile = GemmTile.Current;
            (_m, _n, _k, _tileId) = (m, n, k, tile.Id);
            _a = a;
            _blockRows = MostRows / tile.Rows * tile.Rows;
            _rowBlocks = (m + _blockRows - 1) / _blockRows;
            int columnBlocks = (n + MostColumns - 1) / MostColumns;
            _blockColumns = RoundUp((n + columnBlocks - 1) / columnBlocks, tile.Columns);
            _panels = Scratch.Rent(ScratchSlot.PackedB, PackedSize(n, k));
            PackWhole(false, n, k, b, n, _panels);
        }

        /// <summary>Number of blocks, which may be made in any order and side by side.</summary>
        public readonly int Count => _rowBlocks * ((_n + _blockColumns - 1) / _blockColumns);

        /// <summary>
        /// True where sums are short enough to be made in one go, and the product is large enough for its way through memory to cost something.
        /// </summary>
        public static bool Serves(int m, int n, int k) => k is > 0 and <= BlockK && (long)m * n >= 1 << 16;

        /// <summary>Takes the memory for b.</summary>
        public static void Prepare(int n, int k) => Scratch.Rent(ScratchSlot.PackedB, PackedSize(n, k));

        /// <summary>The first cache line within a buffer of <see cref="BufferSize"/>.</summary>
        public static float* Align(float* buffer) => (float*)(((nint)buffer + (Line * sizeof(float) - 1)) & ~(nint)(Line * sizeof(float) - 1));

        /// <summary>Which part of the product a block is.</summary>
        public readonly (int Row, int Rows, int Column, int Columns) Place(int block)
        {
            int row = block % _rowBlocks * _blockRows, column = block / _rowBlocks * _blockColumns;
            return (row, Math.Min(_blockRows, _m - row), column, Math.Min(_blockColumns, _n - column));
        }

        /// <summary>Makes a block; its rows follow each other in <paramref name="to"/> without a gap.</summary>
        [System.Runtime.CompilerServices.SkipLocalsInit]
        public readonly void Run(int block, float* to)
        {
            (int row, int rows, int column, int columns) = Place(block);
            GemmTile tile = GemmTile.All[_tileId];
            float* packed = stackalloc float[(rows + MostTileRows) * _k];
            PackTransposed(tile, _a + row, _m, _k, rows, packed);
            for (int n = 0; n < columns; n += tile.Columns)
                RunTransposed(tile, rows, Math.Min(tile.Columns, columns - n), _k, packed, _panels + (nint)(column + n) * _k, to + n, columns, null, 0);
        }
    }
}
