using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;

namespace Graft.Training;

/// <summary>What an optimizer moves a parameter against.</summary>
/// <param name="Parameter">The parameter.</param>
/// <param name="Gradient">Its gradient in memory; Null where it is a product.</param>
/// <param name="Product">What the gradient is, where it is not in memory.</param>
internal readonly record struct ParameterGradient(Parameter Parameter, DevicePtr<float> Gradient, GradientProduct Product = default)
{
    /// <summary>What a backward pass found; null where no gradient reached the parameter.</summary>
    public static ParameterGradient? Of(Parameter parameter, Tape tape)
    {
        if (tape.Gradients.FindDeferred(parameter.Value) is { } deferred)
            return new ParameterGradient(parameter, DevicePtr<float>.Null, deferred.Product);
        return tape.Gradient(parameter.Value) is { } gradient ? new ParameterGradient(parameter, gradient.Data) : null;
    }
}
