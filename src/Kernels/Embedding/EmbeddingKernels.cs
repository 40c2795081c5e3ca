namespace Graft.Kernels;

/// <summary>Rows of a table by number: y[i] = table[ids[i]].</summary>
/// <remarks>Shapes: ids [Count] of int32, table [V,C], y [Count,C]. Matches torch.nn.Embedding and keras.layers.Embedding.</remarks>
public abstract class EmbeddingKernels
{
    /// <summary>
    /// Sees to it that all ids are rows: not below 0, and below V. Ask before <see cref="Forward"/>. The host's kernel sets throw at once. A GPU is not waited
    /// for: the exception comes when numbers are next read back on this thread, and until then a row that does not exist is NaN and has no gradient.
    /// </summary>
    /// <param name="g">The sizes.</param>
    /// <param name="ids">[Count].</param>
    /// <param name="given">[Count] numbers of 32 bits, as the ids were before they became whole numbers.</param>
    /// <param name="invalid">Makes the exception from the position of the first that is no row and the 32 bits that were given there.</param>
    public abstract void Check(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<int> given, Func<int, int, Exception> invalid);

    /// <summary>ids[i] = x[i] as a whole number, or -1 where it is none.</summary>
    public abstract void ToIds(int count, DevicePtr<float> x, DevicePtr<int> ids);

    /// <summary>The rows.</summary>
    public abstract void Forward(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> table, DevicePtr<float> y);

    /// <summary>y[i] = table[ids[i]] + positions[places[i]], in one kernel.</summary>
    /// <param name="g">The sizes, of the table.</param>
    /// <param name="ids">[Count].</param>
    /// <param name="table">[V,C].</param>
    /// <param name="places">[Count].</param>
    /// <param name="positions">[positionCount,C].</param>
    /// <param name="positionCount">Rows of positions.</param>
    /// <param name="y">[Count,C].</param>
    /// <returns>False where there is no such kernel; nothing was written.</returns>
    public virtual bool ForwardSum(
        in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> table, DevicePtr<int> places, DevicePtr<float> positions, int positionCount, DevicePtr<float> y) => false;

    /// <summary>dtable = beta dtable; then dtable[ids[i]] += dy[i] for i in order.</summary>
    public abstract void BackwardTable(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> dy, DevicePtr<float> dtable, float beta);
}
