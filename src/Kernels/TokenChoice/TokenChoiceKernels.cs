namespace Graft.Kernels;

/// <summary>Chooses the next token of each sequence where its logits are: logits are divided by the temperature, the top k kept, of those the top p, of those one drawn.</summary>
/// <remarks>
/// The order and the rules of transformers' TemperatureLogitsWarper, TopKLogitsWarper and TopPLogitsWarper (Fan et al. 2018, arXiv:1805.04833; Holtzman et al. 2019,
/// arXiv:1904.09751). A draw inverts the cumulative distribution in the order of the tokens, at a number of 53 bits made of seed, row and draw by Philox.
/// </remarks>
public abstract class TokenChoiceKernels
{
    /// <summary>In place of a token where a logit is not a number.</summary>
    public const int NotANumber = -1;

    /// <summary>In place of a token where a logit is infinite.</summary>
    public const int Infinite = -2;

    /// <summary>In place of a token where all logits are negative infinity.</summary>
    public const int Forbidden = -3;

    /// <summary>Chooses, and counts: both counters of each row grow by one.</summary>
    /// <param name="g">How.</param>
    /// <param name="logits">[Rows,V].</param>
    /// <param name="counters">[2,Rows]: tokens that the sequences have read, which are counted alone, and draws before this one.</param>
    /// <param name="tokens">[Rows]: the tokens, or one of the negative numbers above.</param>
    public abstract void Forward(in TokenChoiceGeometry g, DevicePtr<float> logits, DevicePtr<int> counters, DevicePtr<int> tokens);
}
