namespace Graft.Kernels;

/// <summary>
/// A dense (fully connected) layer: y[n,o] = b[o] + sum_i x[n,i] w[i,o].
/// </summary>
/// <remarks>
/// Shapes: x [N,I], w [I,O] as Keras and GPT-2 store it, b [O], y [N,O]. Matches keras.layers.Dense without its activation.
/// </remarks>
public abstract class DenseKernels
{
    /// <summary>y = x w + b. <paramref name="b"/> may be Null: no bias.</summary>
    public abstract void Forward(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y);

    /// <summary>dx = beta dx + dy wᵀ.</summary>
    public abstract void BackwardInput(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta);

    /// <summary>dw = beta dw + xᵀ dy.</summary>
    public abstract void BackwardWeight(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta);

    /// <summary>Both of them: what dy is brought into for one product serves the other.</summary>
    public virtual void BackwardFactors(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> dy, DevicePtr<float> dx, float betaX, DevicePtr<float> dw, float betaW)
    {
        BackwardInput(g, dy, w, dx, betaX);
        BackwardWeight(g, x, dy, dw, betaW);
    }

    /// <summary>db = beta db + the column sums of dy.</summary>
    public abstract void BackwardBias(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta);
}
