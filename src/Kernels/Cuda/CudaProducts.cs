namespace Graft.Kernels.Cuda;

/// <summary>
/// Products of matrices in one precision. In 16 bits, factors that are float32 in memory are rounded into scratch memory first; others are multiplied as they are. Large matrices whose
/// sizes do not suit tensor cores are brought into rows that do on the way.
/// </summary>
/// <param name="context">The GPU.</param>
/// <param name="precision">What they are computed in.</param>
/// <param name="stored">How factors lie in memory: as float32, or in the 16 bits of the precision.</param>
/// <param name="output">How results do.</param>
internal sealed class CudaProducts(CudaContext context, ComputePrecision precision, ComputePrecision stored = ComputePrecision.Float32, ComputePrecision output = ComputePrecision.Float32)
{
    private readonly CudaRounding _rounding = new(context, precision);
    private readonly CudaPadding _padding = new(context, precision, stored, output);
    private readonly GemmTypes? _types = precision == ComputePrecision.Float32 ? null : GemmTypes.Of(precision, output.IsNarrow());

    /// <inheritdoc cref="CudaPadding.Fewest"/>
    public long FewestPadded { get; init; } = CudaPadding.Fewest;

    private int OutputBytes => output.IsNarrow() ? sizeof(ushort) : sizeof(float);

    private int FactorBytes => precision.IsNarrow() ? sizeof(ushort) : sizeof(float);

    /// <summary>c [m,n] = beta c + op(a) op(b), row-major and dense; op(a) is [m,k], op(b) is [k,n].</summary>
    /// <param name="transposeA">True where a is stored as [k,m].</param>
    /// <param name="transposeB">True where b is stored as [n,k].</param>
    /// <param name="m">Rows of c.</param>
    /// <param name="n">Columns of c.</param>
    /// <param name="k">Products summed.</param>
    /// <param name="a">The first matrix.</param>
    /// <param name="b">The second matrix.</param>
    /// <param name="c">The result; not read where beta is 0.</param>
    /// <param name="beta">0 or 1.</param>
    public void Multiply(bool transposeA, bool transposeB, int m, int n, int k, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> c, float beta) =>
        Multiply(m, n, k, new CudaMatrices(a, transposeA ? m : k, transposeA), new CudaMatrices(b, transposeB ? k : n, transposeB), new CudaMatrices(c, n), beta);

    /// <summary>The same for matrices that lie in equal steps; see <see cref="CudaBlas.Multiply(int, int, int, in CudaMatrices, in CudaMatrices, in CudaMatrices, float, int, GemmTypes?)"/>.</summary>
    public void Multiply(int m, int n, int k, in CudaMatrices a, in CudaMatrices b, in CudaMatrices c, float beta, int count = 1)
    {
        if (precision == ComputePrecision.Float32 || m == 0 || n == 0 || k == 0 || count == 0)
        {
            context.Blas.Multiply(m, n, k, a, b, c, beta, count, _types);
            return;
        }
        using CudaScratch block = Prepare(a, m, k, count, out CudaFactor factor);
        Multiply(m, n, k, factor, b, c, beta, count);
    }

