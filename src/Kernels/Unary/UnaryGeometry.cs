namespace Graft.Kernels;

/// <summary>A function of one number, for each element: x [Count] to y [Count].</summary>
/// <param name="Count">Number of elements.</param>
/// <param name="Formula">The function.</param>
/// <param name="Alpha">Its first parameter, where it has one.</param>
/// <param name="Beta">Its second parameter, where it has one.</param>
public readonly record struct UnaryGeometry(long Count, UnaryFormula Formula, float Alpha = 0, float Beta = 0)
{
    /// <summary>True where the slope is worked out from x: backward reads x.</summary>
    public static bool NeedsInput(UnaryFormula formula) => formula is UnaryFormula.Gelu or UnaryFormula.GeluTanh or UnaryFormula.SiLU
        or UnaryFormula.Mish or UnaryFormula.Softplus or UnaryFormula.Log or UnaryFormula.Square or UnaryFormula.Abs or UnaryFormula.Clip or UnaryFormula.Threshold or UnaryFormula.Pow
        or UnaryFormula.HardSiLU or UnaryFormula.LogSigmoid or UnaryFormula.TanhShrink or UnaryFormula.SquarePlus or UnaryFormula.SparsePlus;

    /// <summary>True where the slope is worked out from y: backward reads y and x may be gone.</summary>
    public static bool NeedsOutput(UnaryFormula formula) =>
        !NeedsInput(formula) && formula is not (UnaryFormula.Negate or UnaryFormula.Scale);
}
