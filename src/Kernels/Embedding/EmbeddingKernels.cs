namespace Graft.Kernels;

/// <summary>Rows of a table by number: y[i] = table[ids[i]].</summary>
/// <remarks>Shapes: ids [Count] of int32, table [V,C], y [Count,C]. Matches torch.nn.Embedding and keras.layers.Embedding.</remarks>
public abstract class EmbeddingKernels
{
    /// <summary>
    /// Position of the first id below 0 or not below V, or -1 where all are good. Ask before <see cref="Forward"/>, which
    /// reads what the ids say.
    /// </summary>
    public abstract int FirstInvalid(in EmbeddingGeometry g, DevicePtr<int> ids);

    /// <summary>ids[i] = x[i] as a whole number, or -1 where it is none.</summary>
    public abstract void ToIds(int count, DevicePtr<float> x, DevicePtr<int> ids);

    /// <summary>The rows.</summary>
    public abstract void Forward(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> table, DevicePtr<float> y);

    /// <summary>dtable = beta dtable; then dtable[ids[i]] += dy[i] for i in order.</summary>
    public abstract void BackwardTable(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> dy, DevicePtr<float> dtable, float beta);
}
