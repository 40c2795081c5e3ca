namespace Graft.Kernels;

/// <summary>Losses of one number against one label, with the formulas of <see cref="LossFormula"/>; not averaged.</summary>
/// <remarks>Shapes: x, t, loss, dloss, dx [Count]. Matches keras.losses of Keras 3 before their mean over the last axis.</remarks>
public abstract class PointwiseLossKernels
{
    /// <summary>The loss of each element.</summary>
    public abstract void Forward(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss);

    /// <summary>dx = beta dx + dloss times the slope of the loss in x.</summary>
    public abstract void BackwardInput(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta);
}
