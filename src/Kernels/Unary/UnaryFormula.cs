namespace Graft.Kernels;

/// <summary>Functions of one number. a and b stand for alpha and beta. Unary.cu has them in the same order.</summary>
public enum UnaryFormula
{
    /// <summary>max(x, 0); slope 0 at 0.</summary>
    ReLU,

    /// <summary>min(max(x, 0), a): ReLU6 for a = 6; slope 0 at 0 and a.</summary>
    ReLUMax,

    /// <summary>x above 0, else a x; a is not negative.</summary>
    LeakyReLU,

    /// <summary>x above 0, else a (exp(x) - 1); a is not negative. Clevert et al. 2016, arXiv:1511.07289.</summary>
    ELU,

    /// <summary>ELU with the scale and alpha of Klambauer et al. 2017, arXiv:1706.02515.</summary>
    SELU,

    /// <summary>1 / (1 + exp(-x)).</summary>
    Sigmoid,

    /// <summary>min(max(x + 3, 0), 6) / 6, as in Keras 3 and torch.</summary>
    HardSigmoid,

    /// <summary>min(max(0.2 x + 0.5, 0), 1), as in Keras 1 and 2.</summary>
    HardSigmoidKeras2,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,

    /// <summary>x Phi(x) with the normal distribution's Phi, by erf. Hendrycks and Gimpel 2016, arXiv:1606.08415.</summary>
    Gelu,

    /// <summary>0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): GPT-2's GELU.</summary>
    GeluTanh,

    /// <summary>x sigmoid(x): swish.</summary>
    SiLU,

    /// <summary>x tanh(log(1 + exp(x))). Misra 2020, arXiv:1908.08681.</summary>
    Mish,

    /// <summary>log(1 + exp(x)).</summary>
    Softplus,

    /// <summary>x / (1 + |x|).</summary>
    Softsign,

    /// <summary>exp(x).</summary>
    Exp,

    /// <summary>Natural logarithm.</summary>
    Log,

    /// <summary>Square root.</summary>
    Sqrt,

    /// <summary>1 / sqrt(x).</summary>
    Rsqrt,

    /// <summary>x x.</summary>
    Square,

    /// <summary>|x|; slope 0 at 0.</summary>
    Abs,

    /// <summary>-x.</summary>
    Negate,

    /// <summary>1 / x.</summary>
    Reciprocal,

    /// <summary>a x + b.</summary>
    Scale,

    /// <summary>min(max(x, a), b); the bounds themselves have slope 1, as in torch.</summary>
    Clip,

    /// <summary>x above a, but at most b; 0 up to a: the upper side of Keras's ReLU. Slope 1 between a and b, 0 at both.</summary>
    Threshold,

    /// <summary>1 where x is not a, else 0; slope 0.</summary>
    NotEqual,

    /// <summary>x to the power of a.</summary>
    Pow,

    /// <summary>min(max(0.5 x + 0.5, 0), 1).</summary>
    SparseSigmoid,

    /// <summary>x min(max(x + 3, 0), 6) / 6: the hard form of <see cref="SiLU"/>. Howard et al. 2019, arXiv:1905.02244.</summary>
    HardSiLU,

    /// <summary>log(1 / (1 + exp(-x))).</summary>
    LogSigmoid,

    /// <summary>x - tanh(x).</summary>
    TanhShrink,

    /// <summary>x - a above a, x + a below -a, 0 between; a is not negative.</summary>
    SoftShrink,

    /// <summary>x where |x| is above a, else 0; a is not negative.</summary>
    HardShrink,

    /// <summary>(x + sqrt(x x + a)) / 2. Barron 2021, arXiv:2112.11687.</summary>
    SquarePlus,

    /// <summary>0 up to -1, (x + 1)^2 / 4 to 1, x from there on.</summary>
    SparsePlus,
}
