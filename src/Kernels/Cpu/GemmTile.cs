using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graft.Kernels.Cpu;

/// <summary>The register tiles of one vector width: how large they are, and the kernels that compute them.</summary>
internal sealed unsafe class GemmTile
{
    public static readonly GemmTile V512 = new(
        0, Vector512.IsHardwareAccelerated, 32, 128,
        [
            &GemmKernels512.Tile1x32, &GemmKernels512.Tile2x32, &GemmKernels512.Tile3x32, &GemmKernels512.Tile4x32,
            &GemmKernels512.Tile5x32, &GemmKernels512.Tile6x32, &GemmKernels512.Tile7x32, &GemmKernels512.Tile8x32,
            &GemmKernels512.Tile9x32, &GemmKernels512.Tile10x32, &GemmKernels512.Tile11x32, &GemmKernels512.Tile12x32,
            &GemmKernels512.Tile13x32, &GemmKernels512.Tile14x32,
        ],
        &GemmKernels512.Tile1x128);

    public static readonly GemmTile V256 = new(
        1, Vector256.IsHardwareAccelerated && (Fma.IsSupported || !Sse.IsSupported), 16, 64,
        [
            &GemmKernels256.Tile1x16, &GemmKernels256.Tile2x16, &GemmKernels256.Tile3x16, &GemmKernels256.Tile4x16,
            &GemmKernels256.Tile5x16, &GemmKernels256.Tile6x16,
        ],
        &GemmKernels256.Tile1x64);

    public static readonly GemmTile Portable = new(
        2, true, 8, 32,
        [
            &GemmKernels128.Tile1x8, &GemmKernels128.Tile2x8, &GemmKernels128.Tile3x8, &GemmKernels128.Tile4x8,
            &GemmKernels128.Tile5x8, &GemmKernels128.Tile6x8,
        ],
        &GemmKernels128.Tile1x32);

    /// <summary>Every width, at the place that its <see cref="Id"/> names.</summary>
    public static readonly GemmTile[] All = [V512, V256, Portable];

    /// <summary>Those of <see cref="LaneWidth.Current"/>, where this processor runs them.</summary>
    public static GemmTile Current => LaneWidth.Current == 512 && V512.IsSupported ? V512 : LaneWidth.Current >= 256 && V256.IsSupported ? V256 : Portable;

    private readonly delegate*<nint, float*, nint, float*, nint, float*, nint, float*, nint, TileEpilogue*, nint, nint, void>[] _kernels;
    private readonly delegate*<nint, float*, nint, float*, nint, float*, nint, float*, nint, TileEpilogue*, nint, nint, void> _wideRow;

    private GemmTile(
        int id, bool isSupported, int columns, int wideColumns,
        delegate*<nint, float*, nint, float*, nint, float*, nint, float*, nint, TileEpilogue*, nint, nint, void>[] kernels,
        delegate*<nint, float*, nint, float*, nint, float*, nint, float*, nint, TileEpilogue*, nint, nint, void> wideRow)
    {
        Id = id;
        IsSupported = isSupported;
        Columns = columns;
        WideColumns = wideColumns;
        _kernels = kernels;
        _wideRow = wideRow;
    }

    public int Id { get; }

    public bool IsSupported { get; }

    /// <summary>Rows of the main tile.</summary>
    public int Rows => _kernels.Length;

    /// <summary>Columns of every tile, and so the width of a packed panel of B.</summary>
    public int Columns { get; }

    /// <summary>Columns of the one-row tile that reads B where it lies.</summary>
    public int WideColumns { get; }

    /// <summary>A number of columns rounded up to whole tiles.</summary>
    public int PaddedN(int n) => (n + Columns - 1) / Columns * Columns;

    /// <summary>
    /// <paramref name="rows"/> x <see cref="Columns"/> outputs: each starts as <paramref name="start"/> (null: zero) and adds a[i,k] b[k,j]
    /// in the order of k; then <paramref name="end"/>, if any. Strides count floats. The result does not depend on how the rows are split into tiles.
    /// With several segments, each is <paramref name="k"/> deep: a row of a goes on <paramref name="segmentStep"/> floats after the last
    /// segment's beginning, b without a gap.
    /// </summary>
    public void Run(
        int rows, nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, float* start, nint ldstart,
        TileEpilogue* end = null, int segments = 1, nint segmentStep = 0)
    {
        TileEpilogue rest = end == null ? default : *end;
        TileEpilogue* epilogue = end == null ? null : &rest;
        while (rows > 0)
        {
            int height = Height(rows);
            _kernels[height - 1](k, a, lda, b, ldb, c, ldc, start, ldstart, epilogue, segments, segmentStep);
            rows -= height;
            a += height * lda;
            c += height * ldc;
            if (start != null)
                start += height * ldstart;
            if (rest.Add != null)
                rest.Add += height * rest.AddStride;
        }
    }

    /// <summary>
    /// The main tile; where few rows would be left over after it, half of the rest: low tiles wait for their own sums, and two
    /// middling ones take less time than a main tile and a low one.
    /// </summary>
    private int Height(int rows) =>
        rows <= Rows ? rows : rows < Rows + Rows / 2 ? (rows + 1) / 2 : Rows;

    /// <summary>One row x <see cref="WideColumns"/> outputs, as <see cref="Run"/>.</summary>
    public void RunWideRow(nint k, float* a, float* b, nint ldb, float* c, float* start) => _wideRow(k, a, 0, b, ldb, c, 0, start, 0, null, 1, 0);
}
