using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Attention with the weights [Heads,T,T] of one sequence at a time in memory, and products by cuBLAS: for heads of any width.</summary>
internal sealed partial class CudaCausalAttentionKernels
{
    private void ForwardStored(in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse)
    {
        using var weights = new CudaScratch(context, WeightBytes(g));
        CudaMatrices p = Weights(g, weights);
        for (int n = 0; n < g.N; n++)
        {
            Scores(g, qkv, n, p);
            _softmax.Launch((long)g.Heads * g.T, CudaRows.Threads(g.T), p.Data, lse, g.T, g.Scale, (long)n * g.Heads, g.DropoutRate, g.Seed);
            products.Multiply(g.T, g.D, g.T, p, Part(g, qkv, n, 2), Output(g, y, n), 0, g.Heads);
        }
    }

    private void BackwardStored(in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> lse, DevicePtr<float> dy, DevicePtr<float> dqkv, float beta)
    {
        using CudaScratch weights = new(context, WeightBytes(g)), gradients = new(context, WeightBytes(g));
        CudaMatrices p = Weights(g, weights), ds = Weights(g, gradients);
        for (int n = 0; n < g.N; n++)
        {
            CudaMatrices up = Output(g, dy, n);
            Scores(g, qkv, n, p);
            products.Multiply(g.T, g.T, g.D, up, Part(g, qkv, n, 2).Turned, ds, 0, g.Heads);
            _softmaxBackward.Launch((long)g.Heads * g.T, CudaRows.Threads(g.T), p.Data, ds.Data, lse, g.T, g.Scale, (long)n * g.Heads, g.DropoutRate, g.Seed);
            products.Multiply(g.T, g.D, g.T, ds, Part(g, qkv, n, 1), Part(g, dqkv, n, 0), beta, g.Heads);
            products.Multiply(g.T, g.D, g.T, ds.Turned, Part(g, qkv, n, 0), Part(g, dqkv, n, 1), beta, g.Heads);
            products.Multiply(g.T, g.D, g.T, p.Turned, up, Part(g, dqkv, n, 2), beta, g.Heads);
        }
    }

    /// <summary>Products of all queries and keys of a sequence.</summary>
    private void Scores(in CausalAttentionGeometry g, DevicePtr<float> qkv, int n, in CudaMatrices to) =>
        products.Multiply(g.T, g.T, g.D, Part(g, qkv, n, 0), Part(g, qkv, n, 1).Turned, to, 0, g.Heads);

    private static long WeightBytes(in CausalAttentionGeometry g) => (long)g.Heads * g.T * g.T * sizeof(float);

    private static CudaMatrices Weights(in CausalAttentionGeometry g, CudaScratch scratch) => new(new DevicePtr<float>(scratch.Address), g.T, false, (long)g.T * g.T);

    /// <summary>Queries (0), keys (1) or values (2) of a sequence, [T,D] a head.</summary>
    private static CudaMatrices Part(in CausalAttentionGeometry g, DevicePtr<float> qkv, int n, int part) => new(qkv.At(((long)n * g.T * 3 + part) * g.C), 3 * g.C, false, g.D);

    /// <summary>Output of a sequence, [T,D] a head.</summary>
    private static CudaMatrices Output(in CausalAttentionGeometry g, DevicePtr<float> y, int n) => new(y.At((long)n * g.T * g.C), g.C, false, g.D);
}
