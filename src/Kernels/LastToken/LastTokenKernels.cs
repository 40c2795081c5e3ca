namespace Graft.Kernels;

/// <summary>The row of the last token that is no padding: y[n] = x[n, last(n)], last(n) = the greatest t with ids[n,t] != padding, 0 where there is none.</summary>
/// <remarks>
/// Shapes: ids [N,T] of four bytes, compared bit by bit; x, dx [N,T,C]; y, dy [N,C]. Padding may stand at either side. Source: GPT2ForSequenceClassification of
/// transformers 4.50; releases before it take the token before the first padding, which is the same where padding stands at the right alone.
/// </remarks>
/// <typeparam name="T">How x, y and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class LastTokenKernels<T>
    where T : unmanaged
{
    /// <summary>The rows.</summary>
    public abstract void Forward(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<T> x, DevicePtr<T> y);

    /// <summary>dx = beta dx, plus dy at the rows that were taken; for beta 0 all other rows are 0.</summary>
    public abstract void BackwardInput(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<T> dy, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class LastTokenKernels : LastTokenKernels<float>;