    /// <summary>
    /// A matrix as a factor: rounded, and in other rows where that pays. What stands between the rows of some matrices is rounded along: the other heads of one array,
    /// or nothing. The block holds it, where it is a copy.
    /// </summary>
    /// <param name="of">The matrix.</param>
    /// <param name="rows">Rows, as it is meant.</param>
    /// <param name="columns">Columns, as it is meant.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="factor">The factor.</param>
    public CudaScratch Prepare(in CudaMatrices of, int rows, int columns, int count, out CudaFactor factor)
    {
        (int storedRows, int storedColumns) = of.Transposed ? (columns, rows) : (rows, columns);
        CudaScratch block = default;
        factor = new CudaFactor(of, storedRows, storedColumns);
        if (precision != ComputePrecision.Float32 && count == 1 && of.RowStride == storedColumns && (long)storedRows * storedColumns >= FewestPadded
            && (storedRows | storedColumns) % CudaPadding.Multiple != 0)
        {
            block = _padding.Pad(of.Data, storedRows, storedColumns, out int stride);
            factor = new CudaFactor(of with { Data = new DevicePtr<float>(block.Address), RowStride = stride }, CudaPadding.Up(storedRows), CudaPadding.Up(storedColumns));
        }
        else if (precision.IsNarrow() && !stored.IsNarrow())
        {
            block = _rounding.Round(of.Data, (count - 1) * of.Step + (storedRows - 1L) * of.RowStride + storedColumns);
            factor = factor with { Matrices = of with { Data = new DevicePtr<float>(block.Address) } };
        }
        return block;
    }

    /// <summary>A product whose first factor is there already.</summary>
    public void Multiply(int m, int n, int k, in CudaFactor a, in CudaMatrices b, in CudaMatrices c, float beta, int count = 1)
    {
        using CudaScratch block = Prepare(b, k, n, count, out CudaFactor factor);
        Multiply(m, n, k, a, factor, c, beta, count);
    }

    /// <summary>A product whose second factor is there already.</summary>
    public void Multiply(int m, int n, int k, in CudaMatrices a, in CudaFactor b, in CudaMatrices c, float beta)
    {
        using CudaScratch block = Prepare(a, m, k, 1, out CudaFactor factor);
        Multiply(m, n, k, factor, b, c, beta);
    }

    /// <summary>A product whose factors are there already.</summary>
    public void Multiply(int m, int n, int k, in CudaFactor a, in CudaFactor b, in CudaMatrices c, float beta, int count = 1)
    {
        int depth = CudaPadding.Up(k);
        if (a.Depth(isFirst: true) >= depth && b.Depth(isFirst: false) >= depth)
            k = depth; // both have zeros there
        if (_types is null || count != 1 || c.Transposed || (long)c.RowStride * OutputBytes % 16 == 0 || (long)m * n < FewestPadded)
        {
            context.Blas.Multiply(m, n, k, a.Matrices, b.Matrices, c, beta, count, _types);
            return;
        }
        using CudaScratch room = _padding.Room(Math.Min(m, CudaPadding.RowsAtOnce), n, out int stride);
        int width = b.Width >= CudaPadding.Up(n) ? CudaPadding.Up(n) : n;
        for (int first = 0; first < m; first += CudaPadding.RowsAtOnce)
        {
            int rows = Math.Min(CudaPadding.RowsAtOnce, m - first);
            CudaMatrices some = a.Matrices with { Data = new DevicePtr<float>(a.Matrices.Data.Address + (nint)((long)first * (a.Matrices.Transposed ? 1 : a.Matrices.RowStride) * FactorBytes)) };
            context.Blas.Multiply(rows, width, k, some, b.Matrices, new CudaMatrices(new DevicePtr<float>(room.Address), stride), 0, 1, _types);
            _padding.Unpad(room.Address, stride, new DevicePtr<float>(c.Data.Address + (nint)((long)first * c.RowStride * OutputBytes)), c.RowStride, rows, n, beta);
        }
    }
}

/// <summary>Matrices as the product takes them: of its type in memory, with zeros around them up to these sizes.</summary>
/// <param name="Matrices">Where they lie.</param>
/// <param name="Rows">Rows as stored, with those of zeros.</param>
/// <param name="Columns">Columns as stored, with those of zeros.</param>
internal readonly record struct CudaFactor(CudaMatrices Matrices, int Rows, int Columns)
{
    /// <summary>Columns of a second factor as it is meant.</summary>
    public int Width => Matrices.Transposed ? Rows : Columns;

    /// <summary>What is summed over.</summary>
    public int Depth(bool isFirst) => Matrices.Transposed == isFirst ? Rows : Columns;
}
