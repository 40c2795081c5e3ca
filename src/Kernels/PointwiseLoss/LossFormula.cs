namespace Graft.Kernels;

/// <summary>Losses of one prediction x and one label t. s is the label smoothing, which only the two cross-entropies use.</summary>
public enum LossFormula
{
    /// <summary>max(x, 0) - x t + log(1 + exp(-|x|)): the cross-entropy of sigmoid(x), finite for every logit.</summary>
    SigmoidCrossEntropy,

    /// <summary>-t log p - (1 - t) log(1 - p) with p = clip(x, 1e-7, 1 - 1e-7); what the clip changes has no gradient.</summary>
    BinaryCrossEntropy,

    /// <summary>(x - t)^2.</summary>
    SquaredError,

    /// <summary>|x - t|; slope 0 at 0.</summary>
    AbsoluteError,

    /// <summary>0.5 e^2 for |e| up to delta, else delta |e| - 0.5 delta^2, with e = x - t and the parameter as delta.</summary>
    Huber,
}
