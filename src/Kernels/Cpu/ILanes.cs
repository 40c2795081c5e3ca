namespace Graft.Kernels.Cpu;

/// <summary>
/// Floats side by side in one register: what a formula is written in, so that one text serves every width. A comparison gives all bits
/// of a lane or none, for <see cref="Select"/> and <c>&amp;</c>.
/// </summary>
/// <remarks>
/// Its own interface since the runtime's vectors share none, and since a Vector512 where there are no such registers is several
/// registers at a time: too many for long formulas, which then run at a third to an eighth of the processor's speed. A loop over lanes
/// is marked AggressiveOptimization: before the runtime's last tier each operation is a call. And NoInlining: taken into a caller that is compiled with
/// a profile, it exceeds what the compiler inlines into one method, and its operations become calls again (an optimizer step took 4.1 ms instead of 0.2).
/// </remarks>
internal unsafe interface ILanes<V>
    where V : unmanaged, ILanes<V>
{
    /// <summary>Number of lanes.</summary>
    static abstract int Count { get; }

    static abstract V Zero { get; }

    static abstract V One { get; }

    static abstract V Create(float value);

    static abstract V Load(float* from);

    static abstract V operator +(V a, V b);

    static abstract V operator -(V a, V b);

    static abstract V operator *(V a, V b);

    static abstract V operator /(V a, V b);

    static abstract V operator -(V a);

    static abstract V operator &(V a, V b);

    /// <summary>a b + c, rounded once where the processor has the instruction, else twice.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    static abstract V Max(V a, V b);

    static abstract V Min(V a, V b);

    static abstract V Abs(V a);

    static abstract V Sqrt(V a);

    static abstract V Floor(V a);

    static abstract V LessThan(V a, V b);

    static abstract V LessThanOrEqual(V a, V b);

    static abstract V GreaterThan(V a, V b);

    static abstract V GreaterThanOrEqual(V a, V b);

    static abstract V Equals(V a, V b);

    /// <summary>yes where the mask is set, else no.</summary>
    static abstract V Select(V mask, V yes, V no);

    /// <summary>b where it is larger than a or is not a number, else a: one instruction. For an a that is a number.</summary>
    static abstract V MaxOf(V a, V b);

    /// <summary>b where it is smaller than a or is not a number, else a: one instruction. For an a that is a number.</summary>
    static abstract V MinOf(V a, V b);

    /// <summary>a 2^k for whole numbers k from -252 to 254, rounded twice where the result is subnormal.</summary>
    static abstract V Scale(V a, V k);

    /// <summary>m and k with x = m 2^k and m in [sqrt ½, sqrt 2), for normal positive x.</summary>
    static abstract V Split(V x, out V k);

    /// <summary>The sum of all lanes.</summary>
    static abstract float Sum(V a);

    void Store(float* to);

    float this[int lane] { get; }

    /// <summary>The same with one lane replaced.</summary>
    V With(int lane, float value);
}
