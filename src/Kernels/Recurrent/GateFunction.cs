namespace Graft.Kernels;

/// <summary>What is applied to the sums of a gate, U numbers at a time.</summary>
/// <param name="Kind">Nothing, a formula, or a softmax over the U numbers.</param>
/// <param name="Formula">The formula.</param>
/// <param name="Alpha">Its first parameter, where it has one.</param>
/// <param name="Beta">Its second parameter, where it has one.</param>
public readonly record struct GateFunction(GateFunctionKind Kind, UnaryFormula Formula = default, float Alpha = 0, float Beta = 0)
{
    /// <summary>The formula for some numbers.</summary>
    public UnaryGeometry Geometry(long count) => new(count, Formula, Alpha, Beta);

    /// <summary>True where the slope is worked out from the sums: backward reads them.</summary>
    public bool NeedsInput => Kind == GateFunctionKind.Formula && UnaryGeometry.NeedsInput(Formula);
}

/// <summary>The kinds of <see cref="GateFunction"/>.</summary>
public enum GateFunctionKind
{
    /// <summary>The number itself.</summary>
    Linear,

    /// <summary>A formula of each number.</summary>
    Formula,

    /// <summary>e^x over the sum of the gate's units.</summary>
    Softmax,

    /// <summary>Its logarithm.</summary>
    LogSoftmax,
}
