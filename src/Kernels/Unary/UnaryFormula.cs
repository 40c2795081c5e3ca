namespace Graft.Kernels;

/// <summary>A function of one number. alpha and beta are attributes of the op.</summary>
public enum UnaryFormula
{
    /// <summary>max(x, 0); gradient 0 at 0.</summary>
    ReLU,

    /// <summary>min(max(x, 0), alpha); gradient 0 at both kinks.</summary>
    ReLUMax,

    /// <summary>x above 0, alpha · x below.</summary>
    LeakyReLU,

    /// <summary>x above 0, alpha · (e^x - 1) below. Clevert et al. 2015, arXiv:1511.07289.</summary>
    ELU,

    /// <summary>Scaled ELU with the constants of Klambauer et al. 2017, arXiv:1706.02515.</summary>
    SELU,

    /// <summary>1 / (1 + e^-x).</summary>
    Sigmoid,

    /// <summary>min(max(x + 3, 0), 6) / 6, as Keras 3 and PyTorch have it.</summary>
    HardSigmoid,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,

    /// <summary>x Φ(x), by the error function. Hendrycks and Gimpel 2016, arXiv:1606.08415.</summary>
    Gelu,

    /// <summary>0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))): GPT-2's form.</summary>
    GeluTanh,

    /// <summary>x times its sigmoid (swish).</summary>
    SiLU,

    /// <summary>log(1 + e^x).</summary>
    Softplus,

    /// <summary>x / (1 + |x|).</summary>
    Softsign,

    /// <summary>e^x.</summary>
    Exp,

    /// <summary>Natural logarithm.</summary>
    Log,

    /// <summary>Square root.</summary>
    Sqrt,

    /// <summary>1 / sqrt(x).</summary>
    Rsqrt,

    /// <summary>x².</summary>
    Square,

    /// <summary>|x|; gradient 0 at 0.</summary>
    Abs,

    /// <summary>-x.</summary>
    Negate,

    /// <summary>1 / x.</summary>
    Reciprocal,

    /// <summary>alpha · x + beta.</summary>
    Scale,

    /// <summary>x limited to alpha..beta; the gradient passes on the limits themselves, as in PyTorch.</summary>
    Clip,
}
