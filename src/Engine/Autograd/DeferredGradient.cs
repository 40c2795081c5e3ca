using Graft.Kernels;

namespace Graft.Autograd;

/// <summary>
/// The gradient of a weight that backward left to the optimizer: dw = xᵀ dy. The layer's input and the gradient of its output stay as they are until then.
/// </summary>
/// <param name="Call">The op whose weight it is.</param>
/// <param name="Geometry">Its sizes.</param>
/// <param name="Input">x.</param>
/// <param name="OutputGradient">dy: a view of its own, so that whoever wants to write over that memory sees that it is shared.</param>
internal sealed record DeferredGradient(Ops.OpCall Call, DenseGeometry Geometry, Tensor Input, Tensor OutputGradient)
{
    /// <summary>As the kernels take it.</summary>
    public GradientProduct Product => new(Geometry, Input.Data, OutputGradient.Data);
}
