using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>A batch normalisation by moving statistics that follows a convolution and becomes a part of its weights.</summary>
internal sealed record FoldedBatchNorm(Tensor Gamma, Tensor Beta, Tensor Mean, Tensor Variance, float Epsilon);

/// <summary>What the weights of a frozen convolution are made from. Equal where they are made from the same tensors.</summary>
/// <param name="Kernel">[O,R,S,C].</param>
/// <param name="Bias">[O], or null.</param>
/// <param name="BatchNorm">Applied to both; null for none.</param>
internal sealed record FrozenWeights(Tensor Kernel, Tensor? Bias, FoldedBatchNorm? BatchNorm = null)
{
    /// <summary>All tensors that the numbers depend on.</summary>
    public IEnumerable<Tensor> Sources()
    {
        yield return Kernel;
        if (Bias is not null)
            yield return Bias;
        if (BatchNorm is null)
            yield break;
        yield return BatchNorm.Gamma;
        yield return BatchNorm.Beta;
        yield return BatchNorm.Mean;
        yield return BatchNorm.Variance;
    }

    /// <summary>Sizes that say how the weights are packed: one window, for neither the image nor the step matters.</summary>
    public FusedConv2DGeometry PackingGeometry()
    {
        Shape k = Kernel.Shape;
        return new FusedConv2DGeometry(1, k[1], k[2], k[3], k[0], k[1], k[2], 1, 1, 1, 1, Padding2D.None);
    }

    /// <summary>Kernel and bias on the host with batch normalisation in them. In double: the factor and each product are rounded once.</summary>
    public (float[] Kernel, float[] Bias) Fold(FoldedBatchNorm norm)
    {
        int filters = Kernel.Shape[0];
        float[] kernel = Kernel.ToArray(), bias = Bias?.ToArray() ?? new float[filters];
        float[] gamma = norm.Gamma.ToArray(), beta = norm.Beta.ToArray(), mean = norm.Mean.ToArray(), variance = norm.Variance.ToArray();
        int row = kernel.Length / filters;
        for (int o = 0; o < filters; o++)
        {
            double factor = gamma[o] / Math.Sqrt(variance[o] + (double)norm.Epsilon);
            bias[o] = (float)((bias[o] - (double)mean[o]) * factor + beta[o]);
            for (int i = o * row; i < (o + 1) * row; i++)
                kernel[i] = (float)(kernel[i] * factor);
        }
        return (kernel, bias);
    }
}

/// <summary>A convolution in a plan: its weights and its window.</summary>
/// <param name="Op">Strides and dilation.</param>
/// <param name="Weights">Weights and bias.</param>
/// <param name="Padding">Zeros around the image: the op's own, and those of layers before it.</param>
internal sealed record FrozenConv(Conv2DOp Op, FrozenWeights Weights, Padding2D Padding)
{
    /// <summary>Sizes for a batch of images, without activation and border.</summary>
    public FusedConv2DGeometry Geometry(int n, int h, int w)
    {
        Shape k = Weights.Kernel.Shape;
        return new FusedConv2DGeometry(n, h, w, k[3], k[0], k[1], k[2], Op.StrideH, Op.StrideW, Op.DilationH, Op.DilationW, Padding);
    }
}
