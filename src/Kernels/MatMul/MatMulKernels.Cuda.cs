using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Products by cuBLAS: as many in one call as lie in equal steps.</summary>
internal sealed class CudaMatMulKernels(CudaProducts products, MemoryKernels memory) : MatMulKernels
{
    public override void Forward(in MatMulGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y)
    {
        foreach (ProductSeries s in ProductSeries.Rounds(g, null, 0))
            products.Multiply(g.M, g.N, g.K, s.OfA(g, a), s.OfB(g, b), s.OfY(g, y), 0, s.Count);
    }

    public override void BackwardA(in MatMulGeometry g, DevicePtr<float> dy, DevicePtr<float> b, DevicePtr<float> da, float beta)
    {
        if (g.Batch == 0 && beta == 0)
            memory.Fill(da, (long)g.CountA * g.M * g.K, 0);
        foreach (ProductSeries s in ProductSeries.Rounds(g, g.BatchOfA, g.CountA))
        {
            CudaMatrices to = s.OfA(g, da).Stored, other = s.OfB(g, b), up = s.OfY(g, dy);
            if (g.TransposeA) // da [K,M] = op(b) dyᵀ
                products.Multiply(g.K, g.M, g.N, other, up.Turned, to, s.IsFirst ? beta : 1, s.Count);
            else // da [M,K] = dy op(b)ᵀ
                products.Multiply(g.M, g.K, g.N, up, other.Turned, to, s.IsFirst ? beta : 1, s.Count);
        }
    }

    public override void BackwardFactors(in MatMulGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> da, float betaA, DevicePtr<float> db, float betaB)
    {
        if (g.Batch != 1 || g.CountA != 1 || g.CountB != 1 || g.TransposeA || g.M == 0 || g.N == 0 || g.K == 0)
        {
            base.BackwardFactors(g, a, b, dy, da, betaA, db, betaB);
            return;
        }
        using CudaScratch block = products.Prepare(new CudaMatrices(dy, g.N), g.M, g.N, 1, out CudaFactor up);
        CudaMatrices left = new(a, g.K), right = new(b, g.TransposeB ? g.K : g.N, g.TransposeB);
        products.Multiply(g.M, g.K, g.N, up, right.Turned, new CudaMatrices(da, g.K), betaA);
        if (g.TransposeB) // db [N,K] = dyᵀ a
            products.Multiply(g.N, g.K, g.M, up with { Matrices = up.Matrices.Turned }, left, new CudaMatrices(db, g.K), betaB);
        else // db [K,N] = aᵀ dy
            products.Multiply(g.K, g.N, g.M, left.Turned, up, new CudaMatrices(db, g.N), betaB);
    }

    public override void BackwardB(in MatMulGeometry g, DevicePtr<float> a, DevicePtr<float> dy, DevicePtr<float> db, float beta)
    {
        if (g.Batch == 0 && beta == 0)
            memory.Fill(db, (long)g.CountB * g.K * g.N, 0);
        foreach (ProductSeries s in ProductSeries.Rounds(g, g.BatchOfB, g.CountB))
        {
            CudaMatrices to = s.OfB(g, db).Stored, other = s.OfA(g, a), up = s.OfY(g, dy);
            if (g.TransposeB) // db [N,K] = dyᵀ op(a)
                products.Multiply(g.N, g.K, g.M, up.Turned, other, to, s.IsFirst ? beta : 1, s.Count);
            else // db [K,N] = op(a)ᵀ dy
                products.Multiply(g.K, g.N, g.M, other.Turned, up, to, s.IsFirst ? beta : 1, s.Count);
        }
    }
}

/// <summary>Products of a batch whose matrices of a, of b and of y lie in equal steps each.</summary>
internal struct ProductSeries
{
    private int _a, _b, _y, _stepA, _stepB, _stepY;

    /// <summary>How many.</summary>
    public int Count { get; private set; }

    /// <summary>True where none of the gradients that these products make was made before.</summary>
    public bool IsFirst { get; private init; }

    /// <summary>
    /// All products of a batch. Where several are summed into one matrix, as <paramref name="sums"/> says of each, they come in rounds in their order; within a
    /// round each sum has at most one.
    /// </summary>
    /// <param name="g">The batch.</param>
    /// <param name="sums">For each product, the number of the matrix that it is added to; null where each has its own.</param>
    /// <param name="count">How many such matrices there are.</param>
    public static IEnumerable<ProductSeries> Rounds(MatMulGeometry g, int[]? sums, int count)
    {
        int[] uses = new int[count], rounds = new int[g.Batch];
        for (int i = 0; sums is not null && i < g.Batch; i++)
            rounds[i] = uses[sums[i]]++;
        int last = g.Batch > 0 ? rounds.Max() : -1;
        for (int round = 0; round <= last; round++)
        {
            var series = new ProductSeries { IsFirst = round == 0 };
            for (int i = 0; i < g.Batch; i++)
            {
                if (rounds[i] != round || series.TryAdd(g.BatchOfA[i], g.BatchOfB[i], i))
                    continue;
                yield return series;
                series = new ProductSeries { IsFirst = round == 0 };
                series.TryAdd(g.BatchOfA[i], g.BatchOfB[i], i);
            }
            yield return series;
        }
    }

    /// <summary>The matrices of a.</summary>
    public readonly CudaMatrices OfA(in MatMulGeometry g, DevicePtr<float> a)
    {
        long size = (long)g.M * g.K;
        return new(a.At(_a * size), g.TransposeA ? g.M : g.K, g.TransposeA, _stepA * size);
    }

    /// <summary>The matrices of b.</summary>
    public readonly CudaMatrices OfB(in MatMulGeometry g, DevicePtr<float> b)
    {
        long size = (long)g.K * g.N;
        return new(b.At(_b * size), g.TransposeB ? g.K : g.N, g.TransposeB, _stepB * size);
    }

    /// <summary>The matrices of y.</summary>
    public readonly CudaMatrices OfY(in MatMulGeometry g, DevicePtr<float> y)
    {
        long size = (long)g.M * g.N;
        return new(y.At(_y * size), g.N, false, _stepY * size);
    }

    /// <summary>Adds a product that is one more step away.</summary>
    private bool TryAdd(int a, int b, int y)
    {
        if (Count == 0)
            (_a, _b, _y) = (a, b, y);
        else if (Count == 1 && a >= _a && b >= _b && y >= _y)
            (_stepA, _stepB, _stepY) = (a - _a, b - _b, y - _y);
        else if (Count == 1 || a != _a + _stepA * Count || b != _b + _stepB * Count || y != _y + _stepY * Count)
            return false;
        Count++;
        return true;
    }
}
