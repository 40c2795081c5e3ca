namespace Graft.Kernels;

/// <summary>The plain loops: where logits are on the host, generation itself narrows them and draws, with all its other options.</summary>
internal sealed class CpuTokenChoiceKernels : ReferenceTokenChoiceKernels;
