namespace Graft;

/// <summary>Element type of a tensor. Computation is in float32; int32 holds indices and token ids.</summary>
public enum DType
{
    /// <summary>IEEE single precision.</summary>
    Float32,

    /// <summary>Signed 32-bit integer.</summary>
    Int32,
}
