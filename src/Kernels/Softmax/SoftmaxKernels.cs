namespace Graft.Kernels;

/// <summary>
/// Softmax over the last axis: y[c] = exp(x[c]) / sum_k exp(x[k]); with Log, y[c] = x[c] - log sum_k exp(x[k]).
/// </summary>
/// <remarks>
/// Shapes: x, y [Rows,C]. The row maximum is subtracted first: exp stays finite, the result is the same. Matches
/// keras.ops.softmax, keras.ops.log_softmax and their torch namesakes.
/// </remarks>
public abstract class SoftmaxKernels
{
    /// <summary>The softmax of each row.</summary>
    public abstract void Forward(in SoftmaxGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>
    /// dx = beta dx + y (dy - sum dy y); with Log, dx = beta dx + dy - exp(y) sum dy.
    /// </summary>
    public abstract void BackwardInput(in SoftmaxGeometry g, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
