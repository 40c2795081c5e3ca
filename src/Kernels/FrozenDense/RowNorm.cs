namespace Graft.Kernels;

/// <summary>The normalisation of rows that <see cref="LayerNormKernels"/> has, as the first part of a product.</summary>
/// <param name="Scale">[K].</param>
/// <param name="Shift">[K].</param>
/// <param name="Epsilon">Added to the variance.</param>
public readonly record struct RowNorm(DevicePtr<float> Scale, DevicePtr<float> Shift, float Epsilon);
