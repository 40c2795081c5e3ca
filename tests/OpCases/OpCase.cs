using Graft.Ops;

namespace Graft.Tests.OpCases;

/// <summary>One op with attributes and inputs, run by every test of tests/Ops: gradients, parity of the kernel sets.</summary>
/// <param name="Name">Unique: op, attributes, sizes.</param>
/// <param name="Op">The op.</param>
/// <param name="Inputs">Its inputs.</param>
public sealed record OpCase(string Name, Op Op, params OpInput[] Inputs)
{
    /// <summary>
    /// Parity: largest difference from Reference, as a share of max(1, largest magnitude). Reference sums in double, the others in
    /// float in another order; 1e-5 is some 100 roundings.
    /// </summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>
    /// Gradient check: largest difference from finite differences, as a share of max(1, largest magnitude). Outputs are rounded
    /// to float (6e-8) and divided by the step of 2e-2; sums of up to some hundred of them leave about 1e-4.
    /// </summary>
    public double GradientTolerance { get; init; } = 1e-3;

    /// <summary>False where finite differences make no sense or take long; parity still covers the case.</summary>
    public bool ChecksGradient { get; init; } = true;

    public override string ToString() => Name;
}

/// <summary>How one input is filled, from a literal seed.</summary>
/// <param name="Shape">Its shape.</param>
/// <param name="From">Smallest number.</param>
/// <param name="To">Largest number.</param>
/// <param name="Kind">How numbers are drawn.</param>
public sealed record OpInput(Shape Shape, double From = -1, double To = 1, OpInputKind Kind = OpInputKind.Uniform)
{
    /// <summary>Integers in [from, to).</summary>
    public static OpInput Ids(Shape shape, int from, int to) => new(shape, from, to, OpInputKind.Integer);

    /// <summary>Whole numbers in [from, to), as floats: class indices.</summary>
    public static OpInput FloatIds(Shape shape, int from, int to) => new(shape, from, to, OpInputKind.WholeFloat);

    /// <summary>Numbers 0.125 apart in random order: no two are near enough for a maximum to change hands.</summary>
    public static OpInput Distinct(Shape shape) => new(shape, 0, 0, OpInputKind.Distinct);
}

/// <summary>How the numbers of an input are drawn.</summary>
public enum OpInputKind
{
    /// <summary>Float32, uniform in [From, To).</summary>
    Uniform,

    /// <summary>Float32, all different by at least 0.125.</summary>
    Distinct,

    /// <summary>Float32, whole numbers, uniform in [From, To).</summary>
    WholeFloat,

    /// <summary>Int32, uniform in [From, To).</summary>
    Integer,
}
