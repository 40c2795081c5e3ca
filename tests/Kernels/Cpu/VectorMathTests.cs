using Graft.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>
/// The functions on every width of vector against double precision, over all magnitudes of float32. Errors are counted in units in the
/// last place of the exact result (2^-23 of its power of two), which for subnormal results are 2^-149.
/// </summary>
public sealed unsafe class VectorMathTests
{
    public static TheoryData<int> Widths => [.. LaneWidth.All];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Exp_is_within_2_units_over_its_whole_range(int bits) =>
        Check(bits, default(Exp), Math.Exp, -105, 89, units: 2);

    [Theory]
    [MemberData(nameof(Widths))]
    public void Sigmoid_is_within_3_units(int bits) => // an exponential (1.2) and two roundings
        Check(bits, default(Sigmoid), x => 1 / (1 + Math.Exp(-x)), float.MinValue, float.MaxValue, units: 3);

    [Theory]
    [MemberData(nameof(Widths))]
    public void Tanh_is_within_3_units(int bits) => // the exponential's error, raised by 1 - e at the seam of 0.35
        Check(bits, default(Tanh), Math.Tanh, float.MinValue, float.MaxValue, units: 3);

    [Theory]
    [MemberData(nameof(Widths))]
    public void Log_is_within_2_units(int bits) =>
        Check(bits, default(Log), Math.Log, float.Epsilon, float.MaxValue, units: 2);

    [Theory]
    [MemberData(nameof(Widths))]
    public void Erf_is_within_5_units(int bits) => // the rational fit beyond 1 errs by 1.5e-7 itself
        Check(bits, default(ErfOf), Erf, float.MinValue, float.MaxValue, units: 5);

