namespace Graft.Kernels;

/// <summary>What a fused kernel may do to a number before it stores it.</summary>
public enum FusedActivation
{
    /// <summary>y = v.</summary>
    None,

    /// <summary>y = max(v, 0).</summary>
    ReLU,

    /// <summary>y = min(max(v, 0), 6).</summary>
    ReLU6,
}
