namespace Graft.Kernels.Cuda;

/// <summary>
/// The gradient of a weight as a product whose sums are long and whose result is small: dw [m,n] = beta dw + a' b for a [k,m], b [k,n]. The rows are cut into segments, each with sums of its own, where
/// the result alone would leave most of a GPU idle; their number follows from the sizes alone.
/// </summary>
/// <param name="context">The GPU.</param>
/// <param name="products">Products of a and b, with results of float32.</param>
/// <param name="reduce">Sums of float32.</param>
/// <param name="numberSize">Bytes of a number of a and b in memory.</param>
internal sealed class CudaWeightProduct(CudaContext context, CudaProducts products, CudaReduceKernels reduce, int numberSize = sizeof(float))
{
    private const int Side = 64, ManyTiles = 264, ShortestSegment = 512; // a product's tile, about; tiles that fill a large GPU; rows worth a segment

    /// <summary>The gradient; k may be any number.</summary>
    public void Multiply(int m, int n, int k, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dw, float beta)
    {
        long tiles = (long)((m + Side - 1) / Side) * ((n + Side - 1) / Side);
        int segments = (int)Math.Clamp((ManyTiles + tiles - 1) / tiles, 1, Math.Max(1, k / ShortestSegment));
        if (segments == 1)
        {
            products.Multiply(true, false, m, n, k, a, b, dw, beta);
            return;
        }
        int length = k / segments, rest = k - segments * length, parts = segments + (rest > 0 ? 1 : 0);
        using var sums = new CudaScratch(context, parts * (long)m * n * sizeof(float));
        var to = new DevicePtr<float>(sums.Address);
        products.Multiply(m, n, length, new CudaMatrices(a, m, Transposed: true, Step: (long)length * m), new CudaMatrices(b, n, Step: (long)length * n), new CudaMatrices(to, n, Step: (long)m * n), 0, segments);
        if (rest > 0)
            products.Multiply(true, false, m, n, rest, Row(a, (long)segments * length * m), Row(b, (long)segments * length * n), to.At((long)segments * m * n), 0);
        reduce.SumRows(parts, checked(m * n), to, dw, beta);
    }

    private DevicePtr<float> Row(DevicePtr<float> matrix, long first) => new(matrix.Address + (nint)(first * numberSize));
}