    [Theory]
    [MemberData(nameof(Widths))]
    public void Special_values_come_out_as_the_limits(int bits)
    {
        const float Inf = float.PositiveInfinity, Tiny = float.Epsilon;
        Assert.Equal([0f, Inf, 1f, float.NaN, Inf, 0f, 1f, 1f], At(bits, default(Exp), -Inf, Inf, 0, float.NaN, 100, -105, Tiny, -Tiny));
        Assert.Equal([0f, 1f, 0.5f, float.NaN, 0.5f], At(bits, default(Sigmoid), -Inf, Inf, 0, float.NaN, Tiny));
        Assert.Equal([-1f, 1f, 0f, float.NaN, Tiny], At(bits, default(Tanh), -Inf, Inf, 0, float.NaN, Tiny));
        Assert.Equal([float.NegativeInfinity, Inf, 0f, float.NaN, float.NaN, float.NaN], At(bits, default(Log), 0, Inf, 1, float.NaN, -1, -Inf));
        Assert.Equal([-1f, 1f, 0f, float.NaN], At(bits, default(ErfOf), -Inf, Inf, 0, float.NaN));
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void The_tail_of_a_loop_has_the_bits_of_full_vectors_and_writes_no_further(int bits)
    {
        using var x = GuardedBlock.Random(64, 1);
        using var whole = new GuardedBlock(64);
        Elementwise.Unary(bits, default(Exp), 64, x.Pointer, whole.Pointer, 0);
        for (int count = 1; count < 48; count++)
        {
            using var y = new GuardedBlock(count);
            Elementwise.Unary(bits, default(Exp), count, x.Pointer, y.Pointer, 0);
            Assert.True(y.Values.SequenceEqual(whole.Values[..count]), $"{count} elements differ.");
            y.AssertGuardsUntouched();
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Binary_and_ternary_loops_apply_the_formula_and_beta_and_read_nothing_where_beta_is_0(int bits)
    {
        const int Count = Elementwise.Chunk + 5;
        using var a = GuardedBlock.Random(Count, 1);
        using var b = GuardedBlock.Random(Count, 2);
        using var y = new GuardedBlock(Count); // NaN at first
        Elementwise.Ternary(bits, default(AddFirstTwo), Count, a.Pointer, b.Pointer, a.Pointer, y.Pointer, 0);
        for (int i = 0; i < Count; i++)
            Assert.Equal(a.Values[i] + b.Values[i], y.Values[i]);
        Elementwise.Ternary(bits, default(AddThree), Count, a.Pointer, a.Pointer, b.Pointer, y.Pointer, beta: 1);
        for (int i = 0; i < Count; i++)
            Assert.Equal(3 * (double)a.Values[i] + 2 * (double)b.Values[i], y.Values[i], tolerance: 1e-6); // four roundings of numbers below 8
        y.AssertGuardsUntouched();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(5000)]
    public void Max_is_the_largest_whatever_the_length(int count)
    {
        using var x = GuardedBlock.Random(count, 3);
        float max = float.NegativeInfinity;
        foreach (float value in x.Values)
            max = Math.Max(max, value);
        Assert.Equal(max, Elementwise.Max(count, x.Pointer));
    }

    /// <summary>Floats from one limit to the other, evenly over their bits (so that each power of two has as many), and evenly over numbers up to 128.</summary>
    private static void Check<T>(int bits, T f, Func<double, double> exact, float from, float to, double units)
        where T : unmanaged, IUnaryFormula
    {
        const int Points = 200_000;
        using var x = new GuardedBlock(2 * Points);
        using var y = new GuardedBlock(2 * Points);
        float near = Math.Max(from, -128), far = Math.Min(to, 128);
        long first = Ordinal(from), last = Ordinal(to);
        for (int i = 0; i < Points; i++)
        {
            x.Values[i] = FromOrdinal(first + (long)((last - first) * (double)i / (Points - 1)));
            x.Values[Points + i] = near + (far - near) * ((float)i / (Points - 1));
        }
        Elementwise.Unary(bits, f, 2 * Points, x.Pointer, y.Pointer, 0);
        double worst = 0, at = 0;
        for (int i = 0; i < 2 * Points; i++)
        {
            double expected = exact(x.Values[i]);
            bool overflows = Math.Abs(expected) > float.MaxValue; // where the exact result rounds to infinity or to the largest number
            double error = overflows ? (y.Values[i] >= float.MaxValue ? 0 : double.PositiveInfinity)
                : Math.Abs(y.Values[i] - expected) / Math.Max(Math.Pow(2, Math.Floor(Math.Log2(Math.Abs(expected))) - 23), float.Epsilon);
            if (!(error <= worst))
                (worst, at) = (error, x.Values[i]);
        }
        Assert.True(worst <= units, $"At {at:r} the result is {worst:g4} units off; {units} are allowed.");
        y.AssertGuardsUntouched();
    }

    /// <summary>The place of a float among all floats, 0 at zero.</summary>
    private static long Ordinal(float x) => x < 0 ? -(long)BitConverter.SingleToUInt32Bits(-x) : BitConverter.SingleToUInt32Bits(x);

    private static float FromOrdinal(long i) => i < 0 ? -BitConverter.UInt32BitsToSingle((uint)-i) : BitConverter.UInt32BitsToSingle((uint)i);

    private static float[] At<T>(int bits, T f, params float[] x)
        where T : unmanaged, IUnaryFormula
    {
        using var from = new GuardedBlock(x.Length);
        using var to = new GuardedBlock(x.Length);
        x.CopyTo(from.Values);
        Elementwise.Unary(bits, f, x.Length, from.Pointer, to.Pointer, 0);
        return to.Values.ToArray();
    }

    /// <summary>The Maclaurin series, within 1e-9 up to 4, where its largest term is 1e6; beyond, the function is 1 to 2e-8.</summary>
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 4)
            return Math.Sign(x);
        double term = x, sum = x;
        for (int n = 1; n < 120; n++)
        {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }
        return sum * 2 / Math.Sqrt(Math.PI);
    }

    private readonly struct Exp : IUnaryFormula
    {
        public V Apply<V>(V x)
            where V : unmanaged, ILanes<V> => VectorMath.Exp(x);
    }

    private readonly struct Sigmoid : IUnaryFormula
    {
        public V Apply<V>(V x)
            where V : unmanaged, ILanes<V> => VectorMath.Sigmoid(x);
    }

    private readonly struct Tanh : IUnaryFormula
    {
        public V Apply<V>(V x)
            where V : unmanaged, ILanes<V> => VectorMath.Tanh(x);
    }

    private readonly struct Log : IUnaryFormula
    {
        public V Apply<V>(V x)
            where V : unmanaged, ILanes<V> => VectorMath.Log(x);
    }

    private readonly struct ErfOf : IUnaryFormula
    {
        public V Apply<V>(V x)
            where V : unmanaged, ILanes<V> => VectorMath.Erf(x);
    }

    private readonly struct AddFirstTwo : ITernaryFormula
    {
        public V Apply<V>(V a, V b, V c)
            where V : unmanaged, ILanes<V> => a + b;
    }

    private readonly struct AddThree : ITernaryFormula
    {
        public V Apply<V>(V a, V b, V c)
            where V : unmanaged, ILanes<V> => a + b + c;
    }
}
