namespace Graft.Kernels;

/// <summary>
/// A dense (fully connected) layer: y[n,o] = b[o] + sum_i x[n,i] w[i,o].
/// </summary>
/// <remarks>
/// Shapes: x [N,I], w [I,O] as Keras and GPT-2 store it, b [O], y [N,O]. Matches keras.layers.Dense without its activation.
/// </remarks>
/// <typeparam name="T">How x, w, y and the gradients of x and y lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class DenseKernels<T>
    where T : unmanaged
{
    /// <summary>y = x w + b. <paramref name="b"/> may be Null: no bias.</summary>
    public abstract void Forward(in DenseGeometry g, DevicePtr<T> x, DevicePtr<T> w, DevicePtr<float> b, DevicePtr<T> y);

    /// <summary>dx = beta dx + dy wᵀ.</summary>
    public abstract void BackwardInput(in DenseGeometry g, DevicePtr<T> dy, DevicePtr<T> w, DevicePtr<T> dx, float beta);

    /// <summary>dw = beta dw + xᵀ dy.</summary>
    public abstract void BackwardWeight(in DenseGeometry g, DevicePtr<T> x, DevicePtr<T> dy, DevicePtr<float> dw, float beta);

    /// <summary>Both of them: what dy is brought into for one product serves the other.</summary>
    public virtual void BackwardFactors(in DenseGeometry g, DevicePtr<T> x, DevicePtr<T> w, DevicePtr<T> dy, DevicePtr<T> dx, float betaX, DevicePtr<float> dw, float betaW)
    {
        BackwardInput(g, dy, w, dx, betaX);
        BackwardWeight(g, x, dy, dw, betaW);
    }

    /// <summary>db = beta db + the column sums of dy.</summary>
    public abstract void BackwardBias(in DenseGeometry g, DevicePtr<T> dy, DevicePtr<float> db, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class DenseKernels : DenseKernels<float>;
