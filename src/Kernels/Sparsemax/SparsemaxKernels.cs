namespace Graft.Kernels;

/// <summary>
/// Sparsemax of each row: y = max(x - t, 0) with the one t for which y sums to 1, the point of the simplex nearest to x.
/// </summary>
/// <remarks>
/// Shapes: x, y, dx, dy [Rows,C]. With the row sorted in descending order, t = (the sum of the k largest - 1) / k for the largest k whose k-th number
/// is above that. Martins and Astudillo 2016, arXiv:1602.02068, algorithm 1 and eq. 14. Matches keras.activations.sparsemax.
/// </remarks>
public abstract class SparsemaxKernels
{
    /// <summary>y = sparsemax(x).</summary>
    public abstract void Forward(in SparsemaxGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>dx = beta dx + dy less the mean of dy over the row's numbers above 0, where y is above 0; 0 elsewhere.</summary>
    public abstract void BackwardInput(in SparsemaxGeometry g, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
