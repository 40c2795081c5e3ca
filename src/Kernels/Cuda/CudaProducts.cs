namespace Graft.Kernels.Cuda;

/// <summary>Products of float32 matrices in one precision, with results of float32: those of 16 bits round both factors into scratch memory first.</summary>
internal sealed class CudaProducts(CudaContext context, ComputePrecision precision)
{
    private readonly CudaRounding _rounding = new(context, precision);
    private readonly GemmTypes? _types = precision == ComputePrecision.Float32 ? null : GemmTypes.Of(precision);

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
        if (!precision.IsNarrow() || m == 0 || n == 0 || k == 0 || count == 0)
        {
            context.Blas.Multiply(m, n, k, a, b, c, beta, count, _types);
            return;
        }
        using CudaScratch ra = Round(a, m, k, count, out CudaMatrices na), rb = Round(b, k, n, count, out CudaMatrices nb);
        context.Blas.Multiply(m, n, k, na, nb, c, beta, count, _types);
    }

    /// <summary>
    /// The factors as they lie, rounded. What stands between their rows is rounded along: the other heads of one array, or nothing. Two matrices of a batch that are one are
    /// rounded once.
    /// </summary>
    private CudaScratch Round(in CudaMatrices of, int rows, int columns, int count, out CudaMatrices rounded)
    {
        (int storedRows, int storedColumns) = of.Transposed ? (columns, rows) : (rows, columns);
        long span = (count - 1) * of.Step + (storedRows - 1L) * of.RowStride + storedColumns;
        CudaScratch scratch = _rounding.Round(of.Data, span);
        rounded = of with { Data = new DevicePtr<float>(scratch.Address) };
        return scratch;
    }
}
