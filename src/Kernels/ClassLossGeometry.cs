namespace Graft.Kernels;

/// <summary>Sizes of a cross-entropy over classes, from logits or from probabilities: x [N,K], labels [N,K] or, sparse, [N], loss [N].</summary>
/// <param name="N">Rows.</param>
/// <param name="K">Classes.</param>
/// <param name="Sparse">True where labels are class indices, as floats.</param>
/// <param name="LabelSmoothing">s: a label t becomes t (1 - s) + s / K.</param>
public readonly record struct ClassLossGeometry(long N, int K, bool Sparse, float LabelSmoothing)
{
    /// <summary>The smoothed label of class <paramref name="k"/> in a row of labels; 0 throughout a row whose index names no class.</summary>
    internal unsafe double Label(float* labels, long row, int k)
    {
        if (!Sparse)
            return labels[row * K + k] * (1.0 - LabelSmoothing) + (double)LabelSmoothing / K;
        float index = labels[row];
        return index >= 0 && index < K ? (k == (int)index ? 1.0 - LabelSmoothing : 0) + (double)LabelSmoothing / K : 0;
    }
}
