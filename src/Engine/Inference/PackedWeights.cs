namespace Graft.Inference;

/// <summary>Frozen weights in the order of the routine that reads them.</summary>
internal abstract class PackedWeights : IDisposable
{
    /// <summary>Schedules that use them.</summary>
    public int Users { get; set; }

    /// <summary>The weights as the layer has them.</summary>
    public abstract Tensor Kernel { get; }

    /// <summary>The packed weights; null before <see cref="Refresh"/>.</summary>
    public abstract Tensor? Packed { get; }

    /// <summary>Bytes of the packed weights.</summary>
    public abstract long Bytes { get; }

    /// <summary>Packs the weights if they changed since the last time.</summary>
    public abstract void Refresh();

    /// <summary>Gives the memory back.</summary>
    public abstract void Dispose();
}
