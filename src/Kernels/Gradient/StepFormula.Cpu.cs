using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>The step of an optimizer, written once for every width of vector.</summary>
internal interface IStepRule
{
    /// <summary>Makes the formula for vectors <typeparamref name="V"/> and hands it to <see cref="StepLoop.Move{T, V}"/>.</summary>
    void Run<V>(StepLoop loop) where V : unmanaged, ILanes<V>;
}

/// <summary>One optimizer step on neighbouring weights: the vectors are read, moved and written back by the loop.</summary>
/// <remarks>A formula holds its constants as vectors, so that a loop makes none; variants are types of their own, so that it has no tests for them.</remarks>
internal interface IStepFormula<V>
    where V : unmanaged, ILanes<V>
{
    /// <summary>True where the optimizer has slot A of <see cref="StepTensor"/>.</summary>
    static virtual bool HasA => false;

    /// <summary>True where it has slot B.</summary>
    static virtual bool HasB => false;

    /// <summary>True where it has slot C.</summary>
    static virtual bool HasC => false;

    /// <summary>Moves the weights and slots; slots that the optimizer lacks hold the gradient and are not written.</summary>
    void Apply(ref V w, V g, ref V a, ref V b, ref V c);
}

/// <summary>A choice that the compiler knows.</summary>
internal interface IFlag
{
    static abstract bool IsSet { get; }
}

/// <summary>With it.</summary>
internal readonly struct Yes : IFlag
{
    public static bool IsSet => true;
}

/// <summary>Without it.</summary>
internal readonly struct No : IFlag
{
    public static bool IsSet => false;
}
