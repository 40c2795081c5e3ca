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

    /// <summary>x / (1 + |x|).</summary>
    Softsign,

    /// <summary>ELU with the scale that keeps mean 0 and variance 1: Klambauer et al. 2017.</summary>
    SELU,

    /// <summary>min(max(x + 3, 0), 6) / 6, as in Keras 3; Keras 1 and 2 had <see cref="HardSigmoidKeras2"/>.</summary>
    HardSigmoid,

    /// <summary>min(max(0.2 x + 0.5, 0), 1): the hard_sigmoid of Keras 1 and 2.</summary>
    HardSigmoidKeras2,

    /// <summary>e^x.</summary>
    Exponential,

    /// <summary>x, and 0.2 x below 0: Keras's leaky_relu; another slope takes the layer <see cref="Layers.LeakyReLU"/>.</summary>
    LeakyReLU,

    /// <summary>x tanh(log(1 + e^x)): Misra 2020.</summary>
    Mish,

    /// <summary>The logarithm of <see cref="Softmax"/>.</summary>
    LogSoftmax,

    /// <summary>x times <see cref="HardSigmoid"/>: hard_silu, hard_swish.</summary>
    HardSiLU,

    /// <summary>min(max(x, -1), 1).</summary>
    HardTanh,

    /// <summary>The logarithm of <see cref="Sigmoid"/>.</summary>
    LogSigmoid,

    /// <summary>x - tanh(x).</summary>
    TanhShrink,

    /// <summary>x - 0.5 above 0.5, x + 0.5 below -0.5, else 0.</summary>
    SoftShrink,

    /// <summary>x where |x| is above 0.5, else 0.</summary>
    HardShrink,

    /// <summary>(x + sqrt(x² + 4)) / 2: a smooth ReLU without exponentials.</summary>
    SquarePlus,

    /// <summary>0 up to -1, (x + 1)² / 4 to 1, x from there on.</summary>
    SparsePlus,

    /// <summary>min(max(0.5 x + 0.5, 0), 1).</summary>
    SparseSigmoid,

    /// <summary>x, and e^x - 1 below 0: continuous ELU with alpha 1, where it equals <see cref="ELU"/>. Barron 2017, arXiv:1704.07483.</summary>
    CELU,

    /// <summary>The nearest point with numbers of 0 or more that sum to 1, along the last axis. Martins and Astudillo 2016, arXiv:1602.02068.</summary>
    Sparsemax,

    /// <summary>The first half of the last axis times the sigmoid of the second half, as a layer of its own (<see cref="ActivationLayer"/>). Dauphin et al. 2017, arXiv:1612.08083.</summary>
    GLU,
}

/// <summary>Runs an <see cref="Activation"/> on a tape.</summary>
public static class ActivationExtensions
{
    /// <summary>Applies the function; <see cref="Activation.Linear"/> returns the tensor itself.</summary>
    public static Tensor Apply(this Activation activation, Tape tape, Tensor x)
    {
        if (activation == Activation.Linear)
            return x;
        if (activation == Activation.GLU)
            return Gate(tape, x);
        Tensor y = tape.Run(OpOf(activation), x);
        tape.Release(x); // the layer's own intermediate: nobody else reads it
        return y;
    }

    /// <summary>Shape of the result: that of the input, but for <see cref="Activation.GLU"/>, which halves the last axis.</summary>
    /// <exception cref="ShapeException">The last axis cannot be halved.</exception>
    internal static Shape OutputShape(this Activation activation, Shape x)
    {
        if (activation != Activation.GLU)
            return x;
        return x.Rank > 0 && x[-1] % 2 == 0 ? new Shape([.. x.Dims[..^1], x[-1] / 2])
            : throw new ShapeException($"GLU halves the last axis of {x}, which is not even; give the layer before it twice the features.");
    }

    // x1 sigmoid(x2); x is the layer's own intermediate, as in Apply.
    private static Tensor Gate(Tape tape, Tensor x)
    {
        int half = x.Shape[-1] / 2;
        Tensor value = tape.Run(new SliceOp(-1, 0, half), x), gate = tape.Run(new SliceOp(-1, half, half), x);
        tape.Release(x);
        Tensor share = tape.Run(new UnaryOp(UnaryFormula.Sigmoid), gate);
        tape.Release(gate);
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Multiply), value, share);
        tape.Release(value);
        tape.Release(share);
        return y;
    }

    /// <summary>The formula of an activation that looks at one number at a time and takes no parameter.</summary>
    /// <exception cref="GraftException">It is not of that kind.</exception>
    internal static UnaryFormula Formula(this Activation activation) => OpOf(activation) is UnaryOp { Alpha: 0 } op ? op.Formula
        : throw new GraftException($"Activation {activation} is not a function of one number without parameters.");

    /// <summary>What it is where a kernel before it applies it; None where none can.</summary>
    internal static FusedActivation Fused(this Activation activation) =>
        activation is not (Activation.Linear or Activation.GLU) && OpOf(activation) is UnaryOp op ? op.Fused : FusedActivation.None;

    /// <summary>The formula for the gates of a recurrent layer.</summary>
    internal static GateFunction Gate(this Activation activation) => activation switch
    {
        Activation.Linear => new GateFunction(GateFunctionKind.Linear),
        Activation.Softmax => new GateFunction(GateFunctionKind.Softmax),
        Activation.LogSoftmax => new GateFunction(GateFunctionKind.LogSoftmax),
        _ => OpOf(activation) is UnaryOp op ? new GateFunction(GateFunctionKind.Formula, op.Formula, op.Alpha, op.Beta)
            : throw new GraftException($"Activation {activation} is no function of a gate."),
    };

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
        Activation.Softsign => new UnaryOp(UnaryFormula.Softsign),
        Activation.SELU => new UnaryOp(UnaryFormula.SELU),
        Activation.HardSigmoid => new UnaryOp(UnaryFormula.HardSigmoid),
        Activation.HardSigmoidKeras2 => new UnaryOp(UnaryFormula.HardSigmoidKeras2),
        Activation.Exponential => new UnaryOp(UnaryFormula.Exp),
        Activation.LeakyReLU => new UnaryOp(UnaryFormula.LeakyReLU, 0.2f),
        Activation.Mish => new UnaryOp(UnaryFormula.Mish),
        Activation.LogSoftmax => new SoftmaxOp(log: true),
        Activation.HardSiLU => new UnaryOp(UnaryFormula.HardSiLU),
        Activation.HardTanh => new UnaryOp(UnaryFormula.Clip, -1, 1),
        Activation.LogSigmoid => new UnaryOp(UnaryFormula.LogSigmoid),
        Activation.TanhShrink => new UnaryOp(UnaryFormula.TanhShrink),
        Activation.SoftShrink => new UnaryOp(UnaryFormula.SoftShrink, 0.5f),
        Activation.HardShrink => new UnaryOp(UnaryFormula.HardShrink, 0.5f),
        Activation.SquarePlus => new UnaryOp(UnaryFormula.SquarePlus, 4),
        Activation.SparsePlus => new UnaryOp(UnaryFormula.SparsePlus),
        Activation.SparseSigmoid => new UnaryOp(UnaryFormula.SparseSigmoid),
        Activation.CELU => new UnaryOp(UnaryFormula.ELU, 1),
        Activation.Sparsemax => new SparsemaxOp(),
        _ => throw new GraftException($"Activation {activation} has no op."),
    };
}
