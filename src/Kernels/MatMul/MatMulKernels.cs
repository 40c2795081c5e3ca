namespace Graft.Kernels;

/// <summary>Batched matrix product: y[i] = op(a[BatchOfA[i]]) op(b[BatchOfB[i]]), op being a transposition where asked for.</summary>
/// <remarks>Shapes: see <see cref="MatMulGeometry"/>. Matches numpy.matmul, broadcasting of the batch axes included.</remarks>
/// <typeparam name="T">How a, b, y and the gradients of a and y lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class MatMulKernels<T>
    where T : unmanaged
{
    /// <summary>The products.</summary>
    public abstract void Forward(in MatMulGeometry g, DevicePtr<T> a, DevicePtr<T> b, DevicePtr<T> y);

    /// <summary>da = beta da + dy op(b)ᵀ (transposed as a is stored), summed over the products that used the same a.</summary>
    public abstract void BackwardA(in MatMulGeometry g, DevicePtr<T> dy, DevicePtr<T> b, DevicePtr<T> da, float beta);

    /// <summary>db = beta db + op(a)ᵀ dy (transposed as b is stored), summed over the products that used the same b.</summary>
    public abstract void BackwardB(in MatMulGeometry g, DevicePtr<T> a, DevicePtr<T> dy, DevicePtr<float> db, float beta);

    /// <summary>Both of them, of two different tensors: what dy is brought into for one product serves the other.</summary>
    public virtual void BackwardFactors(in MatMulGeometry g, DevicePtr<T> a, DevicePtr<T> b, DevicePtr<T> dy, DevicePtr<T> da, float betaA, DevicePtr<float> db, float betaB)
    {
        BackwardA(g, dy, b, da, betaA);
        BackwardB(g, a, dy, db, betaB);
    }
}

/// <summary>The same on float32.</summary>
public abstract class MatMulKernels : MatMulKernels<float>;
