using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>A function applied to a layer's output, by Keras's name.</summary>
public enum Activation
{
    /// <summary>None: the value itself.</summary>
    Linear,

    /// <summary>max(x, 0).</summary>
    ReLU,

    /// <summary>min(max(x, 0), 6).</summary>
    ReLU6,

    /// <summary>1 / (1 + e^-x).</summary>
    Sigmoid,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,

    /// <summary>e^x over the sum of the last axis.</summary>
    Softmax,

    /// <summary>x times the normal distribution function, by erf: Hendrycks and Gimpel 2016.</summary>
    Gelu,

    /// <summary>The tanh form of <see cref="Gelu"/>, as GPT-2 uses it.</summary>
    GeluTanh,

    /// <summary>x times its sigmoid.</summary>
    SiLU,

    /// <summary>x, and e^x - 1 below 0.</summary>
    ELU,

    /// <summary>log(1 + e^x).</summary>
    Softplus,
}

/// <summary>Runs an <see cref="Activation"/> on a tape.</summary>
public static class ActivationExtensions
{
    /// <summary>Applies the function; <see cref="Activation.Linear"/> returns the tensor itself.</summary>
    public static Tensor Apply(this Activation activation, Tape tape, Tensor x)
    {
        if (activation == Activation.Linear)
            return x;
        Tensor y = tape.Run(OpOf(activation), x);
        tape.Release(x); // the layer's own intermediate: nobody else reads it
        return y;
    }

    private static Op OpOf(Activation activation) => activation switch
    {
        Activation.ReLU => new UnaryOp(UnaryFormula.ReLU),
        Activation.ReLU6 => new UnaryOp(UnaryFormula.ReLUMax, 6),
        Activation.Sigmoid => new UnaryOp(UnaryFormula.Sigmoid),
        Activation.Tanh => new UnaryOp(UnaryFormula.Tanh),
        Activation.Softmax => new SoftmaxOp(),
        Activation.Gelu => new UnaryOp(UnaryFormula.Gelu),
        Activation.GeluTanh => new UnaryOp(UnaryFormula.GeluTanh),
        Activation.SiLU => new UnaryOp(UnaryFormula.SiLU),
        Activation.ELU => new UnaryOp(UnaryFormula.ELU, 1),
        Activation.Softplus => new UnaryOp(UnaryFormula.Softplus),
        _ => throw new GraftException($"Activation {activation} has no op."),
    };
}
