namespace Graft.Models;

/// <summary>When beam search ends, as transformers' <c>early_stopping</c> says it.</summary>
public enum BeamStopping
{
    /// <summary>False: as soon as it is unlikely that a better candidate follows, judged by the best running beam at its present length.</summary>
    Off,

    /// <summary>True: as soon as there are as many complete candidates as beams.</summary>
    On,

    /// <summary>"never": only when no better candidate can follow, whatever its length.</summary>
    Never,
}
