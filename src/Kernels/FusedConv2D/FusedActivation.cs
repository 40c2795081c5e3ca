namespace Graft.Kernels;

/// <summary>What a fused kernel may do to a number before it stores it.</summary>
public enum FusedActivation
{
    /// <summary>y = v.</summary>
    None,

    /// <summary>y = max(v, 0).</summary>
    ReLU,

    /// <summary>y = min(max(v, 0), 6).</summary>
    ReLU6,
}

/// <summary>What a <see cref="FusedActivation"/> is among the formulas of one number.</summary>
public static class FusedActivationExtensions
{
    /// <summary>The formula over so many numbers, for the kernels of <see cref="UnaryKernels"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no activation.</exception>
    public static UnaryGeometry Over(this FusedActivation activation, long count) => activation switch
    {
        FusedActivation.ReLU => new(count, UnaryFormula.ReLU, 0, 0),
        FusedActivation.ReLU6 => new(count, UnaryFormula.ReLUMax, 6, 0),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "No activation."),
    };

    /// <summary>What a formula with this first parameter is where it is fused; None for one that no kernel fuses.</summary>
    public static FusedActivation Fused(this UnaryFormula formula, float alpha = 0) => (formula, alpha) switch
    {
        (UnaryFormula.ReLU, _) => FusedActivation.ReLU,
        (UnaryFormula.ReLUMax, 6) => FusedActivation.ReLU6,
        _ => FusedActivation.None,
    };
}
