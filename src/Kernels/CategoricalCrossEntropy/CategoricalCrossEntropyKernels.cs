namespace Graft.Kernels;

/// <summary>Cross-entropy of probabilities: loss[n] = -sum_k t[n,k] log clip(p[n,k] / sum_j p[n,j], 1e-7, 1 - 1e-7).</summary>
/// <remarks>
/// Shapes: p, dp [N,K]; t [N,K], or [N] class indices where Sparse; loss, dloss [N], not averaged. Rows are divided by their
/// sum and clipped, for one-hot labels and indices alike: Keras 3, categorical_crossentropy and
/// sparse_categorical_crossentropy with from_logits=False. What the clip changes has no gradient. A row whose index names no
/// class has loss and gradient 0.
/// </remarks>
public abstract class CategoricalCrossEntropyKernels
{
    /// <summary>Least probability that enters the logarithm: keras.config.epsilon().</summary>
    internal const float Least = 1e-7f;

    /// <summary>Largest probability that enters the logarithm.</summary>
    internal const float Most = 1 - 1e-7f;

    /// <summary>The loss of each row.</summary>
    public abstract void Forward(in ClassLossGeometry g, DevicePtr<float> p, DevicePtr<float> t, DevicePtr<float> loss);

    /// <summary>dp = beta dp + dloss dloss[n]/dp, through the clip and the division by the row sum.</summary>
    public abstract void BackwardInput(in ClassLossGeometry g, DevicePtr<float> p, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dp, float beta);
}
