namespace Graft.Kernels;

/// <summary>Softmax and cross-entropy in one: loss[n] = sum_k t[n,k] (log sum_j exp(x[n,j]) - x[n,k]).</summary>
/// <remarks>
/// Shapes: x, dx [N,K] logits; t [N,K], or [N] class indices where Sparse; loss, dloss [N], not averaged. The row maximum is
/// subtracted first, so that no exponential overflows. A row whose index names no class (torch's ignore_index -100) has loss
/// and gradient 0. Matches keras.losses with from_logits=True and torch.nn.functional.cross_entropy with reduction "none".
/// </remarks>
/// <typeparam name="T">How x and dx lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class SoftmaxCrossEntropyKernels<T>
    where T : unmanaged
{
    /// <summary>The loss of each row.</summary>
    public abstract void Forward(in ClassLossGeometry g, DevicePtr<T> x, DevicePtr<float> t, DevicePtr<float> loss);

    /// <summary>dx = beta dx + dloss (softmax(x) sum_k t - t). Where beta is 0, dx may be x: a row is summed up before it is written, and each element read before.</summary>
    public abstract void BackwardInput(in ClassLossGeometry g, DevicePtr<T> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class SoftmaxCrossEntropyKernels : SoftmaxCrossEntropyKernels<float>;
