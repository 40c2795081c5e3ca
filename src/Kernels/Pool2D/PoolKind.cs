namespace Graft.Kernels;

/// <summary>What pooling takes of its window.</summary>
public enum PoolKind
{
    /// <summary>The largest number.</summary>
    Max,

    /// <summary>The mean.</summary>
    Average,
}
